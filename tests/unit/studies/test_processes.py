import operator
import os
import signal
import time
from multiprocessing import active_children

import pytest

from studies.processes import in_processes
from synthgen.core.errors import Interrupted

# a test can send only functions of installed modules to another process


def test_every_job_is_run_and_reported():
    results = {}
    in_processes([3, 1, 2], operator.neg, results.__setitem__)
    assert results == {3: -3, 1: -1, 2: -2}
    in_processes([], operator.neg, lambda *_: pytest.fail("no job"))


def test_each_process_is_prepared_first(tmp_path):
    results = {}
    in_processes(["x"], os.path.abspath, results.__setitem__, start=os.chdir, given=(tmp_path,))
    in_processes([signal.SIGINT], signal.getsignal, results.__setitem__)
    assert results == {"x": str(tmp_path / "x"), signal.SIGINT: signal.SIG_IGN}  # only the parent handles it


def test_an_error_of_a_job_is_raised_here_and_leaves_no_process():
    with pytest.raises(ZeroDivisionError):
        in_processes([0], (1).__truediv__, lambda *_: None)
    assert active_children() == []


def test_a_stop_ends_the_other_jobs():
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
