import csv
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.core.errors import DataError
from synthgen.load.config import SourceConfig
from synthgen.load.formats import (
    MALFORMED,
    UNDECODABLE,
    SourceRow,
    SourceTable,
    read_csv,
    read_dataset,
    read_jsonl,
    read_parquet,
    read_source,
    read_text,
    table_of,
    wanted_columns,
)

CANARY = "zebra-quartz-canary"


def test_source_rows_and_tables_hide_values_in_repr():
    row = SourceRow(4, {CANARY: CANARY})
    assert repr(row) == str(row) == "SourceRow(4)"
    assert repr(SourceTable((CANARY, "label"), (row,) * 3)) == "SourceTable(2 columns, 3 rows)"


TEXTS = ["one", None, "é"]


@pytest.mark.parametrize(
    "kind", [pa.string(), pa.large_string(), pa.dictionary(pa.int8(), pa.string())], ids=["string", "large", "coded"]
)
def test_arrow_string_types_give_the_same_texts(kind):
    column = pa.array(TEXTS).cast(kind) if not pa.types.is_dictionary(kind) else pa.array(TEXTS).dictionary_encode()
    assert [row.values["text"] for row in table_of(pa.table({"text": column}), ["text"]).rows] == TEXTS


def test_arrow_table_returns_wanted_columns_and_lists_all():
    arrow = pa.table({"a": [1, 2], "b": ["x", "y"], "c": [0.5, None]})
    table = table_of(arrow, ["c", "nowhere", "b", "c"])
    assert table.columns == ("a", "b", "c")
    assert table.rows == (SourceRow(1, {"c": 0.5, "b": "x"}), SourceRow(2, {"c": None, "b": "y"}))
    chunks = pa.chunked_array([["a", "b"], [], ["c"]], type=pa.string())
    assert table_of(pa.table({"text": chunks}), ["text"]).rows[2] == SourceRow(3, {"text": "c"})


def test_arrow_table_keeps_rows_next_to_undecodable_text(undecodable):
    table = table_of(pa.table({"text": undecodable, "label": ["a", "b", None]}), ["text", "label"])
    assert table.rows == (
        SourceRow(1, {"text": "fine", "label": "a"}),
        SourceRow(2, {}, UNDECODABLE),
        SourceRow(3, {"text": "s", "label": None}),
    )


def test_arrow_table_rejects_duplicate_wanted_column():
    arrow = pa.Table.from_arrays([pa.array(["a"]), pa.array(["b"]), pa.array([1])], names=["text", "text", "n"])
    with pytest.raises(DataError, match="two columns of the same name"):
        table_of(arrow, ["text"])
    assert table_of(arrow, ["n"]).rows == (SourceRow(1, {"n": 1}),)


def test_arrow_table_rejects_offsets_outside_the_buffer():
    ends = pa.array([0, 1 << 30, 4], pa.int32()).buffers()[1]
    text = pa.Array.from_buffers(pa.string(), 2, [None, ends, pa.py_buffer(b"fine")])
    with pytest.raises(pa.ArrowInvalid):
        table_of(pa.table({"text": text}), ["text"])


def read(tmp_path, data, **options):
    path = tmp_path / "a.csv"
    path.write_bytes(data)
    return read_csv(path, **options)


def test_csv_rows_are_numbered_and_quotes_span_lines(tmp_path):
    table = read(tmp_path, b'\xef\xbb\xbftext,label\r\n"a, b\nc ""d""",x\r\n\r\n\xc3\xa9,y')
    assert table.columns == ("text", "label")
    assert table.rows == (
        SourceRow(1, {"text": 'a, b\nc "d"', "label": "x"}),
        SourceRow(2, {"text": "é", "label": "y"}),
    )


def test_csv_isolated_rows_rejects_multiline_cells(tmp_path):
    row = b'text,label\n"since Monday,x\nanother,y\nheight 5\'6",x\n'
    header = b'text,label,"notes\nsince Monday,x,a\nz",c\nanother,y,b,d\n'
    assert len(read(tmp_path, row).rows) == 1
    for data, where in ((row, "row 1"), (header, "the header")):
        with pytest.raises(DataError, match=f"{where} of the csv file has a cell of several lines"):
            read(tmp_path, data, isolated_rows=True)
    quoted = b'text,label\n"a, b ""d""",x\n'
    assert read(tmp_path, quoted, isolated_rows=True) == read(tmp_path, quoted)


def test_csv_keeps_rows_next_to_undecodable_cells(tmp_path):
    table = read(tmp_path, b"text,label\nfine,a\nb\xffd,a\nshort\nlast,b\n")
    assert [(row.number, row.reason) for row in table.rows] == [(1, ""), (2, UNDECODABLE), (3, MALFORMED), (4, "")]
    assert table.rows[1].values == table.rows[2].values == {}


def test_csv_reads_long_text_and_an_empty_file(tmp_path):
    text = "long " * 40_000  # above the default field limit
    assert read(tmp_path, f"text,label\n{text},a\n".encode()).rows[0].values["text"] == text
    assert read(tmp_path, b"") == SourceTable((), ())


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"text,text\na,b\n", "two columns of the same name"),
        (b'text,label\nfine,a\n"zebra never closed', "cannot be read past line 3"),
        (b'text,label\n"zebra" tail,a\n', "cannot be read past line 2"),
    ],
)
def test_csv_error_does_not_show_text(tmp_path, data, message):
    with pytest.raises(DataError, match=message) as caught:
        read(tmp_path, data)
    assert "zebra" not in str(caught.value)


# a cell never starts with a byte-order mark, and a row of one empty cell is a blank line
CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\ufeff\0"), min_size=1)


@given(st.lists(st.tuples(CELLS, CELLS), max_size=5))
def test_csv_round_trip(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("c") / "a.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("text", "label"), *rows])
    assert [tuple(row.values.values()) for row in read_csv(path).rows] == rows


def test_jsonl_rows_are_numbered_by_line_and_blank_lines_skipped(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"text": "one"}\n\n  \n{"label": "b"}\r\n{"text": "\xc3\xa9"}')
    table = read_jsonl(path)
    assert table.columns == ("text", "label")
    assert table.rows == (SourceRow(1, {"text": "one"}), SourceRow(4, {"label": "b"}), SourceRow(5, {"text": "é"}))
    # a byte-order mark is skipped at the start of the file only
    path.write_bytes(b'\xef\xbb\xbf{"text": "one"}\n\xef\xbb\xbf{"text": "two"}\n')
    assert read_jsonl(path).rows == (SourceRow(1, {"text": "one"}), SourceRow(2, {}, MALFORMED))


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"text": "never closed', MALFORMED),
        (b'["text"]', MALFORMED),
        (b"null", MALFORMED),
        (b"[" * 100_000, MALFORMED),
        (b'{"text": ' + b"9" * 5000 + b"}", MALFORMED),
        (b'{"text": "\xff"}', UNDECODABLE),
        ('{"text": "x"}'.encode("utf-16"), UNDECODABLE),
    ],
    ids=["torn", "list", "null", "deep", "huge number", "bad byte", "utf-16"],
)
def test_jsonl_bad_line_has_reason_and_keeps_other_rows(tmp_path, line, reason):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"text": "fine"}\n' + line.replace(b"\n", b"") + b'\n{"text": "too"}\n')
    assert read_jsonl(path).rows == (
        SourceRow(1, {"text": "fine"}),
        SourceRow(2, {}, reason),
        SourceRow(3, {"text": "too"}),
    )


@given(st.lists(st.dictionaries(st.text(), st.none() | st.integers() | st.text()), max_size=5))
def test_jsonl_round_trip(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("j") / "a.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    table = read_jsonl(path)
    assert [row.values for row in table.rows] == rows
    assert set(table.columns) == {name for row in rows for name in row}


def test_text_folder_name_is_the_label(tmp_path):
    for name in ("b/2.txt", "a/deep/1.txt", "stray.txt", "a/no.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"text of {name}\n", encoding="utf-8")
    table = read_text(tmp_path)
    assert table.columns == ("text", "label", "id")
    assert table.rows == (
        SourceRow(1, {"text": "text of a/deep/1.txt\n", "label": "a", "id": "a/deep/1.txt"}),
        SourceRow(2, {"text": "text of b/2.txt\n", "label": "b", "id": "b/2.txt"}),
        SourceRow(3, {"text": "text of stray.txt\n", "label": None, "id": "stray.txt"}),
    )


def test_text_folder_keeps_rows_next_to_undecodable_file(tmp_path):
    assert read_text(tmp_path).rows == ()  # no files
    (tmp_path / "1.txt").write_bytes(b"\xff")
    (tmp_path / "2.txt").write_bytes(b"\xef\xbb\xbffine")
    first, second = read_text(tmp_path).rows
    assert first == SourceRow(1, {}, UNDECODABLE)
    assert second.values["text"] == "fine"


def test_parquet_reads_wanted_columns_and_lists_all(tmp_path, written, rows):
    table = read_parquet(written.parquet(tmp_path / "a.parquet", rows), iter(["who", "note", "nowhere"]))
    assert table.columns == ("note", "kind", "who", "nid", "full")
    assert table.rows[4] == SourceRow(5, {"who": "p1", "note": "text 4 é"})
    assert len(table.rows) == 7


def test_parquet_keeps_rows_next_to_undecodable_cells(tmp_path, undecodable):
    pq.write_table(pa.table({"text": undecodable}), tmp_path / "a.parquet")
    rows = read_parquet(tmp_path / "a.parquet", ["text"]).rows
    assert [(row.number, row.reason) for row in rows] == [(1, ""), (2, UNDECODABLE), (3, "")]


@pytest.mark.parametrize("data", [b"", b"PAR1 zebra not really", b"PAR1" + b"\xff" * 200 + b"PAR1"])
def test_parquet_rejects_other_files(tmp_path, data):
    (tmp_path / "a.parquet").write_bytes(data)
    with pytest.raises(DataError, match="not a readable parquet file") as caught:
        read_parquet(tmp_path / "a.parquet", ["text"])
    assert "zebra" not in str(caught.value)


@pytest.mark.parametrize(
    "damage",
    [
        lambda whole: whole[:-30],
        lambda whole: whole[:4] + b"\xff" * 40 + whole[44:],
        lambda whole: whole.replace(b"full", b"\xff\xff\xff\xff"),
    ],
    ids=["cut short", "page", "column name"],
)
def test_parquet_rejects_damaged_file(tmp_path, written, rows, damage):
    path = written.parquet(tmp_path / "a.parquet", rows)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(DataError, match="not a readable parquet file"):
        read_parquet(path, ["note"])


def test_dataset_files_are_read_in_state_order(tmp_path, written, rows):
    path = written.dataset(tmp_path / "d", rows)
    assert [row.values["nid"] for row in read_dataset(path, ["nid"]).rows] == [f"n{i}" for i in range(7)]
    state = {"_data_files": [{"filename": "data-1.arrow"}, {"filename": "data-0.arrow"}]}
    (path / "state.json").write_text(json.dumps(state))
    table = read_dataset(path, ["nid"])
    assert table.columns == ("note", "kind", "who", "nid", "full")
    assert table.rows[0] == SourceRow(1, {"nid": "n3"})
    assert table.rows[6] == SourceRow(7, {"nid": "n2"})


def test_dataset_class_numbers_become_names(tmp_path, written):
    path = written.dataset(tmp_path / "d", [{"text": f"t{i}", "label": i} for i in (0, 1, -1, 2)])
    features = {"label": {"names": ["calm", "wild"], "_type": "ClassLabel"}, "text": {"_type": "Value"}}
    (path / "dataset_info.json").write_text(json.dumps({"features": features}))
    labels = [row.values["label"] for row in read_dataset(path, ["text", "label"]).rows]
    assert labels == ["calm", "wild", None, None]


def test_dataset_with_several_splits_is_rejected(tmp_path):
    (tmp_path / "dataset_dict.json").write_text('{"splits": ["train", "test"]}')
    with pytest.raises(DataError, match="several splits: train, test"):
        read_dataset(tmp_path, ["text"])


@pytest.mark.parametrize(
    "state", ["[]", "{}", "{", '{"_data_files": []}', '{"_data_files": [{"filename": "../x"}]}', '{"_data_files": 3}']
)
def test_dataset_rejects_damaged_state(tmp_path, state):
    (tmp_path / "state.json").write_text(state)
    with pytest.raises(DataError, match=r"state\.json"):
        read_dataset(tmp_path, ["text"])


@pytest.mark.parametrize("keep", [0, 100, -60])
def test_dataset_rejects_damaged_arrow_file(tmp_path, written, rows, keep):
    path = written.dataset(tmp_path / "d", rows)
    whole = (path / "data-1.arrow").read_bytes()
    (path / "data-1.arrow").write_bytes(whole[:keep] if keep else b"zebra")
    with pytest.raises(DataError, match=r"data-1\.arrow is not a readable arrow file") as caught:
        read_dataset(path, ["note"])
    assert "zebra" not in str(caught.value)


def test_dataset_rejects_invalid_description_and_different_columns(tmp_path, written, rows):
    path = written.dataset(tmp_path / "d", rows)
    (path / "dataset_info.json").write_text('{"features": 3}')
    with pytest.raises(DataError, match="does not describe the columns"):
        read_dataset(path, ["note"])
    (path / "dataset_info.json").unlink()
    other = written.dataset(tmp_path / "other", [{"zebra": i} for i in range(5)])
    (other / "data-1.arrow").rename(path / "data-1.arrow")
    with pytest.raises(DataError, match="have different columns") as caught:
        read_dataset(path, ["note"])
    assert "zebra" not in str(caught.value)


SOURCE = SourceConfig(path="x", text="note", label="kind", group="who", id="nid", names=("full", "note"))


def test_wanted_columns_are_unique():
    assert wanted_columns(SOURCE) == ("note", "kind", "who", "nid", "full")
    assert wanted_columns(SourceConfig(path="x")) == ("text", "label")


@pytest.mark.parametrize("name", ["a.jsonl", "a.NDJSON", "a.csv", "a.parquet", "a.pq", "a", "jsonl in a.csv"])
def test_format_is_configured_or_derived_from_the_file_name(tmp_path, written, rows, name):
    kinds = {"a.NDJSON": "jsonl", "a.pq": "parquet", "a": "dataset", "jsonl in a.csv": "jsonl"}
    path = getattr(written, kinds.get(name) or name.removeprefix("a."))(tmp_path / name, rows)
    source = SOURCE.model_copy(update={"format": "jsonl"}) if " " in name else SOURCE
    assert [dict(row.values) for row in read_source(source, path).rows] == rows


def test_folder_without_dataset_state_is_read_as_text(tmp_path):
    (tmp_path / "1.txt").write_text("one")
    assert read_source(SOURCE, tmp_path).columns == ("text", "label", "id")


@pytest.mark.parametrize(
    ("name", "format_", "message"),
    [
        ("none.jsonl", "auto", "no such file or folder"),
        ("a.docx", "auto", r"derived from the file extension '\.docx'"),
        ("folder", "csv", "format csv needs a file"),
        ("a.docx", "text", "format text needs a folder"),
        ("empty", "dataset", r"state\.json: cannot be read|cannot be read"),
    ],
)
def test_source_errors_name_the_path(tmp_path, name, format_, message):
    (tmp_path / "a.docx").write_text("x")
    (tmp_path / "folder").mkdir()
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=message) as caught:
        read_source(SourceConfig(path="x", format=format_), tmp_path / name)
    assert caught.value.message.startswith(f"{tmp_path / name}: ")
    assert caught.value.hint
