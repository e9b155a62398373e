"""Jobs of a study in parallel processes: one for each core, with one thread; a stop leaves none behind."""

import signal
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import active_children, get_context
from os import sched_getaffinity
from typing import Any, TypeVar

from synthgen.core.errors import Interrupted

J = TypeVar("J")
R = TypeVar("R")


def in_processes(
    jobs: Sequence[J],
    run: Callable[[J], R],
    finished: Callable[[J, R], None],
    *,
    start: Callable[..., None] | None = None,
    given: tuple[Any, ...] = (),
) -> None:
    """Run every job in some process, and tell of each in this one as it ends, in no promised order.

    Args:
        jobs: picklable; they are begun in this order.
        run: a function of a module, run on a job.
        finished: told of a job and its result, in this process; what it writes is what a stopped study keeps.
        start: a function of a module, called once in each process before its first job.
        given: its arguments.

    Raises:
        Interrupted: if a process was killed.
        Exception: the first that a job raises; no job is begun after it.

    Cost: one process for each core, which takes seconds to start.
    """
    if not jobs:
        return
    before = set(active_children())
    n_workers = min(len(jobs), len(sched_getaffinity(0)))
    # a fresh interpreter for each: a fork of a process in which torch has run threads can hang
    with ProcessPoolExecutor(
        n_workers, mp_context=get_context("spawn"), initializer=_begin, initargs=(start, given)
    ) as pool:
        try:
            futures: dict[Future[R], J] = {pool.submit(run, job): job for job in jobs}
            for future in as_completed(futures):
                finished(futures[future], future.result())
        except BrokenProcessPool as error:
            raise Interrupted(
                "a worker process was killed, perhaps for want of memory", hint="The same command goes on."
            ) from error
        except BaseException:  # above all a stop: nobody waits for results that nobody will read
            for child in set(active_children()) - before:
                child.terminate()
            pool.shutdown(cancel_futures=True)
            raise


def _begin(start: Callable[..., None] | None, given: tuple[Any, ...]) -> None:
    """Make this process ready: one thread, and stops are the parent's business."""
    import torch
    from threadpoolctl import threadpool_limits

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(1)
    threadpool_limits(1)
    if start is not None:
        start(*given)
