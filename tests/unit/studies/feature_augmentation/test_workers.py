from dataclasses import replace
from multiprocessing import active_children

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from studies.feature_augmentation import workers
from studies.feature_augmentation.experiment import CELL, Experiment, Protocol, plan_experiment
from studies.feature_augmentation.workers import run_experiments
from synthgen.core.errors import Interrupted, StorageError
from synthgen.core.progress import silent
from synthgen.core.types import Embedded

PROTOCOL = Protocol(folds=3, repeats=1, seed=5, smallest=8, largest=16)


def made_up(dataset, protocol=PROTOCOL, d=5):
    rng = np.random.Generator(np.random.Philox(3))
    x = rng.normal(size=(120, d)).astype(np.float32)
    x[:60] += 1
    names, labels = tuple(f"{dataset}-{i}" for i in range(120)), ("a",) * 60 + ("b",) * 60
    embedded = Embedded(vectors=x, ids=names, labels=labels, groups=names, encoder="none", normalized=False)
    return plan_experiment(dataset, embedded, protocol)


def cell(dataset, repeat, fold):
    row = dict.fromkeys(CELL.names, 0) | {"dataset": dataset, "repeat": repeat, "fold": fold, "method": "none"}
    return pa.Table.from_pylist([row | {"status": "ok", "reason": ""}], schema=CELL)


@pytest.fixture(autouse=True)
def _one_worker(monkeypatch):
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "1")


@pytest.fixture
def made(monkeypatch):
    """Compute each missing fold in this process, with one cell, and return the list of computed folds."""
    made = []

    def make(experiments, missing, advance):
        for job, path in missing.items():
            assert job[0] in experiments
            made.append(job)
            path.write_bytes(workers._to_bytes(cell(*job)))
            advance(1)

    monkeypatch.setattr(workers, "_make", make)
    return made


def jobs_of(table):
    return [(r["dataset"], r["repeat"], r["fold"]) for r in table.to_pylist()]


def test_only_missing_folds_are_made_and_all_are_returned_in_order(tmp_path, made):
    first, second = made_up("one"), made_up("two")
    wanted = [(name, 0, fold) for name in ("one", "two") for fold in range(3)]
    assert jobs_of(run_experiments([first, second], tmp_path, silent)) == wanted == made
    made.clear()
    next(tmp_path.glob("two-*/repeat-0-fold-01.parquet")).unlink()
    assert jobs_of(run_experiments([first, second], tmp_path, silent)) == wanted
    assert made == [("two", 0, 1)]
    made.clear()
    more = replace(first, protocol=replace(PROTOCOL, repeats=2))
    assert len(run_experiments([more], tmp_path, silent)) == 6
    assert made == [("one", 1, fold) for fold in range(3)]


def test_folds_of_another_setting_are_kept_apart(tmp_path, made):
    run_experiments([made_up("one")], tmp_path, silent)
    run_experiments([made_up("one", replace(PROTOCOL, seed=6))], tmp_path, silent)
    assert len(made) == 6
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.usefixtures("made")
@pytest.mark.parametrize("damage", [b"", b"PAR1 no", "other"])
def test_a_damaged_fold_is_reported_with_the_remedy(tmp_path, damage):
    run_experiments([made_up("one")], tmp_path, silent)
    path = next(tmp_path.glob("one-*/repeat-0-fold-02.parquet"))
    if damage == "other":
        pq.write_table(pa.table({"x": [1]}), path)
    else:
        path.write_bytes(damage)
    with pytest.raises(StorageError, match=r"fold-02\.parquet.*\n?.*") as caught:
        run_experiments([made_up("one")], tmp_path, silent)
    assert "Delete the file" in caught.value.hint


class Counted:
    """A progress object that stops the run after some folds, as a signal does."""

    def __init__(self, stop_after=99):
        self.stop_after, self.finished, self.stages = stop_after, 0, []

    def stage(self, name, *, total, unit, done=0):
        self.stages.append((name, total, unit, done))
        return self

    def __enter__(self):
        return self._advance

    def __exit__(self, *_):
        return False

    def _advance(self, n):
        self.finished += n
        if self.finished >= self.stop_after:
            raise SystemExit(7)


@pytest.mark.slow
def test_a_stopped_run_leaves_no_process_and_continues(tmp_path):
    experiment = made_up("one")
    stopped = Counted(stop_after=1)
    with pytest.raises(SystemExit):
        run_experiments([experiment], tmp_path, stopped)
    assert active_children() == []
    (first,) = tmp_path.glob("one-*/*.parquet")
    bytes_before = first.read_bytes()
    continued = Counted()
    table = run_experiments([experiment], tmp_path, continued)
    assert (continued.stages, continued.finished) == ([("folds", 3, "folds", 1)], 2)
    assert first.read_bytes() == bytes_before
    assert len(table) == 3 * 12  # one n, twelve methods
    assert not list(tmp_path.rglob("*.partial"))


class Deadly(Experiment):
    """An experiment that ends its process."""

    def folds(self, repeat):
        import os

        os._exit(9)


@pytest.mark.slow
def test_a_killed_worker_is_reported_as_a_stop(tmp_path):
    base = made_up("one")
    deadly = Deadly(dataset="one", x=base.x, protocol=base.protocol, largest=base.largest)
    with pytest.raises(Interrupted, match="a worker process was killed"):
        run_experiments([deadly], tmp_path, silent)
    assert active_children() == []
