"""Defer stop signals, such as Ctrl-C, while a DP result is drawn and recorded, so that the result is not lost."""

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from synthgen.core.errors import Interrupted

STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# Further stop signals are ignored for this time after the first one, because a closing terminal or a service manager
# sends several stop signals at the same time.
IGNORED_SECONDS = 5.0
WAIT_MESSAGE = (
    "The budget is being spent; the run stops as soon as the DP result is stored. "
    f"Press Ctrl-C again after {IGNORED_SECONDS:g} seconds to stop immediately; "
    "the DP result is then lost and the budget stays spent.\n"
)


@contextmanager
def deferred_signals() -> Iterator[None]:
    """If a signal of `STOPS` arrives while the `with` block runs, stop the run at the end of the block.

    Further signals within `IGNORED_SECONDS` seconds are ignored. A signal after that time stops the run immediately.
    Outside the main thread, signals are handled as usual.

    Raises:
        SystemExit: a signal arrived; raised at the end of the block.
        Interrupted: a second signal stopped the run. The DP result is lost, unless it was already stored.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    arrivals: list[float] = []
    is_lost = False

    def wait(_number: int, _frame: object) -> None:
        nonlocal is_lost
        arrivals.append(time.monotonic())
        is_lost = arrivals[-1] - arrivals[0] > IGNORED_SECONDS
        if is_lost:
            sys.exit(Interrupted.exit_code)  # a library that catches Exception does not catch SystemExit
        if len(arrivals) > 1:
            return
        with suppress(OSError):  # writing to a closed terminal fails, and this error must not interrupt the draw
            os.write(2, WAIT_MESSAGE.encode())

    # a signal that the process already ignores, such as SIGHUP under nohup, stays ignored
    deferred = [number for number in STOPS if signal.getsignal(number) != signal.SIG_IGN]
    handlers = {number: signal.signal(number, wait) for number in deferred}
    try:
        yield
    except SystemExit:
        if not is_lost:
            raise
        raise Interrupted(
            "the run was stopped while the DP result was drawn. The budget is spent. The result is lost, unless it "
            "was already stored",
            hint="Run the same command again. If the result was stored, the run continues. If not, the command "
            "refuses to run; only then use `--resume never`, which reserves and spends the budget again.",
        ) from None
    finally:
        for number, handler in handlers.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
    if arrivals:
        sys.exit(Interrupted.exit_code)
