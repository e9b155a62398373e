"""Run the jobs of a study in parallel processes, one single-threaded process per core."""

import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from joblib.externals.loky import ProcessPoolExecutor, as_completed
from joblib.externals.loky.process_executor import TerminatedWorkerError

from synthgen.core.errors import Interrupted
from synthgen.core.workers import usable_cores

J = TypeVar("J")
R = TypeVar("R")
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
SECONDS_BETWEEN_LOOKS = 1.0  # a worker checks at this interval whether its parent still runs


def in_processes(
    jobs: Sequence[J],
    run: Callable[[J], R],
    finished: Callable[[J, R], None],
    *,
    start: Callable[..., None] | None = None,
    given: tuple[Any, ...] = (),
) -> None:
    """Run every job in a worker process, and call `finished` in this process when a job ends; jobs end in any order.

    The processes are those of joblib's loky, because a fork of a process in which torch has threads can hang, and the
    spawn method of the standard library needs `if __name__ == "__main__"` in the caller's script. The worker
    processes end when this function returns or raises, and within about a second after this process is killed.

    Args:
        jobs: picklable; they start in this order.
        run: picklable, called with a job.
        finished: called in this process with a job and its result. The function can write the result to a file, so
            that an interrupted study keeps the result.
        start: picklable, called once in each process before its first job.
        given: arguments of `start`.

    Raises:
        Interrupted: if a process was killed.
        Exception: the first exception that a job or `start` raises; then all worker processes are ended.

    Cost: each process takes seconds to start, and loads its own copy of what `start` loads.
    """
    if not jobs:
        return
    pool = ProcessPoolExecutor(
        min(len(jobs), usable_cores()), initializer=_begin, initargs=(os.getpid(), start, given), env=ONE_THREAD
    )
    try:
        futures = {pool.submit(_run, run, job): job for job in jobs}
        for future in as_completed(futures):
            finished(futures[future], future.result())
    except TerminatedWorkerError:
        raise Interrupted(
            "a worker process was killed, perhaps because memory ran out",
            hint="Run the same command again to continue. LOKY_MAX_CPU_COUNT=1 limits it to one worker process.",
        ) from None
    finally:  # no worker is needed any more: either all results were received, or an error ends the study
        pool.shutdown(kill_workers=True)


class _Worker:
    """Holds `start` until the first job of a worker process, so that an error in `start` is an error of that job."""

    start: Callable[[], None] | None = None


def _begin(parent: int, start: Callable[..., None] | None, given: tuple[Any, ...]) -> None:
    """Prepare a worker process: it ignores interrupts, which the parent handles, and ends after the parent ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_leave_with, args=(parent,), daemon=True).start()
    _Worker.start = None if start is None else lambda: start(*given)


def _leave_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(SECONDS_BETWEEN_LOOKS)
    os._exit(1)


def _run(run: Callable[[J], R], job: J) -> R:
    if _Worker.start is not None:
        _Worker.start()
        _Worker.start = None
    return run(job)
