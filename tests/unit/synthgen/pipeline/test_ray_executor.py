"""Ray workers give the bytes of a local run, also if workers or the driver are killed."""

import dataclasses
import shutil
from contextlib import nullcontext
from types import SimpleNamespace

import pytest

from audits.core.report import read_private
from synthgen.core.errors import ConfigError, DataError, WorkerError
from synthgen.core.progress import silent
from synthgen.core.shards import Division
from synthgen.pipeline import ray_executor
from synthgen.pipeline.executors import Named, ShardsWritten
from synthgen.pipeline.pipeline import Pipeline, write_named_shards
from synthgen.pipeline.ray_executor import RayExecutor, RayWorker, resources
from synthgen.pipeline.workspace import DONE

MANY_SHARDS = {"decode": {"batch": 2}}


def content(folder):
    """Return the bytes of every file of every stage, by the names of folder and file."""
    stages = folder / "ws" / "stages"
    paths = [path for path in stages.rglob("*") if path.is_file() and path.name != DONE]
    return {path.relative_to(stages).as_posix(): path.read_bytes() for path in paths}


@pytest.mark.parametrize(
    ("nodes", "workers", "on_gpus", "expected"),
    [
        ([{"CPU": 2.0}], "auto", False, (1, {"num_cpus": 2.0})),
        ([{"CPU": 16.0}, {"CPU": 8.0}, {}], "auto", False, (2, {"num_cpus": 8.0})),
        ([{"CPU": 2.0}], 2, False, (2, {"num_cpus": 1.0})),
        ([{"CPU": 2.0}], 3, False, (3, {"num_cpus": 0.666})),
        ([{"CPU": 8.0, "GPU": 1.0}, {"CPU": 64.0}], 2, True, (2, {"num_cpus": 4.0, "num_gpus": 0.5})),
        (
            [{"CPU": 16.0, "GPU": 2.0}, {"CPU": 16.0, "GPU": 2.0}],
            "auto",
            True,
            (4, {"num_cpus": 8.0, "num_gpus": 1.0}),
        ),
    ],
)
def test_workers_share_the_processors_and_gpus(nodes, workers, on_gpus, expected):
    assert resources(nodes, workers, on_gpus=on_gpus) == expected


@pytest.mark.parametrize(
    ("nodes", "on_gpus", "kind"),
    [([{}], False, "processors"), ([{"CPU": 4.0}], True, "GPUs"), ([{"CPU": 4.0, "GPU": 0.5}], True, "GPUs")],
)
def test_a_cluster_without_processors_or_gpus_is_refused(nodes, on_gpus, kind):
    with pytest.raises(WorkerError, match=f"has no {kind}"):
        resources(nodes, "auto", on_gpus=on_gpus)


def test_a_worker_returns_messages_of_known_errors_and_hides_all_others(monkeypatch):
    monkeypatch.setattr(ray_executor.os, "umask", lambda _: None)
    monkeypatch.setattr("resource.setrlimit", lambda *_: None)
    for name in ("HF_HUB_OFFLINE", "HF_HUB_DISABLE_TELEMETRY", "HF_HUB_DISABLE_PROGRESS_BARS", "LOKY_MAX_CPU_COUNT"):
        monkeypatch.setenv(name, "1")
    calls = []
    assert RayWorker(lambda *given: calls.append(given), 2).write("c.yaml", "decode-1.shards", ("a",)) is None
    assert calls == [("c.yaml", "decode-1.shards", ("a",))]

    def known(*_):
        raise DataError("nothing to read", hint="Add a file.")

    assert RayWorker(known, 2).write("c.yaml", "x", ("a",)) == "nothing to read\nAdd a file."

    def unknown(*_):
        raise KeyError("Mr. Miller has a cough")

    hidden = "unexpected KeyError (the error text is hidden, as it can contain text of records)"
    assert RayWorker(unknown, 2).write("c.yaml", "x", ("a",)) == hidden


def test_named_writes_its_shards_and_refuses_other_stages(tmp_path):
    folder, written = tmp_path / "decode-1.shards", []
    division = Division(folder=folder, names=("a", "b", "c"), write=written.extend, is_intact=lambda _: True)
    with pytest.raises(ShardsWritten):
        Named(stage="decode-1.shards", names=("c", "a")).compute("decode", division, lambda: False)
    assert written == ["c", "a"]
    other = Named(stage="decode-2.shards", names=("a",))
    with pytest.raises(WorkerError, match="differ from those of the run; the first difference is in stage decode"):
        other.compute("decode", division, lambda: False)
    with pytest.raises(WorkerError, match="first difference is in stage load"):
        other.combine("load")
    with other.alone("the DP queries"):
        pass


class LosingRay:
    """A stand-in for `ray` whose workers run in this process; `losses` lists the tasks that lose their worker."""

    class exceptions:  # noqa: N801 - as in ray
        class RayError(Exception):
            pass

        class RayTaskError(RayError):
            pass

    def __init__(self, losses=(), failing=()):
        self.losses, self.failing, self.n_tasks, self.n_workers = losses, failing, 0, 0

    def nodes(self):
        return [{"Alive": True, "Resources": {"CPU": 4.0}}]

    def wait(self, tasks, **_):
        return tasks[:1], tasks[1:]

    def get(self, task):
        if task.outcome is not None:
            raise task.outcome
        return task.message

    def remote(self, _):
        return self

    def options(self, **_):
        maker = SimpleNamespace()
        maker.remote = self._new
        return maker

    def _new(self, work, _n_cores):
        self.n_workers += 1

        def write(config, stage, names):
            outcome = None
            if names:
                self.n_tasks += 1
                if self.n_tasks in self.losses:
                    names, outcome = names[:1], self.exceptions.RayError()  # lost after one shard
                    names = () if len(self.losses) > 3 else names
                if self.n_tasks in self.failing:
                    names, outcome = (), self.exceptions.RayTaskError()
                work(config, stage, names)
            return LosingTask(outcome)

        return SimpleNamespace(write=SimpleNamespace(remote=write))


class LosingTask:
    message = None

    def __init__(self, outcome):
        self.outcome = outcome


def executor_with(fake, project, folder, monkeypatch):
    monkeypatch.setattr(ray_executor, "connected", lambda *_: nullcontext(fake))
    given = []

    def work(config, stage, names):
        given.append((config, stage, names))
        for name in names:
            (folder / name).touch()

    path = project.write_config()
    text = path.read_text()
    path.write_text(text[:-1] + ', "run": {"on": "ray", "workers": 2}}')
    executor = RayExecutor(type(project.config()).load(path), silent, work)
    names = tuple(f"shard-{i}" for i in range(9))
    division = Division(folder=folder, names=names, write=lambda _: pytest.fail("local"), is_intact=lambda _: True)
    return executor, division, given, path


def test_shards_of_lost_workers_are_given_to_others(project, tmp_path, monkeypatch):
    fake = LosingRay(losses=(1, 3))
    executor, division, given, path = executor_with(fake, project, tmp_path, monkeypatch)
    executor.compute("decode", division, lambda: False)
    assert division.missing() == []
    assert fake.n_workers == 4
    assert {config for config, _, _ in given} == {str(path)}  # workers get only paths and names
    assert {stage for _, stage, _ in given} == {tmp_path.name}
    computed = [name for _, _, names in given for name in names]
    assert sorted(computed) == sorted(division.names)  # no shard twice
    executor.compute("decode", division, lambda: False)  # nothing is missing
    assert len(computed) == 9


def test_repeated_losses_and_failures_end_the_run(project, tmp_path, monkeypatch):
    executor, division, *_ = executor_with(LosingRay(losses=range(1, 99)), project, tmp_path, monkeypatch)
    with pytest.raises(WorkerError, match="6 Ray workers in succession were lost"):
        executor.compute("decode", division, lambda: False)
    executor, division, *_ = executor_with(LosingRay(failing=(1,)), project, tmp_path, monkeypatch)
    with pytest.raises(WorkerError, match="stopped with an unexpected error"):
        executor.compute("decode", division, lambda: False)


def test_shards_in_a_folder_that_is_not_shared_are_reported(project, tmp_path, monkeypatch):
    monkeypatch.setattr(ray_executor, "POLL_SECONDS", 0.001)
    executor, division, given, _ = executor_with(LosingRay(), project, tmp_path, monkeypatch)
    seen = []
    elsewhere = dataclasses.replace(division, folder=tmp_path / "not" / "shared")
    with pytest.raises(
        WorkerError, match="files that Ray workers wrote into the workspace are not visible on this machine"
    ):
        executor.compute("decode", elsewhere, lambda: False)
    assert sorted(name for _, _, names in given for name in names) == sorted(division.names)
    late = LateDivision(division, seen)
    executor.compute("decode", late, lambda: False)  # files become visible late
    assert len(seen) > 3


class LateDivision:
    """A division whose files become visible on this machine only after several checks."""

    def __init__(self, division, seen):
        self.folder, self.names, self._seen = division.folder, division.names, seen

    def missing(self):
        self._seen.append(1)
        return [] if len(self._seen) > 8 else list(self.names)

    def remove_damaged(self, names):
        assert names == self.names


def test_a_configuration_without_a_file_is_refused(project):
    with pytest.raises(ConfigError, match="requires a configuration file"):
        Pipeline(project.config(run={"on": "ray"})).run()


def test_work_writes_only_the_named_shards(project):
    """`write_named_shards` is what a worker runs."""
    path = project.write_config(**MANY_SHARDS)
    with pytest.raises(WorkerError, match="first difference is in stage load"):
        write_named_shards(str(path), "embed-0.shards", ["x"])
    Pipeline(project.config(**MANY_SHARDS)).run(until="deidentify")
    stages = project.folder / "ws" / "stages"
    with pytest.raises(WorkerError, match="first difference is in stage embed"):
        write_named_shards(str(path), "embed-0.shards", ["x"])
    (folder,) = stages.glob("embed-*.shards")
    assert list(folder.iterdir()) == []


def test_a_worker_computes_the_shard_of_an_audit_without_the_ledger(project):
    path = project.write_config(**MANY_SHARDS)
    run = Pipeline(project.config(**MANY_SHARDS)).run()
    audited = run.folder("audit")
    expected = (audited / "audit.json").read_bytes()
    shutil.rmtree(audited)
    away = project.folder / "ledger-of-the-driver"
    (project.folder / "ledger").rename(away)
    write_named_shards(str(path), f"{audited.name}.shards", ["memorization.json"])
    (shard,) = audited.with_name(f"{audited.name}.shards").iterdir()
    assert read_private(shard.read_bytes()).name == "memorization"
    assert not (project.folder / "ledger").exists()
    away.rename(project.folder / "ledger")
    shard.write_bytes(shard.read_bytes()[:-9])  # damaged, so it is computed again
    Pipeline(project.config(**MANY_SHARDS)).run()
    assert (audited / "audit.json").read_bytes() == expected
    (project.folder / "ws" / "attempts.json").unlink()
    shutil.rmtree(audited)
    with pytest.raises(WorkerError, match=r"not in attempts\.json"):
        write_named_shards(str(path), f"{audited.name}.shards", ["memorization.json"])
