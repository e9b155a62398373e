import codecs
import io
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.extract.hl7v2 import framing
from synthgen.extract.hl7v2.framing import OUTSIDE, TOO_LARGE, RawMessage, files_below, read_messages, split_messages

ONE = b"MSH|^~\\&|A|B"
TWO = b"MSH|^~\\&|C|D"


def read(tmp_path, data, encoding="utf-8"):
    path = tmp_path / "a.hl7"
    path.write_bytes(data)
    found = read_messages(path, encoding)
    return None if found is None else [(m.number, tuple(filter(None, m.lines)), m.reason) for m in found]


@pytest.mark.parametrize("end", [b"\r", b"\n", b"\r\n"])
@pytest.mark.parametrize("size", [1, 2, 3, 7, 1 << 20])
def test_lines_end_in_cr_lf_or_both_also_at_the_ends_of_chunks(tmp_path, monkeypatch, end, size):
    monkeypatch.setattr(framing, "_CHUNK_BYTES", size)
    data = end.join([ONE, b"PID|1", TWO, b"PID|2", b""])
    assert read(tmp_path, data) == [(1, (ONE, b"PID|1"), ""), (2, (TWO, b"PID|2"), "")]
    blank = list(framing._lines(framing._chunks(io.BytesIO(data), "")))
    assert [line for line in blank if line] == blank[:4]  # a line end on the border of two chunks is one line end


def test_mllp_frames_batches_and_byte_order_marks_are_removed(tmp_path):
    frames = b"\x0b" + ONE + b"\rPID|1\r\x1c\r\x0b" + TWO + b"\rPID|2\r\x1c\r"
    found = read(tmp_path, frames)
    assert [lines for _, lines, _ in found] == [(ONE, b"PID|1"), (TWO, b"PID|2")]
    batch = codecs.BOM_UTF8 + b"FHS|^~\\&|x\rBHS|^~\\&|x\r" + ONE + b"\rPID|1\rBTS|1\rBHS|^~\\&\r" + codecs.BOM_UTF8
    batch += TWO + b"\rBTS|1\rFTS|2\r"
    assert read(tmp_path, batch) == [(1, (ONE, b"PID|1"), ""), (2, (TWO,), "")]
    assert read(tmp_path, b" \r\n\x0b" + ONE) == [(1, (ONE,), "")]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32"])
def test_utf_16_is_recognised_by_its_mark_or_by_the_configuration(tmp_path, encoding):
    data = "MSH|^~\\&|A|B\rPID|é\r".encode(encoding)
    read_as = "utf-8" if encoding != "utf-16-le" else encoding
    assert read(tmp_path, data, read_as) == [(1, (ONE, "PID|é".encode()), "")]
    with pytest.raises(UnicodeError):
        read(tmp_path, data[:-1], read_as)


@pytest.mark.parametrize(
    "data", [b"", b"\x00\xff", b"PID|1\rMSH|", b"MSHX|^~\\&", b"a,b\n1,2\n", b"{}", b"MSH-6 intact"]
)
def test_other_files_are_not_read(tmp_path, data):
    assert read(tmp_path, data) is None


def test_the_word_msh_in_a_text_begins_no_message_but_a_damaged_header_does():
    texts = (b"MSH2: intact", b"MSH-6 intact", b"MSH: intact", b"MSH (gene)")
    assert [m.lines for m in split_messages([ONE, *texts])] == [(ONE, *texts)]
    for damaged in (b"MSH", b"MSH|", b"MSH|PROGRAM|B", b"MSH$%&"):
        assert [m.lines for m in split_messages([ONE, b"PID|1", damaged, b"PID|2"])] == [
            (ONE, b"PID|1"),
            (damaged, b"PID|2"),
        ]


def test_a_message_above_the_limit_is_counted_and_the_next_one_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(framing, "MAX_MESSAGE_BYTES", 100)
    monkeypatch.setattr(framing, "_CHUNK_BYTES", 16)
    many_lines = b"\r".join([ONE, *[b"OBX|1"] * 30, TWO])
    long_line = b"\r".join([ONE, b"OBX|" + b"x" * 500, TWO])
    for data in (many_lines, long_line):
        assert read(tmp_path, data) == [(1, (), TOO_LARGE), (2, (TWO,), "")]
    monkeypatch.setattr(framing, "MAX_MESSAGE_LINES", 3)
    few_lines = b"\r".join([ONE, b"", b"", b"", TWO, b"", b""])
    assert read(tmp_path, few_lines) == [(1, (), TOO_LARGE), (2, (TWO,), "")]
    assert read(tmp_path, ONE + b"|" + b"x" * 500 + b"\r" + TWO) == [(1, (), TOO_LARGE), (2, (TWO,), "")]


def test_memory_does_not_grow_with_the_file(monkeypatch):
    class Endless(io.RawIOBase):
        n = 0

        def read(self, size=-1):
            self.n += 1
            return (ONE + b"\rPID|1\r") * 50 if self.n < 1000 else b""

    source = Endless()
    messages = split_messages(framing._lines(framing._chunks(source, "")))
    assert next(messages).number == 1
    assert source.n < 3  # the rest is not read before it is needed


def test_lines_outside_of_a_message_are_counted():
    found = list(split_messages([b"BHS|^~\\&", b"odd", ONE, b"BTS|1", b"odd"]))
    assert found == [RawMessage(1, (ONE,)), RawMessage(1, (), OUTSIDE)]
    assert "odd" not in repr(found)


def test_files_are_found_in_the_order_of_their_names(tmp_path):
    for name in ("b/2", "b/1", "a.hl7", "c/d/e.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    found = [file.relative_to(tmp_path).as_posix() for file in files_below(tmp_path)]
    assert found == ["a.hl7", "b/1", "b/2", "c/d/e.txt"]
    assert list(files_below(tmp_path / "a.hl7")) == [tmp_path / "a.hl7"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no pipes")
def test_a_pipe_is_refused(tmp_path):
    os.mkfifo(tmp_path / "p")
    with pytest.raises(OSError, match="not a regular file"):
        read_messages(tmp_path / "p", "utf-8")


@given(st.lists(st.binary(max_size=20).map(lambda data: data.replace(b"MSH", b"")), max_size=20))
def test_every_line_is_kept_or_counted(lines):
    messages = list(split_messages([ONE, *lines, TWO]))
    kept = [line for m in messages for line in m.lines]
    assert kept == [ONE, *[line for line in lines if framing._ENVELOPE.match(line) is None], TWO] or any(
        m.reason == OUTSIDE for m in messages
    )
