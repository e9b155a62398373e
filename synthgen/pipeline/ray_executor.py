"""Distribute the shards of a run among workers of a Ray cluster.

A worker gets the path of the configuration, the name of a stage's folder and the names of shards (files with a part
of the result). It writes the shards into the workspace, which all machines share. Text and vectors therefore
reach neither the object store nor the logs of Ray.
"""

import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from audits.core.errors import AuditError
from synthgen.config import Config
from synthgen.core.errors import ConfigError, SynthGenError, WorkerError
from synthgen.core.progress import Progress
from synthgen.core.shards import Division
from synthgen.decode.config import VLLM
from synthgen.pipeline.executors import Identity, Local
from synthgen.pipeline.ray_cluster import connected
from synthgen.pipeline.workspace import Workspace

Work = Callable[[str, str, Sequence[str]], None]  # gets the configuration's path, a stage's folder, names of shards
Amounts = dict[str, float]  # key: name of a resource; value: number of units, such as {"CPU": 8.0}
MAX_LOSSES = 3  # a run of n workers fails if 3 n workers in succession are lost without a newly finished shard
POLL_SECONDS, MOST_POLLS = 2.0, 60  # seconds between checks for shards; largest number of checks after the last task


class RayWorker:
    """Computes shards in a process of the cluster."""

    def __init__(self, work: Work, n_cores: int) -> None:
        import resource

        os.umask(0o077)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a crash must not write private text to disk
        hub = ("HF_HUB_OFFLINE", "HF_HUB_DISABLE_TELEMETRY", "HF_HUB_DISABLE_PROGRESS_BARS")
        os.environ.update(dict.fromkeys(hub, "1"), TOKENIZERS_PARALLELISM="false")
        os.environ["LOKY_MAX_CPU_COUNT"] = str(n_cores)  # `usable_cores` returns this number
        self._work = work

    def write(self, config: str, stage: str, names: Sequence[str]) -> str | None:
        """Write the named shards; return None or, after a failure, a message without record text."""
        try:
            if names:
                with WithoutText():
                    self._work(config, stage, names)
        except (SynthGenError, AuditError) as error:
            return str(error)
        return None


class WithoutText:
    """Context that replaces an unexpected error by the name of its class, because Ray stores the text of errors."""

    def __enter__(self) -> None:
        """Do nothing."""

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: object) -> None:
        if kind is not None and not issubclass(kind, SynthGenError | AuditError):
            raise WorkerError(
                f"unexpected {kind.__name__} (the error text is hidden, as it can contain text of records)"
            ) from None


class RayExecutor(Local):
    """Distributes the shards of a run among the workers of a cluster, and does the rest of the run in this process.

    At the first stage with a missing shard, the executor connects to the cluster or starts one. The constructor
    raises ConfigError if the configuration was not read from a file, because the workers read this file.
    """

    def __init__(self, config: Config, progress: Progress, work: Work) -> None:
        if config.file is None:
            raise ConfigError(
                "`run.on: ray` requires a configuration file, which the workers read",
                hint="Save the configuration and the source as files, and use Config.load(FILE).",
            )
        self._config, self._file, self._progress, self._work = config, config.file, progress, work
        self._connection = ExitStack()  # disconnects from the cluster when it is closed
        self._ray: Any = None  # the module `ray`; None before `_start_workers`
        self._root = config.resolve(config.workspace)
        self._workers: list[Any] = []
        self._n_workers, self._worker_options = 0, dict[str, float]()  # set by `_start_workers`

    @contextmanager
    def session(self, workspace: Workspace, identity: Identity) -> Iterator[None]:  # noqa: ARG002
        """Lock the workspace, and disconnect from the cluster at the end."""
        with workspace.locked(), self._connection:
            yield

    def compute(self, stage: str, division: Division, is_finished: Callable[[], bool]) -> None:  # noqa: ARG002
        """Let the workers compute all missing shards; raise WorkerError if a worker fails or too many are lost."""
        division.remove_damaged(division.names)
        if not (missing := division.missing()):
            return
        self._start_workers()
        done = len(division.names) - len(missing)
        with self._progress.stage(stage, total=len(division.names), unit="shards", done=done) as advance:
            self._distribute(division, missing, advance)

    def _distribute(self, division: Division, missing: Sequence[str], advance: Callable[[int], None]) -> None:
        """Give each worker a share of the missing shards; if a worker is lost, give its shards to other workers."""
        queue = deque(_shares(missing, len(self._workers)))
        # each worker first gets an empty task, whose end shows that the worker has started
        running: dict[Any, tuple[Any, Sequence[str]]] = {}
        running |= {self._submit(worker, division, ()): (worker, ()) for worker in self._workers}
        idle: list[Any] = []
        left, losses = len(missing), 0
        while left > 0:
            while queue and idle:
                worker, share = idle.pop(), queue.popleft()
                running[self._submit(worker, division, share)] = (worker, share)
            if not running:
                self._wait_until_visible(division)  # a shared folder can show new files late
                break
            ready, _ = self._ray.wait(list(running), num_returns=1, timeout=POLL_SECONDS)
            remaining = set(division.missing())
            advance(left - len(remaining))
            losses, left = 0 if len(remaining) < left else losses, len(remaining)
            for task in ready:
                worker, names = running.pop(task)
                if self._has_ended(task):
                    idle.append(worker)
                    continue
                losses += 1
                if losses == MAX_LOSSES * self._n_workers:
                    message = f"{losses} Ray workers in succession were lost before they finished any of their work"
                    raise WorkerError(message, hint="Check the memory of the machines, or lower `run.workers`.")
                self._workers.remove(worker)
                queue.extend(_shares([name for name in names if name in remaining], len(self._workers)))
                replacement = self._start_worker()
                running[self._submit(replacement, division, ())] = (replacement, ())

    def _wait_until_visible(self, division: Division) -> None:
        for _ in range(MOST_POLLS):
            if not division.missing():
                return
            time.sleep(POLL_SECONDS)
        raise WorkerError(
            "the files that Ray workers wrote into the workspace are not visible on this machine",
            hint="Place the configuration and the workspace in a folder that all machines share, with the same path.",
        )

    def _has_ended(self, task: Any) -> bool:
        """Return True if a task ended and False if its worker was lost; raise WorkerError if the task failed."""
        try:
            message = self._ray.get(task)
        except self._ray.exceptions.RayTaskError:
            raise WorkerError("a Ray worker stopped with an unexpected error") from None
        except self._ray.exceptions.RayError:
            return False
        if message is not None:
            raise WorkerError(f"a Ray worker failed: {message}")
        return True

    def _submit(self, worker: Any, division: Division, names: Sequence[str]) -> Any:
        return worker.write.remote(self._file, division.folder.name, tuple(names))

    def _start_workers(self) -> None:
        if self._ray is None:
            self._ray = self._connection.enter_context(connected(self._config.run, self._root))
            nodes = [node["Resources"] for node in self._ray.nodes() if node["Alive"]]
            # if any node has GPUs, each worker must get a share of them; otherwise it would embed on the CPU
            decode = self._config.decode
            on_gpus = decode.placement == "cuda" or decode.engine == VLLM or any(node.get("GPU") for node in nodes)
            self._n_workers, self._worker_options = resources(nodes, self._config.run.workers, on_gpus=on_gpus)
        while len(self._workers) < self._n_workers:
            self._start_worker()

    def _start_worker(self) -> Any:
        n_cores = max(1, int(self._worker_options["num_cpus"]))
        options = {**self._worker_options, "scheduling_strategy": "SPREAD", "max_restarts": 0}
        self._workers.append(self._ray.remote(RayWorker).options(**options).remote(self._work, n_cores))
        return self._workers[-1]


def resources(nodes: Sequence[Amounts], workers: int | str, *, on_gpus: bool) -> tuple[int, Amounts]:
    """Return the number of workers, and the options `num_cpus` and `num_gpus` of one worker.

    `nodes` has the numbers of processors ("CPU") and GPUs ("GPU") of each node. With `on_gpus`, only nodes with GPUs
    are used, and each worker gets a GPU or a part of one. Without `on_gpus`, there is no option `num_gpus`. If
    `workers` is "auto", there is one worker per GPU with `on_gpus`, else one per node with processors. Raise
    WorkerError if no node has the needed processors or GPUs.
    """
    cpus = [node["CPU"] for node in nodes if node.get("CPU", 0) > 0 and (not on_gpus or node.get("GPU", 0) > 0)]
    gpus = sum(node.get("GPU", 0) for node in nodes) if on_gpus else 0
    if not cpus or (on_gpus and gpus < 1):
        lacking = "GPUs" if on_gpus else "processors"
        raise WorkerError(f"the Ray cluster has no {lacking}", hint=f"Add machines with {lacking} to the cluster.")
    n = workers if isinstance(workers, int) else int(gpus) if on_gpus else len(cpus)
    share = min(cpus) if n == len(cpus) else sum(cpus) / n
    options = {"num_cpus": float(int(share)) if share >= 1 else int(share * 1000) / 1000}
    return n, {**options, "num_gpus": gpus / n if gpus < n else 1.0} if on_gpus else options


def _shares(names: Sequence[str], n: int) -> list[Sequence[str]]:
    n = max(1, n)
    return [share for i in range(n) if (share := names[i::n])]
