import json
import os
import signal
import subprocess
import sys
import time

import pytest

from audits.cli import main as cli
from audits.cli.console import listed, say, standard_streams


@pytest.mark.parametrize(
    ("given", "names"),
    [(None, None), ("", []), (" , ", []), ("memorization", ["memorization"]), ("a, b,", ["a", "b"])],
)
def test_listed_splits_at_commas(given, names):
    assert listed(given) == names


def test_say_writes_to_stderr(capsys):
    say("memorization: pass")
    assert capsys.readouterr() == ("", "memorization: pass\n")


def test_say_replaces_control_characters_and_keeps_lines(capsys):
    say("a\x1b[31mb\nc\x85d\u2028e\u202ef\rg")
    assert capsys.readouterr().err == "a\ufffd[31mb\nc\ufffdd\ufffde\ufffdf\ufffdg\n"


def test_an_error_of_the_system_is_not_hidden(capsys):
    with pytest.raises(OSError, match="no such device"), standard_streams():
        raise OSError(19, "no such device")
    assert capsys.readouterr() == ("", "\n")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["paint", "--json"], "No such command 'paint'"),
        (["run", "--json"], "Missing option '--synthetic'"),
        (["explain", "linkage", "--json", "--frob"], "No such option: --frob"),
    ],
)
def test_a_usage_error_is_one_json_object_where_json_is_requested(call, words, message):
    code, output, error = call(*words)
    found = json.loads(output)["error"]
    assert (code, found["code"], found["problems"]) == (2, 2, [])
    assert found["message"].startswith(message)
    assert message in error
    assert call(*[word for word in words if word != "--json"])[1] == ""


def test_an_interruption_is_one_json_object_where_json_is_requested(call, monkeypatch):
    def interrupted():
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(60)

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    monkeypatch.setattr(cli, "app", interrupted)
    try:
        code, output, error = call("run", "--json")
        assert (code, json.loads(output)["error"]["code"]) == (7, 7)
        assert error == "audits: interrupted\nRun the same command again.\n"
        assert call("run")[1] == ""
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def test_importing_is_cheap():
    code = "import audits, audits.cli.main, sys; print([m for m in ('numpy', 'sklearn') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


STOPPED_IN_DEL = """
import os, signal, sys, time
from audits.cli.console import protect_process

class Finalised:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0.1)

protect_process(lambda *_: sys.exit(7))
one = Finalised()
del one
time.sleep(10)
"""


def test_a_signal_during_a_finaliser_stops_the_process():
    done = subprocess.run([sys.executable, "-c", STOPPED_IN_DEL], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (7, "")
