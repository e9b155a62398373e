"""Jobs of a study in parallel processes: one for each core, with one thread; a stop leaves none behind."""

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
SECONDS_BETWEEN_LOOKS = 1.0


def in_processes(
    jobs: Sequence[J],
    run: Callable[[J], R],
    finished: Callable[[J, R], None],
    *,
    start: Callable[..., None] | None = None,
    given: tuple[Any, ...] = (),
) -> None:
    """Run every job in some process, and tell of each in this one as it ends, in no promised order.

    The processes are joblib's loky: a fork of a process in which torch has run threads can hang, and the standard
    library's spawn runs the caller's own script again, which a script without a main guard does not survive. They are
    gone when this returns or raises, and within a second after this process was killed.

    Args:
        jobs: picklable; they are begun in this order.
        run: picklable, run on a job.
        finished: told of a job and its result, in this process; what it writes is what a stopped run keeps.
        start: picklable, called once in each process before its first job.
        given: its arguments.

    Raises:
        Interrupted: if a process was killed.
        Exception: the first that a job or `start` raises; no job is begun after it.

    Cost: one process for each worker, which takes seconds to start; what `start` loads, each loads for itself.
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
            "a worker process was killed, perhaps for want of memory",
            hint="The same command goes on. With LOKY_MAX_CPU_COUNT=1 in the environment it takes no second process.",
        ) from None
    finally:  # all results are here, or nobody will read them
        pool.shutdown(kill_workers=True)


class _Worker:
    """What a worker process calls before its first job: there and not when it begins, so that an error is a job's."""

    start: Callable[[], None] | None = None


def _begin(parent: int, start: Callable[..., None] | None, given: tuple[Any, ...]) -> None:
    """Make this process ready: stops are the parent's business, and it does not outlive the parent."""
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
