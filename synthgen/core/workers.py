"""Jobs in threads, one core each, that wait for nobody: a busy neighbour takes its share and no more.

The threads of a library that share one product wait for one another after it, and who waits spins; beside a busy
process all stand still while one of them is off its core. Here each job computes by itself, with one thread. These
are threads and not joblib's processes, because torch lets go of the interpreter's lock while it computes: they share
one model, are ready at once and end with their process. `benchmarks/workers.py` sets them beside torch's own threads.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from threading import Event, Lock
from typing import TypeVar

J = TypeVar("J")
R = TypeVar("R")
CGROUPS = Path("/sys/fs/cgroup")


class _Stopped(BaseException):
    """Ends a job whose result nobody will read."""


def usable_cores() -> int:
    """Return how many cores this process may use: of its affinity, its cgroup's quota and LOKY_MAX_CPU_COUNT."""
    from joblib import cpu_count

    return int(cpu_count())


def available_memory(cgroups: Path = CGROUPS) -> int:
    """Return the bytes that may still be taken: of the machine, or of the container where that has fewer."""
    import psutil

    free = [int(psutil.virtual_memory().available)]
    for limit, used, cached in (
        ("memory.max", "memory.current", "file"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "total_cache"),
    ):
        most = cgroups / limit
        if most.is_file() and (said := most.read_text().strip()).isdecimal():
            statistics = dict(line.split() for line in (most.parent / "memory.stat").read_text().splitlines())
            held = int((cgroups / used).read_text()) - int(statistics.get(cached, 0))  # what is cached can be let go
            free.append(max(0, int(said) - held))
    return min(free)


def in_threads(
    jobs: Sequence[J],
    run: Callable[[J, Callable[[int], None]], R],
    finished: Callable[[J, R], None],
    advance: Callable[[int], None],
    *,
    n_workers: int,
) -> None:
    """Run every job in some thread with one core, and tell of each in the calling thread as it ends, in any order.

    Args:
        jobs: begun in this order.
        run: runs a job, told whom to tell of what is done; it stops there when the whole is stopped.
        finished: told of a job and its result, in the calling thread.
        advance: told of what is done, in any thread, by one at a time.
        n_workers: threads.

    Raises:
        Exception: the first that a job raises. By then no job runs any more, as after a stop.
    """
    import torch

    stopped, before = Event(), torch.get_num_threads()
    lock = Lock()

    def tell(n: int) -> None:
        if stopped.is_set():
            raise _Stopped
        with lock:
            advance(n)

    pool = ThreadPoolExecutor(n_workers, initializer=torch.set_num_threads, initargs=(1,))
    try:
        futures = {pool.submit(run, job, tell): job for job in jobs}
        for future in as_completed(futures):
            finished(futures[future], future.result())
    finally:
        stopped.set()
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(before)
