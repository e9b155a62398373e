import operator
import os
import signal
import time
from multiprocessing import active_children

import pytest

from studies.processes import in_processes
from synthgen.core.errors import Interrupted

# only functions of installed modules reach another process from a test


def test_every_job_is_run_and_reported():
    told = {}
    in_processes([3, 1, 2], operator.neg, told.__setitem__)
    assert told == {3: -3, 1: -1, 2: -2}


def test_without_jobs_no_process_is_started():
    in_processes([], operator.neg, lambda *_: pytest.fail("no job"))


def test_each_process_is_made_ready_first(tmp_path):
    told = {}
    in_processes(["x"], os.path.abspath, told.__setitem__, start=os.chdir, given=(tmp_path,))
    assert told == {"x": str(tmp_path / "x")}
    told.clear()
    in_processes([signal.SIGINT], signal.getsignal, told.__setitem__)
    assert told == {signal.SIGINT: signal.SIG_IGN}  # a stop is the parent's business


def test_an_error_of_a_job_is_raised_here_and_leaves_no_process():
    with pytest.raises(ZeroDivisionError):
        in_processes([0], (1).__truediv__, lambda *_: None)
    assert active_children() == []


def test_a_stop_is_passed_on_and_no_one_waits_for_the_rest():
    def stop(*_):
        raise SystemExit(7)

    started = time.monotonic()
    with pytest.raises(SystemExit):
        in_processes([0, 60, 60], time.sleep, stop)
    assert time.monotonic() - started < 40
    assert active_children() == []


def test_a_killed_process_is_reported_as_a_stop():
    with pytest.raises(Interrupted, match="a worker process was killed"):
        in_processes([9], os._exit, lambda *_: None)
