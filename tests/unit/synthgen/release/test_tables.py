import pytest

from audits.verify.contents import JSONL, PARQUET
from synthgen.release.tables import data_files, read_data_file

ROWS = [("b" * 16, "two \u2028 lines\n", "x"), ("a" * 16, "=1+1", "y")]


@pytest.mark.parametrize("name", [PARQUET, JSONL])
def test_what_is_written_is_read(name):
    data = data_files(ROWS, ("parquet", "jsonl"))[name]
    assert [tuple(row.values()) for row in read_data_file(name, data).to_pylist()] == sorted(ROWS)
    assert data == data_files(ROWS[::-1], ("parquet", "jsonl"))[name]


def test_only_the_formats_asked_for():
    assert set(data_files(ROWS, ("jsonl",))) == {JSONL}
