"""How far a long stage is: bars on a terminal, plain lines elsewhere, nothing where nobody looks.

An event is a stage's name and how many of its units are done. No text of a record can pass through here.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any, Protocol, TextIO, cast

SECONDS_BETWEEN_LINES = 5.0
Advance = Callable[[int], None]


class Progress(Protocol):
    """Somebody who wants to know how far a stage is."""

    def stage(self, name: str, *, total: int, unit: str, done: int = 0) -> AbstractContextManager[Advance]:
        """Return a context in which `advance(n)` reports that n more units are done.

        Args:
            name: the stage.
            total: how many units there are.
            unit: what is counted, in the plural.
            done: how many were done before, by a run that was stopped; they do not count into the rate.
        """
        ...


class _Silent:
    """Nobody looks."""

    @contextmanager
    def stage(self, name: str, *, total: int, unit: str, done: int = 0) -> Iterator[Advance]:  # noqa: ARG002
        yield lambda _: None


silent: Progress = _Silent()


class Lines:
    """Plain lines for logs: one when a stage starts, at most one every five seconds, one when it ends.

    Args:
        stream: where the lines go.
        clock: seconds, monotonic.
    """

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._clock = clock

    @contextmanager
    def stage(self, name: str, *, total: int, unit: str, done: int = 0) -> Iterator[Advance]:
        """See `Progress.stage`; an exception leaves without a last line that would claim an end."""
        started = last = self._clock()
        before, now_done = done, done

        def write() -> None:
            seconds = self._clock() - started
            self._stream.write(line(name, now_done, total, unit, done_here=now_done - before, seconds=seconds) + "\n")
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
    """One bar for each stage, with rate and remaining time, drawn by rich; NO_COLOR takes the colour away."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    @contextmanager
    def stage(self, name: str, *, total: int, unit: str, done: int = 0) -> Iterator[Advance]:
        """See `Progress.stage`."""
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn
        from rich.progress import Progress as RichProgress

        started, now_done = time.monotonic(), done
        columns = (
            TextColumn("{task.description:<12}", markup=False),
            BarColumn(),
            TextColumn("{task.fields[words]}", markup=False),
        )
        with RichProgress(*columns, console=Console(file=self._stream, highlight=False)) as bars:
            task = bars.add_task(name, total=total, completed=done, words=f"{done:,d}/{total:,d} {unit}")

            def advance(n: int) -> None:
                nonlocal now_done
                now_done += n
                words = measures(now_done, total, unit, done_here=now_done - done, seconds=time.monotonic() - started)
                bars.update(task, completed=now_done, words="  ".join(words))

            yield advance


def terminal_progress(stream: TextIO) -> Progress:
    """Return bars where the stream is a terminal, plain lines where it is not; who stops looking stops nothing."""
    patient = cast("TextIO", _Unheard(stream))
    return Bars(patient) if stream.isatty() else Lines(patient)


class _Unheard:
    """A stream that may be gone, as the reader of a pipe: a line less is no reason to lose what was paid for."""

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


def line(name: str, done: int, total: int, unit: str, *, done_here: int, seconds: float) -> str:
    """Return one plain line: `stage  done/total unit  rate  remaining`."""
    return "  ".join((name, *measures(done, total, unit, done_here=done_here, seconds=seconds)))


def measures(done: int, total: int, unit: str, *, done_here: int, seconds: float) -> tuple[str, ...]:
    """Return what is known: the count; once something was done in this run, the rate; until the end, what remains."""
    count = f"{done:,d}/{total:,d} {unit}"
    if done_here <= 0 or seconds <= 0:
        return (count,)
    rate = done_here / seconds
    shown = f"{rate:,.0f}/s" if rate >= 10 else f"{rate:.2f}/s"
    if done >= total:
        return (count, shown, f"{span(seconds)} taken")
    return (count, shown, f"{span((total - done) / rate)} left")


def span(seconds: float) -> str:
    """Return a length of time as h:mm:ss, or m:ss below one hour."""
    whole = round(seconds)
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02d}:{whole % 60:02d}" if hours else f"{minutes}:{whole % 60:02d}"
