"""Reads a comma-separated table with a header line."""

import csv
from collections.abc import Sequence
from pathlib import Path

from synthgen.core.errors import DataError
from synthgen.load.rows import MALFORMED, UNDECODABLE, SourceRow, SourceTable

MAX_CELL_CHARACTERS = 1 << 24


def read_csv(path: Path, *, apart: bool = False) -> SourceTable:
    """Return the rows of a CSV file (UTF-8, comma, double quotes); row 1 is the first below the header.

    Args:
        path: of the file.
        apart: whether no row may change what others are: a quote that is never closed takes the rows below into its
            cell, so then none may go over the end of a line.

    Raises:
        DataError: if the header names a column twice, or a quoted cell never ends; or goes over a line's end where
            rows are to be apart.
        OSError: if the file cannot be read.
    """
    csv.field_size_limit(MAX_CELL_CHARACTERS)
    rows: list[SourceRow] = []
    # bytes that are no UTF-8 come through as lone surrogates, so that one bad row does not hide the others
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        reader = csv.reader(file, strict=True)
        try:
            columns = tuple(next(reader, ()))
            _refuse_lines(columns, "the header", apart=apart)
            for number, cells in enumerate((c for c in reader if c), 1):
                _refuse_lines(cells, f"row {number}", apart=apart)
                rows.append(_row(number, columns, cells))
        except csv.Error as error:
            raise DataError(
                f"the csv file cannot be read past line {reader.line_num} ({error})",
                hint="Look for a quote that is never closed, or save the table as jsonl or parquet.",
            ) from None
    if len(set(columns)) != len(columns):
        raise DataError("the csv header names a column twice", hint="Give every column its own name.")
    return SourceTable(columns, tuple(rows))


def _refuse_lines(cells: Sequence[str], where: str, *, apart: bool) -> None:
    if apart and any("\n" in cell or "\r" in cell for cell in cells):
        raise DataError(
            f"{where} of the csv file has a cell of several lines; under a budget no row may reach into others, as "
            "one does whose quote is never closed",
            hint="Save the table as jsonl or parquet.",
        )


def _row(number: int, columns: tuple[str, ...], cells: list[str]) -> SourceRow:
    if len(cells) != len(columns):
        return SourceRow(number, {}, MALFORMED)
    try:
        "".join(cells).encode()
    except UnicodeEncodeError:
        return SourceRow(number, {}, UNDECODABLE)
    return SourceRow(number, dict(zip(columns, cells, strict=True)))
