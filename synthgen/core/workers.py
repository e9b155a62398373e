"""Run jobs in parallel threads with one core each.

If torch divides a matrix product among several threads, and another process takes a core, all threads wait. With one
thread per job, only one job waits. The jobs share one model, and run in parallel because torch releases the
interpreter lock. `benchmarks/cluster/workers.py` measures the effect.
"""

import platform
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from threading import Event, Lock
from typing import TypeVar

J = TypeVar("J")
R = TypeVar("R")
CGROUPS = Path("/sys/fs/cgroup")


class _Stopped(BaseException):
    """Ends a job whose result is no longer needed."""


def usable_cores() -> int:
    """Return the number of cores that the CPU affinity, the cgroup quota and LOKY_MAX_CPU_COUNT allow."""
    from joblib import cpu_count

    return int(cpu_count())


def has_bfloat16() -> bool:
    """Return whether this processor has instructions for bfloat16 products; without them, float32 is far faster."""
    import torch

    if platform.machine() in {"x86_64", "AMD64"}:
        return bool(torch.cpu._is_avx512_bf16_supported())  # noqa: SLF001
    is_supported = getattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", None)  # some builds of torch lack it
    return is_supported is not None and bool(is_supported())


def has_int8() -> bool:
    """Return whether int8 products are probably the fastest here: the processor has AVX-512 VNNI, but no AMX."""
    import torch

    has_vnni = torch.cpu._is_avx512_supported() and torch.cpu._is_vnni_supported()  # noqa: SLF001
    has_amx = torch.cpu._is_amx_tile_supported()  # noqa: SLF001
    return has_vnni and not has_amx and hasattr(torch.ops.onednn, "qlinear_pointwise")


def arithmetic() -> str:
    """Return how this machine computes the vectors of texts: on a "gpu", or on the CPU in "bfloat16" or "float32".

    The three results differ by rounding errors, so vectors of different kinds must not be mixed.
    """
    import torch

    return "gpu" if torch.cuda.is_available() else "bfloat16" if has_bfloat16() else "float32"


def available_memory(cgroups: Path = CGROUPS) -> int:
    """Return the number of available bytes of memory on the machine, or in the container if it has less."""
    import psutil

    free = [int(psutil.virtual_memory().available)]
    # cgroup version 2, then version 1: file with the memory limit, file with the memory use, field of the cache size
    for limit_file, use_file, cache_field in (
        ("memory.max", "memory.current", "file"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "total_cache"),
    ):
        path = cgroups / limit_file
        if path.is_file() and (allowed := path.read_text().strip()).isdecimal():
            statistics = dict(line.split() for line in (path.parent / "memory.stat").read_text().splitlines())
            # the cache can be freed
            occupied = int((cgroups / use_file).read_text()) - int(statistics.get(cache_field, 0))
            free.append(max(0, int(allowed) - occupied))
    return min(free)


def in_threads(
    jobs: Sequence[J],
    run: Callable[[J, Callable[[int], None]], R],
    finished: Callable[[J, R], None],
    advance: Callable[[int], None],
    *,
    n_workers: int,
) -> None:
    """Run the jobs in `n_workers` threads with one core each; start the jobs in the given order.

    `run` gets a job and a function `report`, and calls `report(n)` when n more units are finished. `report` calls
    `advance(n)`, never in two threads at once. The calling thread calls `finished` with each job and its result, in
    any order. If a job raises an exception, the other jobs end at their next call of `report`; then the exception is
    raised.
    """
    import torch

    stopped, before = Event(), torch.get_num_threads()
    lock = Lock()

    def report(n: int) -> None:
        if stopped.is_set():
            raise _Stopped
        with lock:
            advance(n)

    pool = ThreadPoolExecutor(n_workers, initializer=torch.set_num_threads, initargs=(1,))
    try:
        futures = {pool.submit(run, job, report): job for job in jobs}
        for future in as_completed(futures):
            finished(futures[future], future.result())
    finally:
        stopped.set()
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(before)
