import io
import os
import pty
import select
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.core.progress import SECONDS_BETWEEN_LINES, Bars, Lines, line, silent, span, terminal_progress


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def test_lines_tell_count_rate_and_remaining_time():
    out, clock = io.StringIO(), Clock()
    with Lines(out, clock).stage("decode", total=2600, unit="records") as advance:
        clock.now += 6
        advance(120)
    assert out.getvalue().splitlines() == [
        "decode  0/2,600 records",
        "decode  120/2,600 records  20/s  2:04 left",
        "decode  120/2,600 records  20/s  2:04 left",
    ]


@given(st.lists(st.floats(0, 20), max_size=40))
def test_lines_come_no_more_often_than_every_five_seconds(steps):
    out, clock = io.StringIO(), Clock()
    with Lines(out, clock).stage("embed", total=1000, unit="records") as advance:
        for step in steps:
            clock.now += step
            advance(1)
    n_lines = len(out.getvalue().splitlines())
    assert n_lines <= 2 + (clock.now - 100) / SECONDS_BETWEEN_LINES


def test_what_a_stopped_run_did_is_not_counted_into_the_rate():
    out, clock = io.StringIO(), Clock()
    with Lines(out, clock).stage("decode", total=1000, unit="records", done=900) as advance:
        clock.now += 10
        advance(50)
    assert "950/1,000 records  5.00/s  0:10 left" in out.getvalue()


def test_a_finished_stage_says_how_long_it_took():
    out, clock = io.StringIO(), Clock()
    with Lines(out, clock).stage("filter", total=30, unit="records") as advance:
        clock.now += 3
        advance(30)
    assert out.getvalue().splitlines()[-1] == "filter  30/30 records  10/s  0:03 taken"


def test_a_crashed_stage_does_not_claim_an_end():
    out = io.StringIO()

    def crash():
        with Lines(out).stage("filter", total=3, unit="records") as advance:
            advance(3)
            raise KeyError

    with pytest.raises(KeyError):
        crash()
    assert len(out.getvalue().splitlines()) == 1


def test_silence():
    with silent.stage("embed", total=5, unit="records", done=1) as advance:
        assert advance(3) is None


def test_who_stops_looking_stops_nothing():
    class Gone(io.StringIO):
        def write(self, _text):
            raise BrokenPipeError

        def flush(self):
            raise BrokenPipeError

    with terminal_progress(Gone()).stage("adapt", total=2, unit="steps") as advance:
        advance(2)


def test_no_terminal_gives_lines_and_a_terminal_gives_bars():
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    assert isinstance(terminal_progress(io.StringIO()), Lines)
    assert isinstance(terminal_progress(Terminal()), Bars)


@pytest.mark.parametrize("no_color", [False, True])
def test_bars_on_a_real_terminal_honour_no_color(no_color):
    code = (
        "import sys; from synthgen.core.progress import terminal_progress\n"
        "with terminal_progress(sys.stderr).stage('decode', total=40, unit='records') as advance:\n"
        "    for _ in range(4): advance(10)\n"
    )
    environment = {k: v for k, v in os.environ.items() if k not in {"NO_COLOR", "FORCE_COLOR", "COLORTERM"}}
    environment |= {"TERM": "xterm-256color", "COLUMNS": "120"} | ({"NO_COLOR": "1"} if no_color else {})
    ours, theirs = pty.openpty()
    process = subprocess.Popen([sys.executable, "-c", code], stderr=theirs, env=environment)
    os.close(theirs)
    seen = b""
    while select.select([ours], [], [], 30)[0]:
        try:
            chunk = os.read(ours, 65536)
        except OSError:  # the terminal's other end is closed
            break
        if not chunk:
            break
        seen += chunk
    os.close(ours)
    assert process.wait(30) == 0
    assert b"40/40 records" in seen
    assert b"/s" in seen
    assert (b"\x1b[38;5;" in seen or b"\x1b[3" in seen) is not no_color


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "0:00"), (59.6, "1:00"), (61, "1:01"), (3599, "59:59"), (3600, "1:00:00"), (90061, "25:01:01")],
)
def test_span(seconds, shown):
    assert span(seconds) == shown


def test_nothing_done_yet_has_no_rate():
    assert line("embed", 0, 7, "records", done_here=0, seconds=3) == "embed  0/7 records"
