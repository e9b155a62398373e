import threading
import time

import psutil
import pytest
import torch

from synthgen.core.workers import available_memory, has_int8, in_threads, usable_cores


def test_jobs_use_one_thread_each_and_results_arrive_in_the_calling_thread():
    torch.set_num_threads(3)
    found, advanced, here = {}, [], threading.current_thread()

    def run(job, advance):
        advance(job)
        return torch.get_num_threads(), threading.current_thread() is here

    def finished(job, result):
        found[job] = (*result, threading.current_thread() is here)

    try:
        in_threads([5, 7, 11], run, finished, advanced.append, n_workers=2)
        assert (found, sorted(advanced)) == (dict.fromkeys((5, 7, 11), (1, False, True)), [5, 7, 11])
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(1)


@pytest.mark.parametrize(
    ("avx512", "vnni", "amx", "expected"),
    [(True, True, False, True), (True, True, True, False), (True, False, False, False), (False, True, False, False)],
)
def test_int8_is_used_on_processors_with_vnni_but_without_amx(monkeypatch, avx512, vnni, amx, expected):
    for name, value in (("avx512", avx512), ("vnni", vnni), ("amx_tile", amx)):
        monkeypatch.setattr(torch.cpu, f"_is_{name}_supported", lambda value=value: value)
    assert has_int8() is expected


@pytest.mark.parametrize("where", ["job", "finished"])
def test_first_error_ends_all_jobs_and_starts_no_other(where):
    begun = []

    def run(job, advance):
        begun.append(job)
        if job == 0:
            if where == "job":
                raise ZeroDivisionError
            return
        for _ in range(6000):
            advance(1)
            time.sleep(0.01)

    def finished(job, _):
        if where == "finished":
            raise SystemExit(7)

    started, before = time.monotonic(), threading.active_count()
    with pytest.raises(ZeroDivisionError if where == "job" else SystemExit):
        in_threads([0, 1, 2, 3], run, finished, lambda _: None, n_workers=2)
    assert time.monotonic() - started < 20
    assert 3 not in begun
    assert threading.active_count() == before


def test_jobs_run_in_parallel():
    both = threading.Barrier(2, timeout=20)
    in_threads([0, 1], lambda *_: both.wait(), lambda *_: None, lambda _: None, n_workers=2)


def test_usable_cores_respects_the_limit(monkeypatch):
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "1")
    assert usable_cores() == 1


VERSIONS = [("memory.max", "memory.current", "file")]
VERSIONS += [("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "total_cache")]


@pytest.mark.parametrize(("limit", "used", "cached"), VERSIONS)
def test_available_memory_respects_the_limit_of_the_container(limit, used, cached, tmp_path, monkeypatch):
    monkeypatch.setattr(psutil, "virtual_memory", lambda: type("", (), {"available": 10**9}))
    assert available_memory(tmp_path) == 10**9
    (tmp_path / limit).parent.mkdir(exist_ok=True)
    (tmp_path / limit).write_text("700\n")
    (tmp_path / used).write_text("650\n")
    ((tmp_path / limit).parent / "memory.stat").write_text(f"anon 50\n{cached} 600\n")
    assert available_memory(tmp_path) == 650
    (tmp_path / limit).write_text("max\n")
    assert available_memory(tmp_path) == 10**9
