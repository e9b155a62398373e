"""Read the rows of a CSV file, which may be compressed by gzip."""

import codecs
import csv
import gzip
import re
import zlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path
from typing import IO, Literal, cast

from audits.core.files import open_regular
from synthgen.core.errors import DataError
from synthgen.extract.note import Dropped

MALFORMED = "row with a wrong number of cells, a misplaced quote or an overlong cell"
UNDECODABLE = "undecodable bytes"
MAX_CELL_CHARACTERS = 1 << 24  # largest length of a cell; a row with a longer cell is dropped
_MAX_FILE_BYTES = 1 << 42  # 4 TiB; no lower limit is needed, because a file is read row by row
_SEPARATORS = ",\t;|"
_NULLS = frozenset({"NULL", "NA", r"\N"})  # missing values in files of SQL clients, R and PostgreSQL
_QUOTED = re.compile(r'"(.*)"')
_WHOLE_NUMBER = re.compile(r"([+-]?\d+)\.0+")  # a whole number with a decimal part of zeros
_UNDECODED = re.compile("[\ud800-\udfff]")  # undecodable bytes, as surrogateescape represents them


@dataclass(frozen=True, slots=True)
class CsvRow:
    """One row of a CSV file."""

    place: str  # name of the file, and the line at which the row starts
    cells: list[str]  # in the order of the columns; a missing value is ""

    def __repr__(self) -> str:
        return f"CsvRow({self.place!r}, {len(self.cells)} cells)"


@dataclass(frozen=True, slots=True)
class CsvTable:
    """The names of the columns in lower case, and the rows, which can be iterated only once."""

    columns: tuple[str, ...]
    rows: Iterator[CsvRow | Dropped]


def read_csv_table(path: Path, known: Collection[str], encoding: str, *, is_vocabulary: bool = False) -> CsvTable:
    """Return the columns and rows of a CSV file, which may be compressed by gzip.

    The separator (comma, tab, semicolon or vertical bar) is the one that gives the header the most names of `known`.
    A cell can be enclosed in double quotes; a double quote inside such a cell is written twice. A row that cannot be
    read, for example because of a misplaced quote, becomes a `Dropped` with the place of the row and the reason.

    Args:
        path: the file.
        known: expected names of columns in lower case; the first line must contain at least one such name.
        encoding: character encoding of the file.
        is_vocabulary: True for a table of the OMOP vocabularies, which are distributed with tabs and without quoting.
            If tabs separate the cells of such a table, only quotes that enclose a whole cell are removed.

    Raises:
        DataError: the file cannot be read, the first line is not a header, or two columns have the same name. The
            iteration over the rows raises it if the file is damaged, and at the end if most rows with non-ASCII
            characters are undecodable. In this case, `encoding` is probably wrong.

    Privacy: reads the cells of the source; no error message contains a cell.
    """
    csv.field_size_limit(MAX_CELL_CHARACTERS)
    lines = _lines(path, encoding)
    first = next(lines, "")
    headers = {separator: _header(first, separator) for separator in _SEPARATORS}
    separator = max(_SEPARATORS, key=lambda s: len({*known} & {*headers[s]}))
    columns = headers[separator]
    if _UNDECODED.search(first):
        hint = "Correct source.encoding. The first line must be a header with the names of the columns."
        raise DataError(f"{path.name}: the first line contains bytes that are not valid {encoding}", hint=hint)
    if not {*known} & {*columns}:
        message = f"{path.name}: the first line is not a header: it has no column {' or '.join(sorted(known))}"
        raise DataError(message, hint="Export the table with a header; if it has a header, check source.encoding.")
    if len({*columns}) != len(columns):
        raise DataError(f"{path.name}: two columns have the same name", hint="Give every column a unique name.")
    follows_quoting = not (is_vocabulary and separator == "\t")
    rows = _rows(path, lines, len(columns), separator, encoding, follows_quoting=follows_quoting)
    return CsvTable(columns, rows)


def identifier(value: str) -> str:
    """Return an identifier without outer spaces and without a decimal part of zeros: `" 12.0"` -> `"12"`."""
    match = _WHOLE_NUMBER.fullmatch(value.strip())
    return match[1] if match else value.strip()


def _lines(path: Path, encoding: str) -> Iterator[str]:
    is_utf8 = codecs.lookup(encoding).name in {"utf-8", "utf-8-sig"}
    try:
        with open_regular(path, _MAX_FILE_BYTES) as raw:
            is_packed = raw.peek(2)[:2] == b"\x1f\x8b"
            data = cast("IO[bytes]", gzip.GzipFile(fileobj=raw)) if is_packed else raw
            name = "utf-8-sig" if is_utf8 else encoding
            # with surrogateescape, an undecodable byte does not end the iteration
            with TextIOWrapper(data, encoding=name, errors="surrogateescape", newline="") as text:
                while line := text.readline(MAX_CELL_CHARACTERS):
                    yield line
    except UnicodeError:
        raise DataError(
            f"{path.name}: the file is not in the encoding {encoding}", hint="Correct source.encoding."
        ) from None
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or "the compressed data is damaged"
        hint = "Check the permissions of the file, and that the file was copied completely."
        raise DataError(f"{path.name}: cannot be read ({reason})", hint=hint) from None


def _header(line: str, separator: str) -> tuple[str, ...]:
    try:
        return tuple(cell.strip().lower() for cell in next(csv.reader([line], delimiter=separator), []))
    except csv.Error:  # a cell is longer than `MAX_CELL_CHARACTERS`
        return ()


def _rows(
    path: Path, lines: Iterator[str], width: int, separator: str, encoding: str, *, follows_quoting: bool
) -> Iterator[CsvRow | Dropped]:
    """Yield the rows after the header; a row that cannot be read is `Dropped`.

    If `follows_quoting` is false, a double quote is a plain character, except that quotes around a whole cell are
    removed. In this case, a cell cannot contain a separator or a line break.
    """
    quotechar = '"' if follows_quoting else None
    quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if follows_quoting else csv.QUOTE_NONE
    reader = csv.reader(lines, strict=True, delimiter=separator, quotechar=quotechar, quoting=quoting)
    n_undecodable = n_decoded = 0
    while True:
        # the next row begins at line `line_num` + 2 of the file, because `reader` does not count the header
        place = f"{path.name} line {reader.line_num + 2}"
        try:
            cells = next(reader) if follows_quoting else list(map(_unquoted, next(reader)))
        except StopIteration:
            break
        except csv.Error:
            yield Dropped(MALFORMED, place)
            continue
        text = "".join(cells)
        if not text.isascii():
            is_decoded = _UNDECODED.search(text) is None
            n_decoded, n_undecodable = n_decoded + is_decoded, n_undecodable + (not is_decoded)
            if not is_decoded:
                yield Dropped(UNDECODABLE, place)
                continue
        if not any(cells[width:]):  # a row may end in additional empty cells
            cells = cells[:width]
        if len(cells) == width:
            yield CsvRow(place, ["" if cell in _NULLS else cell for cell in cells])
        elif cells:
            yield Dropped(MALFORMED, place)
    if n_undecodable > n_decoded:
        message = f"{path.name}: {n_undecodable} rows contain bytes that are not valid {encoding}"
        hint = "Set source.encoding to the encoding of the file, often cp1252 (Windows) if it is not UTF-8."
        raise DataError(message, hint=hint)


def _unquoted(cell: str) -> str:
    match = _QUOTED.fullmatch(cell)
    return match[1].replace('""', '"') if match else cell
