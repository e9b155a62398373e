import json
from types import SimpleNamespace

import pytest
import typer
from typer.testing import CliRunner

from audits.cli.main import app as audits
from synthgen.cli import main as cli
from synthgen.cli.output import print_fields, print_json, print_result


def commands(group, path=()):
    """Yield each command below a group with its path."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))
        else:
            yield " ".join((*path, name)), command


@pytest.mark.parametrize(
    ("app", "some"),
    [(cli.app, {"init", "keys new", "models pull", "train-bridge", "airgap pack"}), (audits, {"run", "explain"})],
    ids=["synthgen", "audits"],
)
def test_every_command_has_the_option_json(app, some):
    found = dict(commands(typer.main.get_command(app)))
    assert some <= set(found)
    without = [name for name, one in found.items() if not any("--json" in option.opts for option in one.params)]
    assert without == []


def test_a_result_is_text_or_one_json_object(capsys):
    result = SimpleNamespace(to_json=lambda: {"b": 1, "a": "\u202e"}, to_text=lambda: "one\ntwo\x1b")
    print_result(result, as_json=False)
    shown = capsys.readouterr()
    assert (shown.out.splitlines()[0], len(shown.out.splitlines()), shown.err) == ("one", 2, "")
    print_fields({"b": 1, "a": "\u202e"}, "one\ntwo\x1b", as_json=True)
    as_json = capsys.readouterr()
    assert json.loads(as_json.out) == {"a": "\u202e", "b": 1}
    assert as_json.out.isascii()
    assert as_json.err == shown.out


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_number_that_json_does_not_have_is_an_error(capsys, number):
    with pytest.raises(ValueError, match="not JSON compliant"):
        print_json({"a": number})
    assert capsys.readouterr().out == ""


def called(*words):
    return CliRunner().invoke(cli.app, [str(word) for word in words], catch_exceptions=False)


@pytest.fixture
def trial(tmp_path, monkeypatch):
    monkeypatch.setenv("SYNTHGEN_KEY_PASSPHRASE", "correct horse")
    monkeypatch.setenv("SYNTHGEN_MODELS", str(tmp_path / "store"))
    folder = tmp_path / "trial"
    fields = json.loads(called("init", folder, "--template", "newsgroup", "--json").stdout)
    assert fields == {
        "folder": str(folder),
        "configuration": str(folder / "newsgroups.yaml"),
        "trust": str(folder / "trust.json"),
    }
    return folder


def test_commands_without_a_run_print_one_object_with_fixed_keys(trial, tmp_path):
    key, public, trust = tmp_path / "ann.pem", tmp_path / "ann.pub.json", tmp_path / "trust.json"
    report = trial / "report" / "report.html"
    report.parent.mkdir()
    report.touch()
    cases = {
        ("keys", "new", key, "--person", "Ann", "--org", "Clinic"): {"private", "public", "keyid", "person"},
        ("keys", "show", public): {"keyid", "alg", "public", "person", "org", "valid_from", "valid_until"},
        ("trust", "init", trust, "--releaser", public): {"trust", "fingerprint"},
        ("trust", "show", trust): {"trust", "fingerprint"},
        ("budget", "show", trial / "newsgroups.yaml"): {"reservations", "spent"},
        ("budget", "check", trial / "newsgroups.yaml"): {"intact", "spent", "reserved"},
        ("models", "list"): {"models"},
        ("doctor",): {"ok", "checks"},
        ("report", trial): {"report"},
        ("schema", "config", "--markdown"): {"markdown"},
    }
    for words, keys in cases.items():
        done = called(*words, "--json")
        assert set(json.loads(done.stdout)) == keys, words
