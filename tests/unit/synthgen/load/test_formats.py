import pytest

from synthgen.core.errors import DataError
from synthgen.load.config import SourceConfig
from synthgen.load.formats import read_source, wanted_columns

SOURCE = SourceConfig(path="x", text="note", label="kind", group="who", id="nid", names=("full", "note"))


def test_every_wanted_column_is_named_once():
    assert wanted_columns(SOURCE) == ("note", "kind", "who", "nid", "full")
    assert wanted_columns(SourceConfig(path="x")) == ("text", "label")


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("jsonl", "a.jsonl"),
        ("jsonl", "a.NDJSON"),
        ("csv", "a.csv"),
        ("parquet", "a.parquet"),
        ("parquet", "a.pq"),
        ("dataset", "a"),
    ],
)
def test_the_format_is_told_by_the_name(tmp_path, written, rows, kind, name):
    path = getattr(written, kind)(tmp_path / name, rows)
    assert [dict(row.values) for row in read_source(SOURCE, path).rows] == rows


def test_a_format_that_is_named_counts_more_than_the_ending(tmp_path, written, rows):
    path = written.jsonl(tmp_path / "a.csv", rows)
    source = SOURCE.model_copy(update={"format": "jsonl"})
    assert [dict(row.values) for row in read_source(source, path).rows] == rows


def test_a_folder_without_a_datasets_state_is_one_of_texts(tmp_path):
    (tmp_path / "1.txt").write_text("one")
    assert read_source(SOURCE, tmp_path).columns == ("text", "label", "id")


@pytest.mark.parametrize(
    ("name", "format_", "message"),
    [
        ("none.jsonl", "auto", "no such file or folder"),
        ("a.docx", "auto", r"the ending '\.docx' does not tell the format"),
        ("folder", "csv", "format csv needs a file"),
        ("a.docx", "text", "format text needs a folder"),
        ("empty", "dataset", r"state\.json: cannot be read|cannot be read"),
    ],
)
def test_each_refusal_names_the_path(tmp_path, name, format_, message):
    (tmp_path / "a.docx").write_text("x")
    (tmp_path / "folder").mkdir()
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=message) as caught:
        read_source(SourceConfig(path="x", format=format_), tmp_path / name)
    assert caught.value.message.startswith(f"{tmp_path / name}: ")
    assert caught.value.hint
