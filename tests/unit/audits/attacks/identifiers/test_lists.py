import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from audits.attacks.identifiers.lists import read_identifiers
from audits.core.errors import InputError

LISTS = [["Ann Lee", "MRN 1234567"], [], ["ann@lee.org"]]


@pytest.mark.parametrize("form", ["lists", "objects", "parquet"])
def test_lists_are_read_row_by_row(tmp_path, form):
    path = tmp_path / ("i.parquet" if form == "parquet" else "i.jsonl")
    if form == "parquet":
        pq.write_table(pa.table({"identifiers": LISTS}), path)
    else:
        path.write_text("".join(json.dumps(x if form == "lists" else {"identifiers": x}) + "\n" for x in LISTS))
    assert read_identifiers(path, 3, "train") == tuple(map(tuple, LISTS))


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("i.jsonl", "[]\n[]\n", "the file has 2 entries, but the table has 3 rows"),
        ("i.jsonl", '[]\n["secret", 5]\n[]\n', "entry 2 is not a list of strings"),
        ("i.jsonl", '[]\n"secret"\n[]\n', "entry 2 is not a list of strings"),
        ("i.jsonl", '{"names": ["secret"]}\n[]\n[]\n', "entry 1 is not a list of strings"),
        ("i.jsonl", "secret\n", "cannot be read (a line is not JSON)"),
        ("i.jsonl", b"\xff\xfe", "cannot be read (the file is not UTF-8)"),
        ("i.parquet", "secret", "cannot be read"),
        ("i.csv", "secret", "must end in .jsonl or .parquet"),
        ("missing.jsonl", None, "cannot be read"),
    ],
)
def test_invalid_list_is_rejected_without_showing_its_content(tmp_path, name, content, said):
    if content is not None:
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InputError) as caught:
        read_identifiers(tmp_path / name, 3, "train")
    assert said in str(caught.value)
    assert "secret" not in str(caught.value)


def test_parquet_file_without_the_column_is_rejected_with_the_reason(tmp_path):
    pq.write_table(pa.table({"secret": LISTS}), tmp_path / "i.parquet")
    with pytest.raises(InputError, match="the file has no column 'identifiers'"):
        read_identifiers(tmp_path / "i.parquet", 3, "train")
