"""Find HL7 v2 files, and split them into messages without reading a whole file into memory."""

import codecs
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from audits.core.files import open_regular
from synthgen.extract.documents.plain import BYTE_ORDER_MARKS

MAX_MESSAGE_BYTES, MAX_MESSAGE_LINES = 64 << 20, 200_000
TOO_LARGE = f"message is larger than {MAX_MESSAGE_BYTES >> 20} MiB or {MAX_MESSAGE_LINES} lines"
OUTSIDE = "lines outside of a message"
# numbers of bytes that are read at once, and that are searched for the first header
_CHUNK_BYTES, _HEAD_BYTES = 1 << 20, 1 << 12
_MAX_FILE_BYTES = 1 << 60  # in effect no limit, because a file is streamed
# the protocol MLLP encloses a message in 0x0B and 0x1C; some programs write 0x0B as a line break inside a text
_BREAK = re.compile(rb"\r\n|[\r\n\x0b\x1c]")
_BEFORE_HEADER = codecs.BOM_UTF8 + b"\x0b\x1c \t\r\n"  # bytes that can precede the word MSH in a header
# A line of a note can begin with the word MSH, so a header needs separators after the word. Damaged separators count
# too: a missed header would join two messages, which can be about different persons.
_HEADER = re.compile(rb"[\xef\xbb\xbf\s]*MSH(?:\||$|[^\w\s]{2})")
_ENVELOPE = re.compile(rb"[\xef\xbb\xbf\s]*(?:FHS|BHS|BTS|FTS)(?:\||$|[^\w\s]{2})")  # header or trailer of a batch
_WIDE_MARKS = {mark: name for mark, name in BYTE_ORDER_MARKS.items() if mark != codecs.BOM_UTF8}  # UTF-16, UTF-32


@dataclass(frozen=True, slots=True)
class RawMessage:
    """The lines of one message, or the reason why the message is not read."""

    number: int  # position in the file, from 1; for `OUTSIDE`, the number of messages in the file
    lines: tuple[bytes, ...]  # empty if there is a reason
    reason: str = ""  # why the message is not read; "" if it is read
    # "utf-8" if the file was converted or has a byte-order mark; then the field MSH-18 (character set) is ignored
    charset: str = ""

    def __repr__(self) -> str:
        return f"RawMessage({self.number}, {len(self.lines)} lines)"


def files_below(path: Path) -> Iterator[Path]:
    """Yield `path` if it is a file; otherwise, yield the files below the folder `path`.

    The files of each folder are sorted by name. Only the names of one folder are in memory at a time. Links to
    folders are not followed.
    """
    if not path.is_dir():
        yield path
        return
    for folder, folders, names in os.walk(path):
        folders.sort()
        yield from (Path(folder, name) for name in sorted(names))


def read_messages(path: Path, encoding: str) -> Iterator[RawMessage] | None:
    """Return an iterator over the messages of a file; None if the file does not begin with a message or batch header.

    Files in UTF-16 or UTF-32 are converted to UTF-8.

    Raises:
        OSError: the file cannot be read, or is not a regular file.
        UnicodeError: the iterator reaches damaged bytes in a UTF-16 or UTF-32 file.
    """
    with open_regular(path, _MAX_FILE_BYTES) as file:
        head = file.read(_HEAD_BYTES)
    name = codecs.lookup(encoding).name
    configured = name if name.startswith(("utf-16", "utf-32")) else ""
    # UTF-16 or UTF-32, from the byte-order mark or else from `encoding`; "" for any other encoding
    wide = next((wide for mark, wide in _WIDE_MARKS.items() if head.startswith(mark)), configured)
    start = head.decode(wide, "ignore").encode("utf-8", "ignore") if wide else head
    charset = "utf-8" if wide or head.startswith(codecs.BOM_UTF8) else ""
    line = _BREAK.split(start.lstrip(_BEFORE_HEADER))[0]
    return _opened(path, wide, charset) if _HEADER.match(line) or _ENVELOPE.match(line) else None


def _opened(path: Path, wide: str, charset: str) -> Iterator[RawMessage]:
    with open_regular(path, _MAX_FILE_BYTES) as file:
        for message in split_messages(_lines(_chunks(file, wide))):
            yield replace(message, charset=charset)


def _chunks(file: BinaryIO, wide: str) -> Iterator[bytes]:
    chunks = iter(lambda: file.read(_CHUNK_BYTES), b"")
    if not wide:
        return chunks
    return (text.encode() for text in codecs.iterdecode(chunks, wide))


def _lines(chunks: Iterable[bytes]) -> Iterator[bytes | None]:
    # yields None for a line above the size limit of a message
    parts: list[bytes] = []
    size, deferred = 0, b""
    for chunk in chunks:
        joined = deferred + chunk
        deferred = b"\r" if joined.endswith(b"\r") else b""  # the line feed may be in the next chunk
        *whole, unfinished = _BREAK.split(joined.removesuffix(deferred))
        for piece in whole:
            size += len(piece)
            yield b"".join([*parts, piece]) if size <= MAX_MESSAGE_BYTES else None
            parts, size = [], 0
        parts.append(unfinished)
        size += len(unfinished)
        if size > MAX_MESSAGE_BYTES:
            parts = []
    yield b"".join(parts) if size <= MAX_MESSAGE_BYTES else None


def split_messages(lines: Iterable[bytes | None]) -> Iterator[RawMessage]:
    """Yield the messages in the lines of a file; None stands for a line above the size limit of a message.

    A message begins with an MSH segment. Headers and trailers of batches are ignored. If there are lines outside of
    messages, a `RawMessage` without lines and with the reason `OUTSIDE` is yielded at the end.
    """
    number, size = 0, 0
    kept: list[bytes] | None = None  # lines of the current message; None outside of a message
    has_stray = False
    for line in lines:
        is_header = line is not None and _HEADER.match(line) is not None
        is_envelope = line is not None and _ENVELOPE.match(line) is not None
        if kept is not None and (is_header or is_envelope):
            yield _finished(number, kept, size)
            kept = None
        if is_header or (line is None and kept is None):
            number, size, kept = number + 1, 0, []
        if kept is None:
            has_stray |= bool(line and line.strip() and not is_envelope)
            continue
        # too many lines count as too many bytes
        size += MAX_MESSAGE_BYTES + 1 if line is None or len(kept) == MAX_MESSAGE_LINES else len(line) + 1
        if size > MAX_MESSAGE_BYTES:
            kept = []
        elif line is not None:
            kept.append(line.lstrip(_BEFORE_HEADER) if is_header else line)
    if kept is not None:
        yield _finished(number, kept, size)
    if has_stray:
        yield RawMessage(number, (), OUTSIDE)


def _finished(number: int, lines: list[bytes], size: int) -> RawMessage:
    return RawMessage(number, (), TOO_LARGE) if size > MAX_MESSAGE_BYTES else RawMessage(number, tuple(lines))
