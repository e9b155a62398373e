import json
import stat

import pytest
from typer.testing import CliRunner

from synthgen.cli import deidentify as module
from synthgen.cli import main as cli
from synthgen.cli.deidentify import measure
from synthgen.core.errors import UsageError
from synthgen.deidentify.marked import read_marks
from synthgen.deidentify.spans import Span


def test_shares_by_hand():
    texts = [
        read_marks("{NAME:Zub} on {DATE:3/7} x y", "a"),
        read_marks("{NAME:Zub} y", "a"),
        read_marks("none", "b"),
    ]
    answers = iter([[Span(0, 3, "name"), Span(11, 12, "name")], [Span(0, 3, "name")], []])
    done = measure(texts, lambda text, names: next(answers), with_names=False)
    assert done.table["recall"]["NAME"]["share"] == 1
    assert done.table["recall"]["DATE"]["share"] == 0
    assert done.table["recall"]["all"]["n"] == 3
    assert done.table["precision"]["share"] == pytest.approx(2 / 3)
    assert done.table["without_a_miss"]["texts"]["share"] == pytest.approx(2 / 3)
    assert done.table["without_a_miss"]["persons"]["share"] == pytest.approx(1 / 2)
    assert done.table["false_spans_per_1000_words"] == pytest.approx(1000 / 8)
    assert done.table["false_names_per_1000_words"] == pytest.approx(1000 / 8)
    assert done.misses == [{"text": 1, "category": "DATE", "start": 7, "identifier": "3/7"}]
    assert "3/7" not in repr(done)
    with pytest.raises(UsageError, match="no text"):
        measure([], lambda text, names: [], with_names=False)


def test_command_prints_shares_and_writes_misses_privately(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "PLANTED_NOTES", 6)
    source = tmp_path / "a.txt"
    source.write_text("I1|the zebra {NAME:qwerty} ran\nI2|MRN {MRN:1234567} seen\n")
    misses = tmp_path / "misses.json"
    command = ["deidentify", "evaluate", str(source), "--engine", "rules", "--json", "--misses", str(misses)]
    done = CliRunner().invoke(cli.app, command)
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["recall"]["MRN"]["share"] == 1
    assert [miss["identifier"] for miss in json.loads(misses.read_text())] == ["qwerty"]
    assert stat.S_IMODE(misses.stat().st_mode) == 0o600
    planted = CliRunner().invoke(cli.app, ["deidentify", "evaluate", "--engine", "rules"])
    assert "precision" in planted.output
