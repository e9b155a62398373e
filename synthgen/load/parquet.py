"""Reads a parquet file."""

from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from synthgen.core.errors import DataError
from synthgen.load.arrow import table_of
from synthgen.load.rows import SourceTable


def read_parquet(path: Path, wanted: Iterable[str]) -> SourceTable:
    """Return the wanted columns of a parquet file.

    Raises:
        DataError: if the file is not parquet, or damaged.
        OSError: if the file cannot be read.
    """
    wanted = tuple(wanted)
    with path.open("rb") as file:
        try:
            parquet = pq.ParquetFile(file)
            names = parquet.schema_arrow.names
            read = table_of(parquet.read(columns=[name for name in names if name in wanted]), wanted)
        except (pa.ArrowException, UnicodeDecodeError, OSError) as error:
            raise DataError(
                "the file is not a readable parquet file", hint="Check that it was copied whole, or save it again."
            ) from error
    return SourceTable(tuple(names), read.rows)
