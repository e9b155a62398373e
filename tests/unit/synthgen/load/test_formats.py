import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from synthgen.core.errors import DataError
from synthgen.load.config import SourceConfig
from synthgen.load.formats import read_dataset, read_parquet, read_source, table_of, wanted_columns
from synthgen.load.rows import UNDECODABLE, SourceRow

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
    with pytest.raises(OSError, match="not a readable table: ArrowInvalid"):
        table_of(pa.table({"text": text}), ["text"])


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
    with pytest.raises(DataError, match="not a readable table") as caught:
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
    with pytest.raises(DataError, match="not a readable table"):
        read_parquet(path, ["note"])


@pytest.mark.parametrize("kind", [pa.date32(), pa.timestamp("us"), pa.time64("us")])
def test_parquet_rejects_values_that_python_cannot_hold(tmp_path, kind):
    storage = pa.int32() if kind == pa.date32() else pa.int64()
    most = 2 ** (storage.bit_width - 1) - 1
    days = pa.Array.from_buffers(kind, 1, [None, pa.array([most], storage).buffers()[1]])
    pq.write_table(pa.table({"text": ["a"], "day": days}), tmp_path / "a.parquet")
    with pytest.raises(DataError, match="not a readable table"):
        read_parquet(tmp_path / "a.parquet", ["text", "day"])


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
    with pytest.raises(DataError, match=r"`features` in dataset_info\.json is not a JSON object"):
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
        ("folder", "csv", "the format csv needs a file, but source.path is a folder"),
        ("a.docx", "text", "the format text needs a folder, but source.path is a file"),
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


def save_indices(path, key="_indices_data_files", rows=(4, 0), **entry):
    with pa.OSFile(str(path / "i.arrow"), "wb") as file:
        table = pa.table({"indices": pa.array(rows, pa.uint64())})
        with pa.ipc.new_stream(file, table.schema) as stream:
            stream.write_table(table)
    state = json.loads((path / "state.json").read_text())
    (path / "state.json").write_text(json.dumps({**state, key: [{"filename": "i.arrow", **entry}]}))


def test_dataset_rows_that_select_left_out_are_not_read(tmp_path, written, rows):
    path = written.dataset(tmp_path / "d", rows)
    save_indices(path, rows=(4, 0, 4))
    assert [row.values["nid"] for row in read_dataset(path, ["nid"]).rows] == ["n4", "n0", "n4"]
    save_indices(path, rows=(5, 6, 1), skip=1, take=1)
    assert [row.values["nid"] for row in read_dataset(path, ["nid"]).rows] == ["n6"]
    state = {
        "_data_files": [{"filename": "data-0.arrow", "skip": 1, "take": 1}, {"filename": "data-1.arrow", "take": 2}]
    }
    (path / "state.json").write_text(json.dumps(state))
    assert [row.values["nid"] for row in read_dataset(path, ["nid"]).rows] == ["n1", "n3", "n4"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rows": (7,)}, "do not fit the row indices"),
        ({"key": "_indices_files"}, "indices that SynthGen does not support"),
        ({"key": "_indices"}, "indices that SynthGen does not support"),
        ({"key": "_data_files"}, "damaged|different columns"),
    ],
)
def test_dataset_with_unusable_indices_is_rejected(tmp_path, written, rows, change, message):
    path = written.dataset(tmp_path / "d", rows)
    save_indices(path, **change)
    if change.get("key") == "_data_files":
        state = json.loads((path / "state.json").read_text())
        state["_indices_data_files"] = [{"filename": "data-0.arrow"}]  # without a column of indices
        (path / "state.json").write_text(json.dumps(state))
    with pytest.raises(DataError, match=message):
        read_dataset(path, ["nid"])


def parts(folder, written, rows):
    folder.mkdir()
    for name, part in (("part-1.snappy.parquet", rows[3:]), ("part-0.PARQUET", rows[:3])):
        written.parquet(folder / name, part)
    for name in ("_SUCCESS", "_metadata", ".part-0.parquet.crc"):
        (folder / name).write_bytes(b"x")
    return folder


@pytest.mark.parametrize(("name", "format_"), [("t.parquet", "auto"), ("t", "auto"), ("t", "parquet")])
def test_a_folder_of_parquet_parts_is_one_table(tmp_path, written, rows, name, format_):
    folder = parts(tmp_path / name, written, rows)
    table = read_source(SOURCE.model_copy(update={"format": format_}), folder)
    assert [dict(row.values) for row in table.rows] == rows
    assert [row.number for row in table.rows] == [1, 2, 3, 4, 5, 6, 7]


@pytest.mark.parametrize(
    "name", ["day=1/x.parquet", "_delta_log/0.json", "_temporary/x.parquet", "a.txt", "_x.parquet", ".x.pq"]
)
def test_a_folder_that_may_hold_more_than_one_table_is_rejected(tmp_path, written, rows, name):
    folder = parts(tmp_path / "t", written, rows)
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_bytes((folder / "part-0.PARQUET").read_bytes())
    with pytest.raises(DataError, match="the parquet files of the folder do not form one table") as caught:
        read_source(SOURCE, folder)
    assert caught.value.problems[0].startswith(name.partition("/")[0])


def test_parts_with_different_columns_are_rejected(tmp_path, written, rows):
    folder = parts(tmp_path / "t", written, rows)
    written.parquet(folder / "part-2.parquet", [{"note": "x"}])
    with pytest.raises(DataError, match="different columns"):
        read_source(SOURCE, folder)


def test_arrow_types_of_ids_keep_their_values():
    def values(column):
        return [row.values["c"] for row in table_of(pa.table({"c": column}), ["c"]).rows]

    assert values(pa.array(["a", None]).cast(pa.string_view())) == ["a", None]
    assert values(pa.array([b"a", b"\xff"])) == ["a", bytearray(b"\xff")]
    assert values(pa.array([b"a" * 16, None], pa.binary(16))) == [bytearray(b"a" * 16), None]
    assert values(pa.array([b"\xff" * 16], pa.binary(16))) == [bytearray(b"\xff" * 16)]
    assert values(pa.array([7, 8], pa.int64()).dictionary_encode()) == [7, 8]
    assert values(pa.array([7.0, None], pa.float32())) == [7.0, None]
    for kind, large in ((pa.float32(), 2.0**24), (pa.float16(), 2048.0)):
        message = r"column 'c' has values of \d+ or more, which its type (float|halffloat) cannot store exactly"
        with pytest.raises(DataError, match=message):
            values(pa.array([large]).cast(kind))
