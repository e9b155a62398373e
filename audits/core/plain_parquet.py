"""Write and read canonical Parquet files. The rows determine every byte of a file, so a file cannot hide other data.

The files are uncompressed and have no dictionaries, statistics or metadata. Headers are Thrift structs. `_struct`
takes each field as (number, type, value).

Reference: Parquet file format (parquet.thrift, data pages of version 1); Thrift compact protocol.
"""

from collections.abc import Sequence

PAGE_BYTES = 1 << 20  # a page ends as soon as it has at least this number of bytes; no value is split
CREATED_BY = b"synthgen plain parquet"
_MAGIC = b"PAR1"
_BYTE_ARRAY, _UTF8, _REQUIRED, _PLAIN, _RLE, _UNCOMPRESSED = 6, 0, 0, 0, 3, 0  # enum values of parquet.thrift
_I32, _I64, _BINARY, _LIST, _STRUCT = 5, 6, 8, 9, 12  # field types of the compact protocol
_SHORT_LIST = 15  # a list of fewer than 15 items stores the number of items in the first byte of its header


def parquet_bytes(columns: Sequence[tuple[str, Sequence[str]]]) -> bytes:
    """Return a Parquet file of named string columns of equal length (at least 1), in one row group."""
    n_rows = len(columns[0][1])
    body, chunks, total = bytearray(_MAGIC), [], 0
    for name, values in columns:
        start = len(body)
        body += _pages([value.encode() for value in values])
        size, total = len(body) - start, total + len(body) - start
        about = _struct(
            (1, _I32, _int(_BYTE_ARRAY)),
            (2, _LIST, _list(_I32, [_int(_PLAIN), _int(_RLE)])),
            (3, _LIST, _list(_BINARY, [_binary(name.encode())])),
            (4, _I32, _int(_UNCOMPRESSED)),
            (5, _I64, _int(n_rows)),
            (6, _I64, _int(size)),
            (7, _I64, _int(size)),
            (9, _I64, _int(start)),
        )
        chunks.append(_struct((2, _I64, _int(start)), (3, _STRUCT, about)))
    group = _struct((1, _LIST, _list(_STRUCT, chunks)), (2, _I64, _int(total)), (3, _I64, _int(n_rows)))
    root = _struct((4, _BINARY, _binary(b"schema")), (5, _I32, _int(len(columns))))
    schema = [
        _struct(
            (1, _I32, _int(_BYTE_ARRAY)),
            (3, _I32, _int(_REQUIRED)),
            (4, _BINARY, _binary(name.encode())),
            (6, _I32, _int(_UTF8)),
            (10, _STRUCT, _struct((1, _STRUCT, _struct()))),  # logical type: string
        )
        for name, _ in columns
    ]
    footer = _struct(
        (1, _I32, _int(1)),
        (2, _LIST, _list(_STRUCT, [root, *schema])),
        (3, _I64, _int(n_rows)),
        (4, _LIST, _list(_STRUCT, [group])),
        (6, _BINARY, _binary(CREATED_BY)),
    )
    return bytes(body) + footer + len(footer).to_bytes(4, "little") + _MAGIC


def read_plain(data: bytes, names: Sequence[str], n_rows: int) -> list[list[str]]:
    """Return the columns of a canonical file, one list of strings for each of the `names`.

    Raise ValueError if the bytes are not the canonical encoding of `n_rows` rows. The memory use is at most
    proportional to the size of the file.
    """
    at, columns = len(_MAGIC), []
    for _ in names:
        values: list[str] = []
        while len(values) < n_rows:
            n, size, at = _read_page_header(data, at)
            end = at + size
            if not 0 < n <= n_rows - len(values) or end > len(data):
                raise ValueError("the header of a page states a wrong number of values or bytes")
            for _ in range(n):
                length = int.from_bytes(data[at : at + 4], "little")
                at += 4 + length
                if at > end:
                    raise ValueError("a value is longer than its page")
                values.append(data[at - length : at].decode())
            if at != end:
                raise ValueError("a page contains bytes that belong to no value")
        columns.append(values)
    if parquet_bytes(list(zip(names, columns, strict=True))) != data:
        raise ValueError("the bytes of the file are not the canonical encoding of its rows")
    return columns


def _read_page_header(data: bytes, at: int) -> tuple[int, int, int]:
    """Read the page header at the offset `at`.

    Return the number of values, their size in bytes, and the offset of the first value.
    """
    size, after = _read_int(data, at + 3)  # skips two field headers and the page type
    _, after = _read_int(data, after + 1)  # skips the size, which the header states a second time
    n, _ = _read_int(data, after + 2)  # skips the headers of the inner struct and of its first field
    return n, size, at + len(_page_header_bytes(size, n))


def _read_int(data: bytes, at: int) -> tuple[int, int]:
    """Read a non-negative integer below 2^34 in zigzag encoding; return the integer and the offset after it."""
    for length in range(1, 6):
        if data[at + length - 1 : at + length] < b"\x80":
            number = sum((byte & 0x7F) << 7 * i for i, byte in enumerate(data[at : at + length]))
            return number >> 1, at + length
    raise ValueError("the header of a page contains a number that is too large")


def _page_header_bytes(size: int, n: int) -> bytes:
    about = _struct((1, _I32, _int(n)), (2, _I32, _int(_PLAIN)), (3, _I32, _int(_RLE)), (4, _I32, _int(_RLE)))
    return _struct((1, _I32, _int(0)), (2, _I32, _int(size)), (3, _I32, _int(size)), (5, _STRUCT, about))


def _pages(values: Sequence[bytes]) -> bytes:
    made, page, n = bytearray(), bytearray(), 0
    for i, value in enumerate(values):
        page += len(value).to_bytes(4, "little") + value
        n += 1
        if len(page) >= PAGE_BYTES or i == len(values) - 1:
            made += _page_header_bytes(len(page), n) + page
            page, n = bytearray(), 0
    return bytes(made)


def _struct(*fields: tuple[int, int, bytes]) -> bytes:
    made, last = bytearray(), 0  # a field is encoded with its number minus the number of the previous field
    for number, kind, value in fields:
        made += bytes([(number - last) << 4 | kind]) + value
        last = number
    return bytes(made) + b"\0"


def _list(kind: int, values: Sequence[bytes]) -> bytes:
    n = len(values)
    head = bytes([n << 4 | kind]) if n < _SHORT_LIST else bytes([_SHORT_LIST << 4 | kind]) + _varint(n)
    return head + b"".join(values)


def _binary(value: bytes) -> bytes:
    return _varint(len(value)) + value


def _int(value: int) -> bytes:
    return _varint(value << 1)  # the zigzag encoding of a non-negative integer


def _varint(value: int) -> bytes:
    made = bytearray()
    while value > 0x7F:
        made.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*made, value])
