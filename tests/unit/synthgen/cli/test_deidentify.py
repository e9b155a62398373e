import json
import stat

from typer.testing import CliRunner

from synthgen.cli import main as cli
from synthgen.pipeline import engine_shares


def test_command_prints_shares_and_writes_misses_privately(tmp_path, monkeypatch):
    monkeypatch.setattr(engine_shares, "PLANTED_NOTES", 6)
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
