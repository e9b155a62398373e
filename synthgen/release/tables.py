"""Write and read the data files of a bundle (release folder), which have the columns id, text and label."""

import io
import json
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from audits.core.plain_parquet import parquet_bytes
from audits.verify.contents import COLUMNS, JSONL, PARQUET, jsonl_bytes, with_ids


def data_files(records: Sequence[tuple[str, str]], formats: Sequence[str]) -> dict[str, bytes]:
    """Return the data files of records (text, label) by file name; rows are sorted by id, not as in `records`."""
    ordered = with_ids(records)
    files = {}
    if "parquet" in formats:
        files[PARQUET] = parquet_bytes([(column, [row[i] for row in ordered]) for i, column in enumerate(COLUMNS)])
    if "jsonl" in formats:
        files[JSONL] = jsonl_bytes(ordered)
    return files


def read_data_file(name: str, data: bytes) -> pa.Table:
    """Return a data file (Parquet if it is named *.parquet, else JSON Lines) as a table of three string columns."""
    schema = pa.schema([pa.field(column, pa.string(), nullable=False) for column in COLUMNS])
    if name.endswith(".parquet"):
        return pq.read_table(io.BytesIO(data), use_threads=False, pre_buffer=False).cast(schema)
    lines = [json.loads(line) for line in data.split(b"\n") if line]  # `splitlines` would also split at U+2028
    return pa.Table.from_pylist(lines, schema=schema)
