"""One table of seven rows in every format of a source."""

import json
from types import SimpleNamespace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.unit.synthgen.load.command_line import Sources

ROWS = [
    {"note": f"text {i} é", "kind": "ab"[i % 2], "who": f"p{i // 3}", "nid": f"n{i}", "full": f"Ann {i}"}
    for i in range(7)
]


def write_jsonl(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def write_csv(path, rows):
    lines = [",".join(rows[0]), *(",".join(f'"{value}"' for value in row.values()) for row in rows)]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def write_parquet(path, rows):
    pq.write_table(pa.Table.from_pylist(rows), path)
    return path


def write_dataset(path, rows):
    """Save the rows as the `datasets` library does, the first three in a separate file."""
    path.mkdir()
    table = pa.Table.from_pylist(rows)
    for name, part in (("data-0.arrow", table.slice(0, 3)), ("data-1.arrow", table.slice(3))):
        with pa.OSFile(str(path / name), "wb") as file, pa.ipc.new_stream(file, table.schema) as stream:
            stream.write_table(part)
    (path / "state.json").write_text(json.dumps({"_data_files": [{"filename": f"data-{i}.arrow"} for i in (0, 1)]}))
    return path


@pytest.fixture(scope="session")
def written():
    return SimpleNamespace(jsonl=write_jsonl, csv=write_csv, parquet=write_parquet, dataset=write_dataset)


@pytest.fixture
def rows():
    return ROWS


@pytest.fixture
def undecodable():
    """Return an arrow column of three texts, the second of which is not UTF-8."""
    ends = pa.array([0, 4, 7, 8], pa.int32()).buffers()[1]
    return pa.Array.from_buffers(pa.string(), 3, [None, ends, pa.py_buffer(b"fineb\xffds")])


@pytest.fixture
def sources(project):
    return Sources(project)
