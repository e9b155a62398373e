import json
import os
import signal
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from synthgen.cli import main as cli

COMMANDS = (
    "init",
    "doctor",
    "plan",
    "run",
    "release",
    "approve",
    "verify",
    "report",
    "evaluate",
    "train-bridge",
    "schema",
    "models",
    "keys",
    "trust",
    "timestamp",
    "blend",
)


def run(*arguments, **env):
    return subprocess.run(
        [sys.executable, "-m", "synthgen", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "NO_COLOR": "1", "COLUMNS": "100", **env},
        stdin=subprocess.DEVNULL,
    )


def script(lines):
    return subprocess.run([sys.executable, "-c", lines], capture_output=True, text=True, check=False)


def test_help_is_quick_and_imports_nothing_heavy():
    done = script(
        "import os, sys\n"
        "from synthgen.cli import main as cli\n"
        "sys.argv = ['synthgen', '--help']\n"
        "try:\n    cli.main()\n"
        "except SystemExit as stop:\n    assert not stop.code, stop.code\n"
        "heavy = {'torch', 'transformers', 'numpy', 'sklearn', 'faiss', 'pyarrow', 'matplotlib'} & set(sys.modules)\n"
        "used = os.times()\n"
        "print(sorted(heavy), used.user + used.system)\n"
    )
    heavy, seconds = done.stdout.splitlines()[-1].rsplit(" ", 1)
    assert heavy == "[]", done.stderr
    assert float(seconds) < 1
    for name in COMMANDS:
        assert name in done.stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name):
    found = CliRunner().invoke(cli.app, [name, "--help"])
    assert found.exit_code == 0
    assert "Usage:" in found.output


@pytest.mark.parametrize(
    "arguments",
    [["paint"], ["verify"], ["plan", "c.yaml", "--frob"], ["run", "c.yaml", "--resume", "maybe"], ["keys"]],
)
def test_a_usage_error_exits_with_2_and_prints_no_traceback(arguments):
    done = run(*arguments)
    assert done.returncode == 2
    assert "Usage:" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_the_code_of_a_command_that_stops_early_is_handed_on(tmp_path):
    done = run("verify", tmp_path / "nowhere", "--trust", tmp_path / "trust.json", "--json")
    assert done.returncode == 10
    assert json.loads(done.stdout)["code"] == 10
    assert f"REFUSED  {'nowhere'}" in done.stderr


@pytest.mark.parametrize(
    ("raised", "code"),
    [
        ("synthgen.core.errors.ConfigError('m', problems=['p'], hint='h')", 3),
        ("synthgen.core.errors.ReleaseRefused('m', problems=['p'], hint='h')", 4),
        ("synthgen.core.errors.ModelMissing('m', problems=['p'], hint='h')", 6),
        ("synthgen.core.errors.Interrupted('m', problems=['p'], hint='h')", 7),
        ("synthgen.core.errors.StorageError('m', problems=['p'], hint='h')", 3),
    ],
)
def test_an_error_is_one_message_with_the_code_of_its_class(raised, code):
    done = script(
        "import sys, synthgen.core.errors\nfrom synthgen.cli import main as cli\n"
        f"@cli.app.command()\ndef fail():\n    raise {raised}\n"
        "sys.argv = ['synthgen', 'fail']\ncli.main()\n"
    )
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr == "error: m\n  - p\nh\n"


def test_an_error_of_the_audits_has_its_own_code(tmp_path):
    (tmp_path / "trust.json").write_text("{}")
    done = run("trust", "show", tmp_path / "trust.json")
    assert done.returncode == 11
    assert done.stderr.startswith("error: ")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_exits_with_7_and_says_how_to_continue(number):
    done = script(
        "import os, sys, time\nfrom synthgen.cli import main as cli\n"
        f"@cli.app.command()\ndef wait():\n    os.kill(os.getpid(), {int(number)})\n    time.sleep(60)\n"
        "sys.argv = ['synthgen', 'wait']\ncli.main()\n"
    )
    assert done.returncode == 7
    assert done.stderr.startswith("stopped; run the same command without `--resume never` to continue")


def test_files_of_a_command_are_private_and_no_hub_is_accessed():
    done = script(
        "import os, sys\nfrom synthgen.cli import main as cli\n"
        "@cli.app.command()\ndef look():\n"
        "    print(oct(os.umask(0)), os.environ['HF_HUB_OFFLINE'], os.environ['HF_HUB_DISABLE_TELEMETRY'])\n"
        "sys.argv = ['synthgen', 'look']\ncli.main()\n"
    )
    assert done.stdout.split() == ["0o77", "1", "1"]


def test_text_for_people_carries_no_control_characters(capsys):
    cli.say("a\x1b[31mred\nnext\x07")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "\x1b" not in captured.err
    assert "\x07" not in captured.err
    assert len(captured.err.splitlines()) == 2


def test_json_for_programs_is_plain_ascii(capsys):
    cli.print_json({"b": "é\u202e", "a": 1})
    out = capsys.readouterr().out
    assert out.isascii()
    assert json.loads(out) == {"a": 1, "b": "é\u202e"}


def test_a_schema_is_printed_as_json():
    found = CliRunner().invoke(cli.app, ["schema", "policy"])
    assert found.exit_code == 0
    assert json.loads(found.stdout)["title"] == "Policy"


def test_the_reference_page_is_printed_for_the_configuration_only():
    found = CliRunner().invoke(cli.app, ["schema", "config", "--markdown"])
    assert found.exit_code == 0
    assert found.stdout.startswith("# Configuration\n")
    refused = CliRunner().invoke(cli.app, ["schema", "policy", "--markdown"])
    assert "--markdown is not available for policy" in str(refused.exception)


def test_init_makes_a_folder_once(tmp_path):
    made = CliRunner().invoke(cli.app, ["init", str(tmp_path / "trial"), "--template", "newsgroup"])
    assert made.exit_code == 0
    assert (tmp_path / "trial" / "newsgroups.yaml").is_file()
    again = CliRunner().invoke(cli.app, ["init", str(tmp_path / "trial")])
    assert "exists and is not empty" in str(again.exception)
