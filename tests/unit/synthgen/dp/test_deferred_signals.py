import os
import signal
import sys
import threading

import pytest

from synthgen.core.errors import Interrupted
from synthgen.dp.deferred_signals import IGNORED_SECONDS, STOPS, WAIT_MESSAGE, deferred_signals


@pytest.fixture(autouse=True)
def handlers():
    """Install handlers for all signals, and check that the tests restore them."""
    started = {number: signal.signal(number, signal.default_int_handler) for number in STOPS}
    before = {number: signal.getsignal(number) for number in STOPS}
    yield
    after = {number: signal.getsignal(number) for number in STOPS}
    for number, handler in started.items():
        signal.signal(number, handler)
    assert after == before


def draw(kept, *stops):
    with deferred_signals():
        for number in stops:
            os.kill(os.getpid(), number)
        kept.append("booked")


@pytest.mark.parametrize("number", STOPS)
def test_the_first_stop_is_deferred_until_the_result_is_stored(capfd, number):
    kept = []
    with pytest.raises(SystemExit) as stopped:
        draw(kept, number)
    assert (kept, stopped.value.code, capfd.readouterr().err) == (["booked"], Interrupted.exit_code, WAIT_MESSAGE)


def test_simultaneous_stops_count_as_one_and_a_later_one_stops_at_once(monkeypatch, capfd):
    kept = []
    with pytest.raises(SystemExit):
        draw(kept, *STOPS)  # a terminal that closes sends several signals
    assert (kept, capfd.readouterr().err) == (["booked"], WAIT_MESSAGE)
    times = iter([100.0, 100.0 + 2 * IGNORED_SECONDS])
    monkeypatch.setattr("synthgen.dp.deferred_signals.time.monotonic", lambda: next(times))
    with pytest.raises(Interrupted, match="The result is lost, unless it was already stored"):
        draw(kept, *STOPS[:2])
    assert kept == ["booked"]


def test_ignored_signals_stay_ignored_during_the_draw():
    kept, before = [], signal.signal(signal.SIGHUP, signal.SIG_IGN)  # `nohup` does the same
    draw(kept, signal.SIGHUP, signal.SIGHUP)
    assert (kept, signal.signal(signal.SIGHUP, before)) == (["booked"], signal.SIG_IGN)


def test_handlers_stay_unchanged_without_a_stop_and_in_other_threads():
    found = []

    def work():
        with deferred_signals():
            found.append(signal.getsignal(signal.SIGINT))

    before, thread = signal.getsignal(signal.SIGINT), threading.Thread(target=work)
    work()
    assert found.pop() is not None
    thread.start()
    thread.join()
    assert found == [before]
    with pytest.raises(ValueError, match="any other error"), deferred_signals():
        raise ValueError("any other error")
    with pytest.raises(SystemExit, match="9"), deferred_signals():
        sys.exit(9)
