import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.core.types import Record
from synthgen.load.config import SourceConfig
from synthgen.load.records import BadRow, names_of, to_record
from synthgen.load.rows import MALFORMED, SourceRow

SOURCE = SourceConfig(path="x", text="note", label="kind", group="who", id="nid", names=("full", "nick"))
GOOD = {"note": "a note", "kind": "a", "who": "p1", "nid": "n1"}


def test_a_good_row_becomes_a_record():
    values = {**GOOD, "note": " two\u2009 words\n", "kind": "cafe\u0301", "who": 12}
    assert to_record(SourceRow(3, values), SOURCE, set()) == Record(
        id="n1", text="two\u2009 words", label="caf\u00e9", group="12"
    )


def test_nobody_is_two_persons_by_how_an_id_is_spelled():
    spelled = ("Jos\u00e9 1", "Jose\u0301 1", "Jos\u00e9\u00a01", "Jos\u00e9\u200d  1", "Jose\u200d\u0301\u28001")
    spelled += tuple(
        f"Jos\u00e9 1{unseen}" for unseen in ("\ufe0f", "\u034f", "\0", "\u3164", "\u2800", "\x7f", "\u00ad")
    )
    found = {to_record(SourceRow(3, {**GOOD, "who": who}), SOURCE, set()).group for who in spelled}
    assert found == {"Jos\u00e9 1"}
    assert to_record(SourceRow(3, {**GOOD, "who": "\u200d"}), SOURCE, set()).reason == "missing group"


def test_without_columns_ids_and_groups_come_from_the_number():
    record = to_record(SourceRow(3, {"text": "x", "label": "a"}), SourceConfig(path="x"), set())
    assert (record.id, record.group) == ("row-3", "record-3")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"note": None}, "empty text"),
        ({"note": " \n\u00a0"}, "empty text"),
        ({"note": 12}, "text is not a string"),
        ({"note": "a\0b"}, "NUL character in text"),
        ({"note": "a\ud800"}, "undecodable bytes"),
        ({"kind": None}, "missing label"),
        ({"kind": "  "}, "missing label"),
        ({"kind": True}, "missing label"),
        ({"kind": 0.5}, "missing label"),
        ({"kind": "a\udfff"}, "undecodable bytes"),
        ({"who": ""}, "missing group"),
        ({"nid": None}, "missing id"),
        ({"nid": "taken"}, "duplicate id"),
    ],
)
def test_each_fault_has_its_reason(changes, reason):
    taken = {"taken"}
    assert to_record(SourceRow(8, GOOD | changes), SOURCE, taken) == BadRow(8, reason)
    assert taken == {"taken"}, "a bad row takes no id"


def test_a_row_that_was_not_read_keeps_its_reason():
    assert to_record(SourceRow(2, {}, MALFORMED), SOURCE, set()) == BadRow(2, MALFORMED)


def test_an_id_is_taken_once():
    taken = set()
    assert isinstance(to_record(SourceRow(1, GOOD), SOURCE, taken), Record)
    assert to_record(SourceRow(2, GOOD), SOURCE, taken) == BadRow(2, "duplicate id")


@given(st.dictionaries(st.sampled_from(sorted(GOOD)), st.none() | st.booleans() | st.integers() | st.text()))
def test_any_values_give_a_whole_record_or_a_reason(values):
    made = to_record(SourceRow(1, values), SOURCE, set())
    if isinstance(made, Record):
        assert made.text == values["note"].strip() != ""
        assert all(value and value.encode() for value in (made.id, made.text, made.label, made.group))
    else:
        assert made.reason


def test_names_are_stripped_and_told_once():
    values = {"full": " Ann Lee ", "nick": "Ann Lee"}
    assert names_of(SourceRow(1, values), SOURCE) == ("Ann Lee",)
    assert names_of(SourceRow(1, {"full": None, "nick": "  "}), SOURCE) == ()
    assert names_of(SourceRow(1, {"full": "Ann", "nick": "Bo"}), SOURCE) == ("Ann", "Bo")
