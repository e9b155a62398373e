"""Results do not depend on the processes that compute them."""

import shutil
import signal
import subprocess
import sys
from itertools import cycle

import pytest

from audits.ledger.budgets import MADE, all_reservations
from synthgen.core.errors import AtBarrier, Interrupted, UsageError
from synthgen.core.shards import Division
from synthgen.deidentify import stage as deidentify
from synthgen.embed import shards as vector_shards
from synthgen.filter import stage as filters
from synthgen.pipeline import executors
from synthgen.pipeline.executors import Local, RunPart
from synthgen.pipeline.institution import ledger_of
from synthgen.pipeline.pipeline import Pipeline
from synthgen.pipeline.workspace import DONE, Workspace

MANY_SHARDS = {"decode": {"batch": 4}, "filter": {"coherent": "prefer"}}
DISTRIBUTED = ("deidentify", "embed", "decode", "re-embed", "filter", "embed-control", "audit")


def content(folder):
    """Return the bytes of every file of every stage, by the names of folder and file."""
    stages = folder / "ws" / "stages"
    paths = [path for path in stages.rglob("*") if path.is_file() and path.name != DONE]
    return {path.relative_to(stages).as_posix(): path.read_bytes() for path in paths}


@pytest.fixture
def small_shards(monkeypatch):
    monkeypatch.setattr(deidentify, "SHARD_RECORDS", 8)
    monkeypatch.setattr(filters, "SHARD_TEXTS", 8)
    monkeypatch.setattr(vector_shards, "SHARD_TEXTS", 8)  # a multiple of the encoder's batch of 8
    monkeypatch.setattr(executors, "POLL_SECONDS", 0.05)


@pytest.fixture(scope="module")
def local(new_project, tmp_path_factory):
    """Return the content of a local run."""
    folder = tmp_path_factory.mktemp("local") / "trial"
    shutil.copytree(new_project.folder, folder)
    shutil.rmtree(folder / "ledger", ignore_errors=True)  # a copy of a ledger would count as rolled back
    (folder / "keys" / "ledger-seen.json").unlink(missing_ok=True)
    Pipeline(type(new_project)(folder).config(**MANY_SHARDS)).run()
    return content(folder)


def run_until_finished(config, order, until="audit"):
    """Run the parts one after another in this order, again and again, until one is finished; return the messages."""
    said, parts = [], cycle(order)
    while True:
        try:
            Pipeline(config).run(until=until, part=next(parts))
        except AtBarrier as stop:
            said.append(str(stop))
        else:
            return said


@pytest.mark.parametrize("order", [("0/3", "1/3", "2/3"), ("2/3", "0/3", "1/3")], ids=["in order", "last first"])
@pytest.mark.usefixtures("small_shards")
def test_parts_in_any_order_give_the_bytes_of_a_local_run(project, local, order):
    said = run_until_finished(project.config(**MANY_SHARDS), order)
    assert content(project.folder) == local
    first, others = order[0], sorted(order[1:])
    missing = f"parts {others[0]}, {others[1]}"
    assert said[0].startswith(f"part {first} of stage deidentify is finished; the results of {missing} are missing")
    assert f"--part for {missing}" in said[0]
    assert {name for name in DISTRIBUTED for line in said if f"of stage {name}" in line} == set(DISTRIBUTED)


def test_parts_reserve_a_budget_and_query_train_once(trials, bench, tmp_path, monkeypatch):
    trials.prepare(tmp_path, monkeypatch)
    config = trials.Trial(bench, tmp_path, "inside").config()
    said = run_until_finished(config, ("1/2", "0/2"), "filter")
    assert any("of stage decode" in line for line in said)
    (reserved,) = all_reservations(*ledger_of(config))
    assert reserved["state"] == MADE
    stages = tmp_path / "ws" / "stages"
    assert [len(list(stages.glob(f"{name}-*"))) for name in ("reserve", "measure")] == [1, 1]
    Pipeline(config).run(until="filter")  # a local run continues with the same results
    assert len(all_reservations(*ledger_of(config))) == 1


KILLED = """
import os, sys
from synthgen.config import Config
from synthgen.decode import shards
from synthgen.pipeline.pipeline import Pipeline
save = shards.write_by
def dying(path, write):
    if list(path.parent.glob("shard-*")) and not path.parent.name.startswith("decode-reconstruction"):
        os.kill(os.getpid(), 9)
    save(path, write)
shards.write_by = dying
Pipeline(Config.load(sys.argv[1])).run(until="filter", part="0/2", wait=False)
"""


def command(path, *options):
    return [sys.executable, "-m", "synthgen", "run", str(path), *options]


@pytest.mark.slow
def test_a_killed_part_is_repeated_and_concurrent_parts_give_the_bytes_of_a_local_run(project, local):
    config = project.config(**MANY_SHARDS)
    path = project.write_config(**MANY_SHARDS)
    stages = project.folder / "ws" / "stages"
    for part in cycle(("0/2", "1/2")):
        with pytest.raises(AtBarrier):
            Pipeline(config).run(part=part)
        if any(stages.glob("interpolate-*")):
            break
    for shard in stages.glob("decode-????????????????.shards/*"):
        shard.unlink()
    killed = subprocess.run([sys.executable, "-c", KILLED, str(path)], check=False, capture_output=True)
    assert killed.returncode == -signal.SIGKILL
    assert len(list(stages.glob("decode-????????????????.shards/shard-*"))) == 1
    other = subprocess.Popen(command(path, "--part", "1/2", "--wait"), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        Pipeline(config).run(part="0/2", wait=True)
        said = other.communicate(timeout=600)
    finally:
        other.kill()
    assert other.returncode == 0, said
    assert content(project.folder) == local


class Shards:
    """A division whose shards are empty files; `written` lists the shards that were computed."""

    def __init__(self, folder, n=7):
        self.folder, self.written = folder, []
        names = tuple(f"shard-{i}" for i in range(n))
        self.division = Division(folder=folder, names=names, write=self.write, is_intact=lambda _: True)

    def write(self, names):
        self.written += names
        for name in names:
            (self.folder / name).touch()


def test_local_computes_all_missing_shards(tmp_path):
    shards = Shards(tmp_path)
    (tmp_path / "shard-3").touch()
    Local().compute("decode", shards.division, lambda: False)
    assert shards.written == [f"shard-{i}" for i in (0, 1, 2, 4, 5, 6)]


def test_each_part_computes_its_own_shards_and_names_the_missing_parts(tmp_path):
    shards = Shards(tmp_path)
    with pytest.raises(
        AtBarrier, match=r"part 1/3 of stage decode is finished; the results of parts 0/3, 2/3 are missing"
    ):
        RunPart(index=1, count=3).compute("decode", shards.division, lambda: False)
    assert shards.written == ["shard-1", "shard-4"]
    with pytest.raises(AtBarrier, match="the results of part 2/3 are missing"):
        RunPart(index=0, count=3).compute("decode", shards.division, lambda: False)
    RunPart(index=1, count=3).compute("decode", shards.division, lambda: True)  # another part finished the stage
    RunPart(index=2, count=3).compute("decode", shards.division, lambda: False)
    assert sorted(shards.written) == list(shards.division.names)


def test_a_part_without_shards_only_waits(tmp_path):
    shards = Shards(tmp_path, 1)
    with pytest.raises(AtBarrier, match="the results of part 0/3 are missing"):
        RunPart(index=2, count=3).compute("embed", shards.division, lambda: False)
    assert shards.written == []


@pytest.mark.parametrize("text", ["", "3", "3/3", "-1/3", "0/0", "1/2/3", "a/b", "٠/3", "0 / 3"])
def test_an_invalid_part_is_refused(text):
    with pytest.raises(UsageError, match="--part must be i/n"):
        RunPart.parse(text)


def identity(name="a"):
    return lambda: {"config": name}


def test_parts_share_the_workspace_with_each_other_only(tmp_path, monkeypatch):
    monkeypatch.setattr("synthgen.pipeline.workspace.LOCK_ATTEMPTS", 2)
    workspace = Workspace(tmp_path / "ws")
    with RunPart(index=0, count=2).session(workspace, identity()):
        with RunPart(index=1, count=2).session(workspace, identity()):
            pass
        for part, name in ((RunPart(index=1, count=3), "a"), (RunPart(index=1, count=2), "b")):
            other = part.session(workspace, identity(name))
            with pytest.raises(Interrupted, match="parts of another run have locked it"), other:
                pytest.fail("two runs share a workspace")
        with pytest.raises(Interrupted, match="another run has locked it"), workspace.locked():
            pytest.fail("a local run and a part share a workspace")
    with RunPart(index=0, count=3).session(workspace, identity("b")):  # the parts of the first run have ended
        pass
    late = RunPart(index=0, count=2).session(workspace, identity())
    with workspace.locked(), pytest.raises(Interrupted, match="another run"), late:
        pytest.fail("a local run and a part share a workspace")


def test_only_one_part_is_alone(tmp_path):
    workspace, first, second = Workspace(tmp_path / "ws"), RunPart(index=0, count=2), RunPart(index=1, count=2)
    with first.session(workspace, identity()), second.session(workspace, identity()), first.alone("stage load"):
        with first.alone("stage load"):  # may be nested
            pass
        stopped = pytest.raises(AtBarrier, match="part 1/2 stopped, because another part is working on stage load")
        with stopped, second.alone("stage load"):
            pytest.fail("two parts compute a stage")


def test_a_part_cannot_start_from_scratch_and_wait_requires_a_part(project):
    with pytest.raises(UsageError, match="cannot be combined"):
        Pipeline(project.config()).run(resume="never", part="0/2")
    with pytest.raises(UsageError, match="--wait requires --part"):
        Pipeline(project.config()).run(wait=True)
