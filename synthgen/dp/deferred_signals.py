"""Between a draw and its booking a stop loses what was paid for: the first one is told so, and waits."""

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from synthgen.core.errors import Interrupted

STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
APART = 5.0  # seconds; a terminal that closes, or whoever starts services, sends several signals at once
WAITS = (
    "a stop now would lose an answer that is paid for; the run stops once it is kept. "
    "Ask again after some seconds to lose it.\n"
)


@contextmanager
def held() -> Iterator[None]:
    """Let the first of `STOPS` wait for the end of the block; one that comes `APART` after it ends it.

    In another thread than the main one signals stay as they are.

    Raises:
        Interrupted: on the latter, and what was drawn is lost.
        SystemExit: after the block, where one waited.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    asked: list[float] = []
    is_lost = False

    def wait(_number: int, _frame: object) -> None:
        nonlocal is_lost
        asked.append(time.monotonic())
        is_lost = asked[-1] - asked[0] > APART
        if is_lost:
            sys.exit(Interrupted.exit_code)  # no library turns it into another end
        if len(asked) > 1:
            return
        with suppress(OSError):  # who looked may be gone, and nothing may stop it now
            os.write(2, WAITS.encode())

    heard = [number for number in STOPS if signal.getsignal(number) != signal.SIG_IGN]  # nohup's is none
    before = {number: signal.signal(number, wait) for number in heard}
    try:
        yield
    except SystemExit:
        if not is_lost:
            raise
        raise Interrupted(
            "stopped between drawing and keeping an answer: it is lost unless it was kept, and its budget spent",
            hint="The same command goes on with an answer that was kept. Else `--resume never` pays anew.",
        ) from None
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
    if asked:
        sys.exit(Interrupted.exit_code)
