"""Convert a table in memory (pandas, polars, Arrow or a list of dictionaries) to a Parquet file."""

from io import BytesIO
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from synthgen.core.errors import UsageError


def parquet_of(table: Any) -> bytes:
    """Return a table as the bytes of a Parquet file; the index of a pandas frame is left out.

    Args:
        table: a pandas frame, a pyarrow table, a list of dictionaries (a missing key is a missing cell), or any
            object with the Arrow stream interface (`__arrow_c_stream__`), such as a polars frame.

    Raises:
        UsageError: `table` is of no supported kind, or a column holds values of different types.
    """
    try:
        arrow = _arrow(table)
        buffer = BytesIO()
        pq.write_table(arrow, buffer)
    except (pa.ArrowException, ValueError, TypeError, AttributeError):
        # the message of pyarrow is not shown, because it can contain a cell
        raise UsageError(
            f"source: the {type(table).__name__} cannot be read as a table",
            hint="Pass a pandas or polars frame, an Arrow table, or a list of dictionaries. Each column needs a "
            "unique name and values of one type.",
        ) from None
    return buffer.getvalue()


def _arrow(table: Any) -> pa.Table:
    if isinstance(table, pa.Table):
        return table
    if type(table).__module__.partition(".")[0] == "pandas":  # recognises a frame without importing pandas
        return pa.Table.from_pandas(table, preserve_index=False)
    if isinstance(table, list):
        # pyarrow would take the columns from the first row, which can lack a key
        names = dict.fromkeys(name for row in table for name in row)
        return pa.Table.from_pylist([{name: row.get(name) for name in names} for row in table])
    if not hasattr(table, "__arrow_c_stream__"):
        raise TypeError
    return pa.table(table)
