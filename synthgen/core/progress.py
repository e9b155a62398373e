"""Report the progress of a stage: bars on a terminal, plain lines in a log, or nothing.

A progress event has the name of a stage and the number of finished units, such as texts, but no text of a record.
"""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any, Protocol, TextIO, cast

SECONDS_BETWEEN_LINES = 5.0
FIRST_SECONDS = 300.0  # during this time, the rate is shown only if a twentieth of the units is done
Advance = Callable[[int], None]


class Progress(Protocol):
    """Receives progress events."""

    def stage(self, name: str, *, total: int, unit: str, done: int = 0) -> AbstractContextManager[Advance]:
        """Return a context in which `advance(n)` reports that n more units are finished.

        Args:
            name: name of the stage.
            total: number of units; 0 if it is unknown.
            unit: plural name of the units.
            done: number of units that an interrupted run finished earlier; the rate does not include them.
        """
        ...


class _Silent:
    @contextmanager
    def stage(self, name: str, *, total: int, unit: str, done: int = 0) -> Iterator[Advance]:  # noqa: ARG002
        yield lambda _: None


silent: Progress = _Silent()


class Lines:
    """Writes a line at the start of a stage, then at most one line every five seconds, and a last line at the end."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._clock = clock

    @contextmanager
    def stage(self, name: str, *, total: int, unit: str, done: int = 0) -> Iterator[Advance]:
        """See `Progress.stage`; after an exception, no last line is written."""
        started = last = self._clock()
        before, now_done = done, done

        def write() -> None:
            seconds = self._clock() - started
            shown = progress_text(now_done, total, unit, done_here=now_done - before, seconds=seconds)
            self._stream.write(f"{name}  {shown}\n")
            self._stream.flush()

        def advance(n: int) -> None:
            nonlocal now_done, last
            now_done += n
            if self._clock() - last >= SECONDS_BETWEEN_LINES:
                last = self._clock()
                write()

        write()
        yield advance
        write()


class Bars:
    """Draws one bar per stage with rate and remaining time. The environment variable NO_COLOR turns colours off."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    @contextmanager
    def stage(self, name: str, *, total: int, unit: str, done: int = 0) -> Iterator[Advance]:
        """See `Progress.stage`."""
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn
        from rich.progress import Progress as RichProgress

        started, now_done = time.monotonic(), done
        described = TextColumn("{task.description:<12}", markup=False)
        columns = (described, BarColumn(), TextColumn("{task.fields[words]}", markup=False))
        with RichProgress(*columns, console=Console(file=self._stream, highlight=False)) as bars:
            task = bars.add_task(name, total=total or None, completed=done, words=_count(done, total, unit))

            def advance(n: int) -> None:
                nonlocal now_done
                now_done += n
                words = progress_text(
                    now_done, total, unit, done_here=now_done - done, seconds=time.monotonic() - started
                )
                bars.update(task, completed=now_done, words=words)

            yield advance


def terminal_progress(stream: TextIO) -> Progress:
    """Return bars for a terminal and plain lines for any other stream; write errors do not stop the run."""
    tolerant = cast("TextIO", _Tolerant(stream))
    return Bars(tolerant) if stream.isatty() else Lines(tolerant)


def notebook_progress() -> Progress:
    """Return plain lines on standard error in a notebook, and no progress elsewhere."""
    return terminal_progress(sys.stderr) if "ipykernel" in sys.modules else silent


class _Tolerant:
    """A stream that ignores write errors, such as those of a closed pipe."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        with suppress(OSError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            self._stream.flush()


def progress_text(done: int, total: int, unit: str, *, done_here: int, seconds: float) -> str:
    """Return a text such as "50/100 texts  0.50/s  1:40 left": the count, the rate and the remaining time.

    Of the `done` units, `done_here` were finished in the `seconds` since the stage started, and the rest in an
    earlier, interrupted run. The rate is `done_here` divided by `seconds`.

    Only the count is returned until a twentieth of the units is finished or `FIRST_SECONDS` have passed, because
    loading a model makes the first units slow. At the end, or if `total` is 0, the text has the elapsed time in place
    of the remaining time.
    """
    count = _count(done, total, unit)
    is_early = seconds < FIRST_SECONDS and done_here < total / 20 and done < total
    if done_here <= 0 or seconds <= 0 or is_early:
        return count
    rate = done_here / seconds
    shown = f"{rate:,.0f}/s" if rate >= 10 else f"{rate:.2f}/s"
    remaining = f"{duration_text(seconds)} taken" if done >= total else f"{duration_text((total - done) / rate)} left"
    return f"{count}  {shown}  {remaining}"


def _count(done: int, total: int, unit: str) -> str:
    return f"{done:,d}/{total:,d} {unit}" if total else f"{done:,d} {unit}"


def duration_text(seconds: float) -> str:
    """Return a duration as h:mm:ss, or as m:ss below one hour."""
    whole = round(seconds)
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02d}:{whole % 60:02d}" if hours else f"{minutes}:{whole % 60:02d}"
