import contextlib
import io
import os
import pty
import select
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.core.progress import SECONDS_BETWEEN_LINES, Bars, Lines, duration_text, silent, terminal_progress


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.mark.parametrize(
    ("total", "before", "seconds", "done", "shown"),
    [
        (2600, 0, 10, 200, ["0/2,600 records", *["200/2,600 records  20/s  2:00 left"] * 2]),
        (96, 0, 70, 1, ["0/96 records", *["1/96 records"] * 2]),
        (9600, 0, 300, 96, ["0/9,600 records", *["96/9,600 records  0.32/s  8:15:00 left"] * 2]),
        (1000, 900, 10, 50, ["900/1,000 records", *["950/1,000 records  5.00/s  0:10 left"] * 2]),  # continued
        (30, 0, 3, 30, ["0/30 records", "30/30 records  10/s  0:03 taken"]),
    ],
)
def test_lines_show_count_rate_and_time(total, before, seconds, done, shown):
    out, clock = io.StringIO(), Clock()
    with Lines(out, clock).stage("decode", total=total, unit="records", done=before) as advance:
        clock.now += seconds
        advance(done)
    assert out.getvalue().splitlines() == [f"decode  {text}" for text in shown]


@given(st.lists(st.floats(0, 20), max_size=40))
def test_lines_are_at_least_five_seconds_apart(steps):
    out, clock = io.StringIO(), Clock()
    with Lines(out, clock).stage("embed", total=1000, unit="records") as advance:
        for step in steps:
            clock.now += step
            advance(1)
    assert len(out.getvalue().splitlines()) <= 2 + (clock.now - 100) / SECONDS_BETWEEN_LINES


def test_lines_do_not_report_the_end_of_a_failed_stage():
    out = io.StringIO()

    def crash():
        with Lines(out).stage("filter", total=3, unit="records") as advance:
            advance(3)
            raise KeyError

    with pytest.raises(KeyError):
        crash()
    assert len(out.getvalue().splitlines()) == 1


def test_silent_progress_accepts_events_and_terminal_progress_ignores_write_errors():
    def broken(_self, _text=""):
        raise BrokenPipeError

    closed = type("Closed", (io.StringIO,), {"write": broken, "flush": broken})()
    for progress in (silent, terminal_progress(closed)):
        with progress.stage("embed", total=5, unit="records", done=1) as advance:
            assert advance(3) is None


@pytest.mark.parametrize(("is_terminal", "kind"), [(False, Lines), (True, Bars)])
def test_terminal_progress_draws_bars_only_on_a_terminal(is_terminal, kind, monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr(stream, "isatty", lambda: is_terminal, raising=False)
    assert isinstance(terminal_progress(stream), kind)


DRAW = """
import sys; from synthgen.core.progress import terminal_progress
with terminal_progress(sys.stderr).stage('decode', total=40, unit='records') as advance:
    for _ in range(4): advance(10)
"""


@pytest.mark.parametrize("no_color", [False, True])
def test_bars_on_a_real_terminal_honour_no_color(no_color):
    environment = {k: v for k, v in os.environ.items() if k not in {"NO_COLOR", "FORCE_COLOR", "COLORTERM"}}
    environment |= {"TERM": "xterm-256color", "COLUMNS": "120"} | ({"NO_COLOR": "1"} if no_color else {})
    ours, theirs = pty.openpty()
    process = subprocess.Popen([sys.executable, "-c", DRAW], stderr=theirs, env=environment)
    os.close(theirs)
    seen = b""
    with contextlib.suppress(OSError):  # raised if the terminal's other end is closed
        while select.select([ours], [], [], 30)[0] and (chunk := os.read(ours, 65536)):
            seen += chunk
    os.close(ours)
    assert (process.wait(30), b"40/40 records" in seen, b"/s" in seen) == (0, True, True)
    assert (b"\x1b[38;5;" in seen or b"\x1b[3" in seen) is not no_color


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "0:00"), (59.6, "1:00"), (61, "1:01"), (3599, "59:59"), (3600, "1:00:00"), (90061, "25:01:01")],
)
def test_span(seconds, shown):
    assert duration_text(seconds) == shown
