"""Write and read the data files of a bundle: id, text and label, without any reference to the source."""

import io
import json
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from audits.core.plain_parquet import parquet_bytes
from audits.verify.contents import COLUMNS, JSONL, PARQUET, jsonl_bytes

Rows = Sequence[tuple[str, str, str]]
RECORD_SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "A synthetic record",
    "type": "object",
    "properties": {
        "id": {"type": "string", "pattern": "^[0-9a-f]{16,64}$", "description": "random; says nothing"},
        "text": {"type": "string", "minLength": 1, "description": "synthetic text"},
        "label": {"type": "string", "minLength": 1, "description": "the class it was made for"},
    },
    "required": list(COLUMNS),
    "additionalProperties": False,
}


def data_files(rows: Rows, formats: Sequence[str]) -> dict[str, bytes]:
    """Return the data files by name, with rows sorted by id; the same rows give the same bytes."""
    ordered = sorted(rows)
    files = {}
    if "parquet" in formats:
        files[PARQUET] = parquet_bytes([(column, [row[i] for row in ordered]) for i, column in enumerate(COLUMNS)])
    if "jsonl" in formats:
        files[JSONL] = jsonl_bytes(ordered)
    return files


def read_data_file(name: str, data: bytes) -> pa.Table:
    """Return the content of a data file as a table of three string columns; the file ending gives the format."""
    schema = pa.schema([pa.field(column, pa.string(), nullable=False) for column in COLUMNS])
    if name.endswith(".parquet"):
        return pq.read_table(io.BytesIO(data), use_threads=False, pre_buffer=False).cast(schema)
    lines = [json.loads(line) for line in data.split(b"\n") if line]  # splitlines also splits at U+2028
    return pa.Table.from_pylist(lines, schema=schema)
