"""Turns arrow columns into rows, value by value, so that one undecodable text does not hide the others."""

from collections.abc import Iterable
from typing import Any

import pyarrow as pa

from synthgen.core.errors import DataError
from synthgen.load.rows import UNDECODABLE, SourceRow, SourceTable


def table_of(arrow: pa.Table, wanted: Iterable[str]) -> SourceTable:
    """Return the wanted columns of an arrow table as rows numbered from 1; columns it lacks are left out.

    Raises:
        DataError: if a wanted column is there twice.
        pyarrow.ArrowInvalid: if a column is damaged.
    """
    names = [name for name in dict.fromkeys(wanted) if name in arrow.column_names]
    if any(arrow.column_names.count(name) > 1 for name in names):
        raise DataError("the table names a column twice", hint="Give every column its own name.")
    columns = [_values(arrow.column(name)) for name in names]
    rows = [_row(i, names, [column[i] for column in columns]) for i in range(arrow.num_rows)]
    return SourceTable(tuple(arrow.column_names), tuple(rows))


def _row(index: int, names: list[str], cells: list[Any]) -> SourceRow:
    try:
        values = {
            name: cell.decode("utf-8") if isinstance(cell, bytes) else cell
            for name, cell in zip(names, cells, strict=True)
        }
    except UnicodeDecodeError:
        return SourceRow(index + 1, {}, UNDECODABLE)
    return SourceRow(index + 1, values)


def _values(column: pa.ChunkedArray) -> list[Any]:
    """Return a column's values; texts come as bytes, which arrow hands over without checking them."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        column, kind = column.cast(kind.value_type), kind.value_type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        column = column.cast(pa.binary() if pa.types.is_string(kind) else pa.large_binary())
    column.validate(full=True)  # a damaged file may point outside its own memory
    values: list[Any] = column.to_pylist()
    return values
