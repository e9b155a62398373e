"""Run commands whose files may not grow beyond a limit: each exits with code 3, and the next attempt succeeds."""

import json
import resource
import sys

import pytest

from audits.cli.main import main as audits
from audits.ledger.budgets import Cost, Spending, counting_reservations, reserve
from audits.ledger.chain import HighWaterMark
from synthgen.cli.main import main as synthgen

NOISE = {"kind": "gaussian", "noise_multiplier": 5.0, "sampling_rate": 1.0, "steps": 1}


@pytest.fixture
def run(module_at, monkeypatch, tmp_path):
    """Return a function that runs a command in this process, in which files may have at most `limit` bytes."""
    run_here = module_at("tests/e2e/conftest.py").run_here
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    whole = resource.getrlimit(resource.RLIMIT_FSIZE)

    def limited(main, *arguments, limit=None):
        resource.setrlimit(resource.RLIMIT_FSIZE, whole if limit is None else (limit, whole[1]))
        try:
            return run_here(tmp_path, arguments, {}, main)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, whole)

    return limited


def refused(done):
    assert done.returncode == 3, done.stderr
    assert "MiB are needed" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.fixture
def tables(tmp_path):
    for role in ("synthetic", "train", "control"):
        rows = [{"text": f"some {role} words {i}", "label": "a", "group": f"{role}{i}"} for i in range(200)]
        lines = (json.dumps({k: row[k] for k in row if (role, k) != ("synthetic", "group")}) for row in rows)
        (tmp_path / f"{role}.jsonl").write_text("".join(f"{line}\n" for line in lines))
    return [f"--{role}={tmp_path / role}.jsonl" for role in ("synthetic", "train", "control")]


@pytest.mark.parametrize("limit", [0, 100, 1000])
def test_audits_run(run, tables, tmp_path, limit, caplog):
    arguments = ("run", *tables, "--only", "memorization", "--ledger", tmp_path / "ledger", "--out", tmp_path / "out")
    refused(run(audits, *arguments, limit=limit))
    ledger = tmp_path / "ledger" / "attempts.jsonl"
    assert not ledger.exists() or ledger.read_bytes() == b""  # no partial line remains
    if is_keyed := (tmp_path / "ledger" / "key").exists():  # as after a power failure in the middle of a line
        ledger.write_bytes(b'{"entry":{"att')
    done = run(audits, *arguments)
    assert done.returncode in {0, 4}, done.stderr
    assert "attempt 1 on these control persons" in done.stderr
    assert ("removed 14 bytes" in caplog.text) == is_keyed


@pytest.mark.parametrize("limit", [0, 300])
def test_keys_and_new_folders(run, tmp_path, limit):
    refused(run(synthgen, "init", tmp_path / "trial", limit=limit))


def test_runs_continue_after_the_limit_is_raised(run, project):
    path = project.write_config()
    for limit in (0, 5000):
        refused(run(synthgen, "run", path, "--until", "split", limit=limit))
    done = run(synthgen, "run", path, "--until", "split")
    assert done.returncode == 0, done.stderr


def test_an_interrupted_line_never_returns_a_spent_budget(tmp_path):
    folder, mark = tmp_path / "ledger", HighWaterMark(tmp_path / "seen.json")

    def spend(run):
        cost = Cost(epsilon=1.0, delta=1e-6)
        reserve(folder, mark, Spending(run=run, cost=cost, mechanisms=(NOISE,)), limit=None)

    spend("a")
    spend("b")
    path = folder / "attempts.jsonl"
    whole = path.read_bytes()
    for cut in (1, 2, 50, len(whole.splitlines(keepends=True)[1]) - 1):
        path.write_bytes(whole[:-cut])  # the high-water marks count this line
        with pytest.raises(Exception, match="has 1 entries, but had 2 before"):
            counting_reservations(folder, mark)
    path.write_bytes(whole + whole[:70])  # no mark counts this line, so no noise was drawn for it
    assert [one.run for one in counting_reservations(folder, mark)] == ["a", "b"]
    assert path.read_bytes() == whole
