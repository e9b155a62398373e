from pathlib import Path

import pytest

from audits.core.errors import InputError
from audits.core.inputs import load_table
from audits.verify.contents import JSONL, PARQUET, jsonl_bytes, with_ids
from synthgen.release.tables import data_files, read_data_file

ROWS = [("two \u2028 lines\n", "x"), ("=1+1", "y"), ("twice", "y"), ("twice", "y")]


@pytest.mark.parametrize("name", [PARQUET, JSONL])
def test_data_file_is_read_back_with_any_row_order(name):
    data = data_files(ROWS, ("parquet", "jsonl"))[name]
    assert [tuple(row.values()) for row in read_data_file(name, data).to_pylist()] == with_ids(ROWS)
    assert data == data_files(ROWS[::-1], ("parquet", "jsonl"))[name]


def test_audits_read_the_data_files_of_a_release(tmp_path):
    assert set(data_files(ROWS, ("jsonl",))) == {JSONL}
    content = [(f"made up text {i % 30} / é", "ab"[i % 2]) for i in range(40)]  # ten rows are equal to others
    rows = with_ids(content)
    for name, data in data_files(content, ["parquet", "jsonl"]).items():
        path = tmp_path / Path(name).name
        path.write_bytes(data)
        table = load_table(path, role="synthetic")
        assert (table.texts, table.has_groups) == (tuple(r[1] for r in rows), False)
        named = load_table(path, group="id", role="synthetic")
        assert (named.groups, named.has_groups) == (tuple(r[0] for r in rows), False)
    wrong = [(f"{i:016x}", *row) for i, row in enumerate(content)]
    (tmp_path / "wrong.jsonl").write_bytes(jsonl_bytes(wrong))
    with pytest.raises(InputError, match="columns that no audit reads: id"):
        load_table(tmp_path / "wrong.jsonl", role="synthetic")
