import json
import random
import sys
from importlib.util import find_spec

import pytest


def test_a_killed_command_is_reported(bench, monkeypatch, tmp_path):
    monkeypatch.setattr(bench, "KINDS", {"driver": 1.0})
    monkeypatch.setattr(bench, "WAIT", (0.01, 0.02))
    monkeypatch.setattr(bench, "PROGRESS", 0.0)
    with (tmp_path / "log").open("w") as log:
        command = [sys.executable, "-c", "import time; time.sleep(60)"]
        assert bench.disturbed(command, random.Random(0), 5, log) == (-9, ["driver"])
        assert bench.disturbed([sys.executable, "-c", ""], random.Random(0), 0, log) == (0, [])


def test_a_head_is_not_killed_before_the_run_can_advance(bench, monkeypatch):
    monkeypatch.setattr(bench, "KINDS", {"head": 1.0})
    monkeypatch.setattr(bench, "processes", lambda *_: pytest.fail("looked for a process"))
    assert bench.kill_one(random.Random(0), 1, bench.PROGRESS - 1) is None


def test_files_that_differ_are_named_and_times_are_ignored(bench, tmp_path):
    for name, content in (("local", b"a"), ("ray", b"b")):
        (tmp_path / name / "stages" / "decode-1").mkdir(parents=True)
        (tmp_path / name / "stages" / "decode-1" / "done.json").write_bytes(content)
        (tmp_path / name / "stages" / "decode-1" / "same").write_bytes(b"c")
    assert bench.different(tmp_path / "local", tmp_path / "ray") == []
    (tmp_path / "ray" / "stages" / "decode-1" / "same").write_bytes(b"d")
    (tmp_path / "local" / "stages" / "decode-1" / "only").write_bytes(b"")
    assert bench.different(tmp_path / "local", tmp_path / "ray") == ["decode-1/only", "decode-1/same"]


def test_both_runs_differ_only_in_workspace_and_machines(bench, tmp_path):
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "notes.jsonl").write_text("")
    given = {"version": 1, "source": {"path": "notes.jsonl"}, "interpolate": {"total": 9}}
    (tmp_path / "own" / "run.yaml").write_text(json.dumps(given))
    for path in (None, tmp_path / "own" / "run.yaml"):
        written = {name: json.loads(one.read_text()) for name, one in bench.configurations(path, tmp_path).items()}
        assert [written[name].pop("run")["on"] for name in ("local", "ray")] == ["local", "ray"]
        assert [written[name].pop("workspace") for name in ("local", "ray")] == [
            f"{tmp_path}/local",
            f"{tmp_path}/ray",
        ]
        assert written["local"] == written["ray"]
    assert written["local"]["source"]["path"] == str(tmp_path / "own" / "notes.jsonl")
    shorter = bench.configurations(tmp_path / "own" / "run.yaml", tmp_path, 5)["ray"]
    assert json.loads(shorter.read_text())["interpolate"] == {"total": 5}


@pytest.mark.skipif(find_spec("ray") is not None, reason="the extra `ray` is installed")
def test_without_ray_the_extra_is_named(bench):
    with pytest.raises(SystemExit, match=r"\.\[ray\]"):
        bench.main([])
