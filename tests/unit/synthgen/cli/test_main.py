import json
import os
import signal
import subprocess
import sys
from importlib.metadata import version

import pytest
from typer.testing import CliRunner

from synthgen.cli import main as cli

COMMANDS = (
    *("init", "doctor", "plan", "run", "release", "approve", "verify", "report", "evaluate", "blend", "shadow"),
    *(
        "train-bridge",
        "schema",
        "models",
        "keys",
        "trust",
        "budget",
        "timestamp",
        "inspect",
        "diff",
        "export",
        "airgap",
    ),
)
STOPPED = "os.kill(os.getpid(), 15); time.sleep(60)"
STOPPED_IN_A_LIBRARY = (
    "try:\n        os.kill(os.getpid(), 15)\n        time.sleep(9)\n"
    "    except SystemExit:\n        raise synthgen.core.errors.DependencyError('a module failed')"
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


def run_command(body, *options, name="extra"):
    """Run the command line with a further command that has this name and body."""
    return script(
        "import os, sys, time, synthgen.core.errors\nfrom synthgen.cli import main as cli\n"
        f"@cli.app.command({name!r})\ndef extra(as_json: cli.AsJson = False):\n    {body}\n"
        f"sys.argv = {['synthgen', name, *options]}\ncli.main()\n"
    )


def invoke(*arguments):
    return CliRunner().invoke(cli.app, [str(argument) for argument in arguments])


def test_the_version_is_printed():
    found = invoke("--version")
    assert (found.exit_code, found.stdout) == (0, f"synthgen {version('synthgen')}\n")


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
    assert all(name in done.stdout for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name):
    found = invoke(name, "--help")
    assert found.exit_code == 0
    assert "Usage:" in found.output
    assert "<bool>" not in found.output  # a flag has no value


@pytest.mark.parametrize(
    "arguments",
    [["paint"], ["verify"], ["plan", "c.yaml", "--frob"], ["run", "c.yaml", "--resume", "maybe"], ["keys"]],
)
def test_a_usage_error_exits_with_2_and_prints_no_traceback(arguments):
    done = run(*arguments)
    assert done.returncode == 2
    assert "Usage:" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_the_exit_code_of_a_failed_verification_is_kept(tmp_path):
    done = run("verify", tmp_path / "nowhere", "--trust", tmp_path / "trust.json", "--json")
    assert done.returncode == 10
    assert json.loads(done.stdout)["code"] == 10
    assert done.stderr.endswith("VERIFICATION FAILED: do not use this bundle\n")


@pytest.mark.parametrize(
    ("error", "code"),
    [("ConfigError", 3), ("ReleaseRefused", 4), ("ModelMissing", 6), ("Interrupted", 7), ("StorageError", 3)],
)
def test_an_error_is_one_message_with_the_code_of_its_class(error, code):
    done = run_command(f"raise synthgen.core.errors.{error}('m', problems=['p'], hint='h')")
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr == "error: m\n  - p\nh\n"


def test_an_error_of_the_audits_has_its_own_code(tmp_path):
    (tmp_path / "trust.json").write_text("{}")
    done = run("trust", "show", tmp_path / "trust.json")
    assert done.returncode == 11
    assert done.stderr.startswith("error: ")


def test_a_signal_that_a_library_turns_into_an_error_still_exits_with_7():
    found = run_command(STOPPED_IN_A_LIBRARY)
    assert found.returncode == 7, found.stderr
    assert found.stderr == "Stopped. Run the command again.\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_exits_with_7_and_says_how_to_continue(number):
    for name, how in (
        ("release", ", without `--resume never`, to continue after the last finished stage.\n"),
        ("extra", ".\n"),
    ):
        done = run_command(f"os.kill(os.getpid(), {int(number)}); time.sleep(60)", name=name)
        assert done.returncode == 7
        assert done.stderr.startswith(f"Stopped. Run the command again{how}")


def test_files_of_a_command_are_private_and_no_hub_is_accessed():
    done = run_command(
        "print(oct(os.umask(0)), os.environ['HF_HUB_OFFLINE'], os.environ['HF_HUB_DISABLE_TELEMETRY'])"
    )
    assert done.stdout.split() == ["0o77", "1", "1"]


def test_an_error_is_printed_as_json_where_json_is_requested(tmp_path):
    done = run("budget", "show", tmp_path / "none.yaml", "--json")
    error = json.loads(done.stdout)["error"]
    assert (done.returncode, error["code"], set(error)) == (3, 3, {"code", "message", "problems", "hint"})
    assert done.stderr.startswith(f"error: {error['message']}")
    assert run("budget", "show", tmp_path / "none.yaml").stdout == ""


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["paint", "--json"], "No such command 'paint'"),
        (["verify", "--json"], "Missing argument 'bundle'"),
        (["plan", "c.yaml", "--json", "--frob"], "No such option: --frob"),
        (["run", "c.yaml", "--json", "--resume", "maybe"], "Invalid value for '--resume'"),
        (["keys", "--json"], "No such option: --json"),
        (["verify", "b", "--json"], "pass --trust FILE to verify everything"),
        (["schema", "policy", "--markdown", "--json"], "--markdown is not available"),
    ],
)
def test_a_usage_error_is_one_json_object_where_json_is_requested(words, message):
    done = run(*words)
    error = json.loads(done.stdout)["error"]
    assert (done.returncode, error["code"], set(error)) == (2, 2, {"code", "message", "problems", "hint"})
    assert error["message"].startswith(message)
    assert error["message"][:20] in done.stderr


def test_an_exit_of_a_command_adds_no_json():
    done = run_command("print('{}'); raise SystemExit(2)", "--json")
    assert (done.returncode, done.stdout) == (2, "{}\n")


@pytest.mark.parametrize("body", [STOPPED, STOPPED_IN_A_LIBRARY], ids=["exit", "library"])
def test_an_interruption_is_one_json_object_where_json_is_requested(body):
    done = run_command(body, "--json")
    error = json.loads(done.stdout)["error"]
    assert (done.returncode, error["code"], error["message"]) == (7, 7, "stopped")
    assert error["hint"].startswith("Run the command again")


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
    found = invoke("schema", "policy")
    assert found.exit_code == 0
    assert json.loads(found.stdout)["title"] == "Policy"


def test_the_reference_page_is_printed_for_the_configuration_only():
    found = invoke("schema", "config", "--markdown")
    assert found.exit_code == 0
    assert found.stdout.startswith("# Configuration\n")
    refused = invoke("schema", "policy", "--markdown")
    assert "--markdown is not available for policy" in str(refused.exception)


def test_init_makes_a_folder_once(tmp_path):
    assert invoke("init", tmp_path / "trial", "--template", "newsgroup").exit_code == 0
    assert (tmp_path / "trial" / "newsgroups.yaml").is_file()
    assert "exists and is not an empty folder" in str(invoke("init", tmp_path / "trial").exception)
