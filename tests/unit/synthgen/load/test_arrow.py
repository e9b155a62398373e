import pyarrow as pa
import pytest

from synthgen.core.errors import DataError
from synthgen.load.arrow import table_of
from synthgen.load.rows import UNDECODABLE, SourceRow

TEXTS = ["one", None, "é"]


@pytest.mark.parametrize(
    "kind", [pa.string(), pa.large_string(), pa.dictionary(pa.int8(), pa.string())], ids=["string", "large", "coded"]
)
def test_every_kind_of_text_column_gives_the_same_texts(kind):
    column = pa.array(TEXTS).cast(kind) if not pa.types.is_dictionary(kind) else pa.array(TEXTS).dictionary_encode()
    assert [row.values["text"] for row in table_of(pa.table({"text": column}), ["text"]).rows] == TEXTS


def test_only_wanted_columns_are_taken_and_all_are_told():
    arrow = pa.table({"a": [1, 2], "b": ["x", "y"], "c": [0.5, None]})
    table = table_of(arrow, ["c", "nowhere", "b", "c"])
    assert table.columns == ("a", "b", "c")
    assert table.rows == (SourceRow(1, {"c": 0.5, "b": "x"}), SourceRow(2, {"c": None, "b": "y"}))


def test_one_undecodable_text_does_not_hide_the_others(undecodable):
    table = table_of(pa.table({"text": undecodable, "label": ["a", "b", None]}), ["text", "label"])
    assert table.rows == (
        SourceRow(1, {"text": "fine", "label": "a"}),
        SourceRow(2, {}, UNDECODABLE),
        SourceRow(3, {"text": "s", "label": None}),
    )


def test_a_wanted_column_named_twice_is_refused():
    arrow = pa.Table.from_arrays([pa.array(["a"]), pa.array(["b"]), pa.array([1])], names=["text", "text", "n"])
    with pytest.raises(DataError, match="names a column twice"):
        table_of(arrow, ["text"])
    assert table_of(arrow, ["n"]).rows == (SourceRow(1, {"n": 1}),)


def test_texts_that_point_outside_their_memory_are_refused():
    ends = pa.array([0, 1 << 30, 4], pa.int32()).buffers()[1]
    text = pa.Array.from_buffers(pa.string(), 2, [None, ends, pa.py_buffer(b"fine")])
    with pytest.raises(pa.ArrowInvalid):
        table_of(pa.table({"text": text}), ["text"])


def test_rows_of_several_chunks_are_numbered_through():
    chunks = pa.chunked_array([["a", "b"], [], ["c"]], type=pa.string())
    table = table_of(pa.table({"text": chunks}), ["text"])
    assert [(row.number, row.values["text"]) for row in table.rows] == [(1, "a"), (2, "b"), (3, "c")]
