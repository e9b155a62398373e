"""Read csv, jsonl and text files."""

import codecs
import csv
import errno
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import Any

from audits.core.files import open_regular, read_regular
from audits.core.strictjson import unique_keys
from synthgen.core.errors import DataError
from synthgen.load.recognise import (
    BOM,
    encoding_notes,
    likely_encoding,
    refuse_binary,
    refuse_other_json,
    refuse_other_text,
    refuse_separator,
    refuse_wide,
)
from synthgen.load.rows import MALFORMED, SourceRow, SourceTable, read_row

MAX_CELL_CHARACTERS = 1 << 24
PEEKED_BYTES = 1 << 10  # number of bytes that are read to recognise binary files, UTF-16 and UTF-32
HEADER_LINES = 10  # number of rows below the first line that are searched for a header
FORMULA = re.compile(r'="((?:[^"]|"")*)"', re.DOTALL)  # cell that Excel reads as text, such as ="007"


def read_csv(
    path: Path,
    wanted: Iterable[str] = (),
    *,
    encoding: str = "utf-8",
    delimiter: str = ",",
    isolated_rows: bool = False,
) -> SourceTable:
    """Return the rows of a CSV file, whose cells can be in double quotes; row 1 is the first row below the header.

    All columns with a name are read. DataError is raised if the header has none of the configured columns `wanted`,
    and the file has a header in a later line, another separator or another format.

    With `isolated_rows`, which a privacy budget requires, DataError is raised for a cell of several lines. Such a
    cell can result from an unclosed quote, which absorbs the rows of other persons.
    """
    csv.field_size_limit(MAX_CELL_CHARACTERS)
    rows: list[SourceRow] = []
    columns: list[str] = []
    wanted_names, n_formulas = frozenset(wanted), 0
    with _opened_text(path, encoding) as file:
        reader = csv.reader(file, strict=True, delimiter=delimiter)
        try:
            columns = next(reader, [])
            columns[:1] = [columns[0].removeprefix(BOM)] if columns else []
            if any("\udc80" <= character <= "\udcff" for character in "".join(columns)):
                raise DataError("the header of the csv file is not UTF-8", hint=likely_encoding(path))
            _refuse_multiline_cells(columns, "the header", isolated_rows=isolated_rows)
            refuse_separator(columns, wanted_names, delimiter)
            for number, cells in enumerate((c for c in reader if c), 1):
                if (
                    number <= HEADER_LINES
                    and wanted_names
                    and wanted_names <= {*cells}
                    and not wanted_names & {*columns}
                ):
                    message = f"the header of the csv file is in line {reader.line_num}, not in the first line"
                    raise DataError(message, hint="Remove the lines above the header.")
                _refuse_multiline_cells(cells, f"row {number}", isolated_rows=isolated_rows)
                n_formulas += any(map(FORMULA.fullmatch, cells))
                rows.append(read_row(number, _csv_values, columns, cells))
        except csv.Error as error:
            if not rows:
                refuse_other_text(path, encoding, wanted_names, delimiter)
            message = f"the csv file cannot be read past line {reader.line_num} ({error})"
            hint = "Close all quotes, double each quote inside a quoted cell, or save the table as jsonl or parquet."
            raise DataError(message, hint=hint) from None
    if wanted_names and not wanted_names & {*columns}:
        refuse_other_text(path, encoding, wanted_names, delimiter)
    named = [column for column in columns if column.strip()]
    if len(set(named)) != len(named):
        raise DataError("the csv header has two columns of the same name", hint="Give every column a unique name.")
    return SourceTable(tuple(named), tuple(rows), _csv_notes(path, encoding, len(columns) - len(named), n_formulas))


def _csv_notes(path: Path, encoding: str, n_unnamed: int, n_formulas: int) -> tuple[str, ...]:
    notes = [f"{n_unnamed} columns of the csv file have no name and were not read"] if n_unnamed else []
    notes += (
        [f'{n_formulas} rows have cells such as ="007"; only the text in the quotes was read'] if n_formulas else []
    )
    return (*notes, *encoding_notes(path, encoding))


def _refuse_multiline_cells(cells: list[str], where: str, *, isolated_rows: bool) -> None:
    if isolated_rows and any("\n" in cell or "\r" in cell for cell in cells):
        raise DataError(
            f"{where} of the csv file has a cell of several lines, which is not allowed with a privacy budget: an "
            "unclosed quote could put the rows of other persons into one cell",
            hint="Save the table as jsonl or parquet.",
        )


def _csv_values(columns: list[str], cells: list[str]) -> dict[str, str]:
    if not any(cells[len(columns) :]):  # a row may end in additional empty cells
        cells = cells[: len(columns)]
    values = {
        column: found[1].replace('""', '"') if (found := FORMULA.fullmatch(cell)) else cell
        for column, cell in zip(columns, cells, strict=True)
    }
    "".join(cells).encode()  # raises UnicodeError on a lone surrogate
    return {column: value for column, value in values.items() if column.strip()}


def read_jsonl(path: Path, encoding: str = "utf-8") -> SourceTable:
    """Return the rows of a JSON Lines file; the number of a row is its line number. Blank lines are skipped."""
    columns: dict[str, None] = {}
    rows: list[SourceRow] = []
    first = ""  # the first line that is not blank
    with _opened_text(path, encoding) as file:
        file.reconfigure(newline="\n")
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            row = read_row(number, json_object, line.removeprefix(BOM) if number == 1 else line)
            columns |= dict.fromkeys(row.values)
            if not rows:
                first = line.removeprefix(BOM).lstrip()
            rows.append(row)
    if rows and all(row.reason == MALFORMED for row in rows):
        refuse_other_json(first)
    return SourceTable(tuple(columns), tuple(rows), encoding_notes(path, encoding))


def json_object(data: str) -> dict[str, Any]:
    """Return the JSON object in a text; raise ValueError if there is none, or an object has two equal keys."""
    data.encode()  # raises UnicodeError on a lone surrogate
    value = json.loads(data, object_pairs_hook=unique_keys)
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004 - one class of error for every malformed text
    return value


def read_text(path: Path, encoding: str = "utf-8") -> SourceTable:
    """Return the text files (`.txt`, `.TXT`) below a folder as rows, in the order of their paths.

    The columns are `text`, `label` (the folder directly below `path`; None for files in `path` itself) and `id` (the
    file's path relative to `path`). Hidden files and files that are not `.txt` are counted, but not read.
    """
    parts = {file.relative_to(path): file for file in path.rglob("*") if not file.is_dir()}
    hidden = [part for part in parts if any(name.startswith((".", "__MACOSX")) for name in part.parts)]
    visible = {part.as_posix(): file for part, file in sorted(parts.items()) if part not in {*hidden}}
    files = [(name, visible[name]) for name in sorted(visible) if name.lower().endswith(".txt")]
    others = Counter(Path(name).suffix.lower() or "no extension" for name in visible.keys() - dict(files))
    notes = [f"{n} files ({suffix}) were not read; only .txt files are read" for suffix, n in sorted(others.items())]
    notes += [f"{len(hidden)} hidden files were not read"] if hidden else []
    rows = (_text_row(i, name, file, encoding) for i, (name, file) in enumerate(files, 1))
    return SourceTable(("text", "label", "id"), tuple(rows), tuple(notes))


def _text_row(number: int, name: str, file: Path, encoding: str) -> SourceRow:
    try:
        return read_row(number, _text_values, name, file, encoding)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        limit = f"{MAX_CELL_CHARACTERS >> 20} MiB"
        hint = f"Only regular files of at most {limit} are read. Split or remove this file."
        raise DataError(f"{name} is not a regular file, or has more than {limit}", hint=hint) from None


def _text_values(name: str, file: Path, encoding: str) -> dict[str, Any]:
    label, slash, _ = name.partition("/")
    is_utf8 = codecs.lookup(encoding).name == "utf-8"
    text = read_regular(file, MAX_CELL_CHARACTERS).decode("utf-8-sig" if is_utf8 else encoding)
    return {"text": text, "label": label if slash else None, "id": name}


@contextmanager
def _opened_text(path: Path, encoding: str) -> Iterator[TextIOWrapper]:
    """Open a csv or jsonl file as text.

    Raise DataError if the file is binary, if it is UTF-16 or UTF-32 although `encoding` is UTF-8, or if `encoding`
    is not UTF-8 and the file is not valid in this encoding.
    """
    # with UTF-8, invalid bytes become lone surrogates, so only their rows are undecodable
    is_utf8 = codecs.lookup(encoding).name in {"utf-8", "utf-8-sig"}
    codec, errors = ("utf-8-sig", "surrogateescape") if is_utf8 else (encoding, "strict")
    try:
        with open_regular(path) as file, TextIOWrapper(file, encoding=codec, errors=errors, newline="") as text:
            start = file.peek(PEEKED_BYTES)[:PEEKED_BYTES]
            refuse_binary(start)
            if is_utf8:
                refuse_wide(start)
            yield text
    except UnicodeError:
        message = f"the file is not in the encoding {encoding}"
        raise DataError(message, hint="Correct source.encoding.") from None
