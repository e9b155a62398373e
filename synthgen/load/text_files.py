"""Read csv, jsonl and text files; errors about a wrong encoding or separator state the likely one."""

import codecs
import csv
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import Any

from audits.core.files import open_regular, read_regular
from synthgen.core.errors import DataError
from synthgen.load.rows import SourceRow, SourceTable, read_row

BOM = "\ufeff"  # byte-order mark, which the encodings utf-16-le and utf-16-be keep
MAX_CELL_CHARACTERS = 1 << 24
SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
# numbers of bytes at the start of a file that are read to recognise UTF-16 and UTF-32, and to recognise cp1252
WIDE_BYTES, ENCODING_BYTES = 1 << 10, 1 << 24


def read_csv(
    path: Path,
    wanted: Iterable[str] = (),
    *,
    encoding: str = "utf-8",
    delimiter: str = ",",
    isolated_rows: bool = False,
) -> SourceTable:
    """Return the rows of a CSV file, in which double quotes enclose cells; row 1 is the first below the header.

    Columns without a name are not read. With `isolated_rows`, cells that span several lines are rejected. An unclosed
    quote would absorb the rows below, so one person's row could change the rows of others.
    """
    csv.field_size_limit(MAX_CELL_CHARACTERS)
    rows: list[SourceRow] = []
    with _text_of(path, encoding) as file:
        reader = csv.reader(file, strict=True, delimiter=delimiter)
        try:
            columns = next(reader, [])
            columns[:1] = [columns[0].removeprefix(BOM)] if columns else []
            if any("\udc80" <= character <= "\udcff" for character in "".join(columns)):
                raise DataError("the header of the csv file is not UTF-8", hint=likely_encoding(path))
            _refuse_lines(columns, "the header", isolated_rows=isolated_rows)
            _refuse_separator(columns, frozenset(wanted), delimiter)
            for number, cells in enumerate((c for c in reader if c), 1):
                _refuse_lines(cells, f"row {number}", isolated_rows=isolated_rows)
                rows.append(read_row(number, _csv_values, columns, cells))
        except csv.Error as error:
            message = f"the csv file cannot be read past line {reader.line_num} ({error})"
            raise DataError(message, hint="Close all quotes, or save the table as jsonl or parquet.") from None
    named = [column for column in columns if column.strip()]
    if len(set(named)) != len(named):
        raise DataError("the csv header has two columns of the same name", hint="Give every column a unique name.")
    n_unnamed = len(columns) - len(named)
    notes = (f"{n_unnamed} columns of the csv file have no name and were not read",) if n_unnamed else ()
    return SourceTable(tuple(named), tuple(rows), notes)


def _refuse_separator(columns: list[str], wanted: frozenset[str], delimiter: str) -> None:
    """Raise DataError if no wanted column is in the header, but another separator fits.

    A separator fits if a line `sep=` declares it, or if it splits the header into cells of which one is a wanted
    column.
    """
    if not wanted or wanted & {*columns}:
        return
    for other, name in SEPARATORS.items():
        cells = {cell.strip(' "') for column in columns for cell in column.split(other)}
        is_declared = columns and columns[0].strip(' "').lower() == f"sep={other}"
        if other != delimiter and (is_declared or wanted & cells):
            addition = " and remove the line `sep=`" if is_declared else ""
            message = (
                f"the cells of the csv file are separated by {name}, not by {SEPARATORS.get(delimiter, delimiter)}"
            )
            raise DataError(message, hint=f"Set source.delimiter: {json.dumps(other)}{addition}.")


def _refuse_lines(cells: list[str], where: str, *, isolated_rows: bool) -> None:
    if isolated_rows and any("\n" in cell or "\r" in cell for cell in cells):
        raise DataError(
            f"{where} of the csv file has a cell of several lines; under a privacy budget this is rejected, since an "
            "unclosed quote would absorb the rows of other persons",
            hint="Save the table as jsonl or parquet.",
        )


def _csv_values(columns: list[str], cells: list[str]) -> dict[str, str]:
    if not any(cells[len(columns) :]):  # a row may end in additional empty cells
        cells = cells[: len(columns)]
    values = dict(zip(columns, cells, strict=True))
    "".join(cells).encode()  # raises UnicodeError on a lone surrogate
    return {column: value for column, value in values.items() if column.strip()}


def read_jsonl(path: Path, encoding: str = "utf-8") -> SourceTable:
    """Return the rows of a JSON Lines file; the number of a row is its line number. Blank lines are skipped."""
    columns: dict[str, None] = {}
    rows: list[SourceRow] = []
    with _text_of(path, encoding) as file:
        file.reconfigure(newline="\n")
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            row = read_row(number, json_object, line.removeprefix(BOM) if number == 1 else line)
            columns |= dict.fromkeys(row.values)
            rows.append(row)
    return SourceTable(tuple(columns), tuple(rows))


def json_object(data: str) -> dict[str, Any]:
    """Return the JSON object in a text; raise ValueError if there is none, or UnicodeError for a lone surrogate."""
    data.encode()  # raises UnicodeError on a lone surrogate
    value = json.loads(data)
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004 - one class of error for every malformed text
    return value


def read_text(path: Path, encoding: str = "utf-8") -> SourceTable:
    """Return the text files (`.txt` in any case) below a folder as rows, in the order of their paths.

    The columns are `text`, `label` (the folder directly below `path`; None for files in `path` itself) and `id` (the
    path relative to the folder). Hidden files and files of other types are counted, but not read.
    """
    parts = {file.relative_to(path): file for file in path.rglob("*") if not file.is_dir()}
    hidden = [part for part in parts if any(name.startswith((".", "__MACOSX")) for name in part.parts)]
    seen = {part.as_posix(): file for part, file in sorted(parts.items()) if part not in {*hidden}}
    files = [(name, seen[name]) for name in sorted(seen) if name.lower().endswith(".txt")]
    others = Counter(
        Path(name).suffix.lower() or "no extension" for name in seen if not name.lower().endswith(".txt")
    )
    notes = [f"{n} files ({suffix}) were not read; only .txt files are read" for suffix, n in sorted(others.items())]
    notes += [f"{len(hidden)} hidden files were not read"] if hidden else []
    rows = (read_row(i, _text_values, name, file, encoding) for i, (name, file) in enumerate(files, 1))
    return SourceTable(("text", "label", "id"), tuple(rows), tuple(notes))


def _text_values(name: str, file: Path, encoding: str) -> dict[str, Any]:
    label, slash, _ = name.partition("/")
    is_utf8 = codecs.lookup(encoding).name == "utf-8"
    text = read_regular(file, MAX_CELL_CHARACTERS).decode("utf-8-sig" if is_utf8 else encoding)
    return {"text": text, "label": label if slash else None, "id": name}


@contextmanager
def _text_of(path: Path, encoding: str) -> Iterator[TextIOWrapper]:
    """Open a text file without translation of line ends; invalid UTF-8 becomes lone surrogates.

    The surrogates mark the undecodable rows, and the other rows can be read. Raise DataError if the file is UTF-16 or
    UTF-32 instead of UTF-8, or if it does not fit a configured encoding other than UTF-8.
    """
    is_utf8 = codecs.lookup(encoding).name in {"utf-8", "utf-8-sig"}
    errors = "surrogateescape" if is_utf8 else "strict"
    try:
        with (
            open_regular(path) as file,
            TextIOWrapper(file, encoding="utf-8-sig" if is_utf8 else encoding, errors=errors, newline="") as text,
        ):
            if is_utf8:
                _refuse_wide(file.peek(WIDE_BYTES)[:WIDE_BYTES])
            yield text
    except UnicodeError:
        message = f"the file is not in the encoding {encoding}"
        raise DataError(message, hint="Correct source.encoding.") from None


def _refuse_wide(start: bytes) -> None:
    """Raise DataError if the first bytes of a file are UTF-16 or UTF-32, with or without a byte-order mark."""
    wide = {codecs.BOM_UTF32_LE: "utf-32", codecs.BOM_UTF32_BE: "utf-32"}
    wide |= {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
    encoding = next((name for mark, name in wide.items() if start.startswith(mark)), None)
    if encoding is None and start.count(0) > 0.4 * len(start):
        encoding = "utf-16-be" if start[:1] == b"\0" else "utf-16-le"
    if encoding is not None:
        raise DataError(f"the file is not UTF-8 but {encoding}", hint=f"Set source.encoding: {encoding}.")


def likely_encoding(path: Path) -> str:
    """Return a hint on the encoding of a file that is not UTF-8, or of a folder that contains such files."""
    if path.is_dir():
        return "Files that are not UTF-8 need source.encoding, for example cp1252 (Windows)."
    with open_regular(path) as file:
        data = file.read(ENCODING_BYTES)
    try:
        data.decode("cp1252")
    except UnicodeDecodeError:
        return "The file is neither UTF-8 nor cp1252: set source.encoding."
    return "The file is not UTF-8 and is probably cp1252 (Windows): set source.encoding: cp1252."
