from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.extract.note import Dropped, Note, Remark
from synthgen.extract.table_notes import MALFORMED_ID, NO_ID, UNKNOWN_DATE, iso_date, note_of

VALUES = {name: name[0] for name in ("document", "person", "text", "label", "encounter", "author")} | {"date": ""}


@pytest.mark.parametrize(
    ("value", "date"),
    [
        ("2020-03-04", "2020-03-04"),
        ("20200304", "2020-03-04"),
        (" 2020-03-04 10:11:12.123 ", "2020-03-04T10:11:12"),
        ("2020-03-04T10:11:12Z", "2020-03-04T10:11:12+00:00"),
        ("2180-05-06 00:00:00 UTC", "2180-05-06T00:00:00"),
        ("", ""),
        ("03/04/2020", None),
        ("2020-13-01", None),
        ("infinity", None),
        ("9" * 5000, None),
    ],
)
def test_only_iso_8601_dates_are_interpreted(value, date):
    assert iso_date(value) == date


@given(st.datetimes(min_value=datetime.fromisoformat("1000-01-01")))
def test_time_is_returned_in_seconds(time):
    assert iso_date(str(time)) == time.replace(microsecond=0).isoformat()


@given(st.text())
def test_any_text_is_a_date_or_none(value):
    iso_date(value)


def test_note_has_the_values_and_line_feeds():
    found = list(note_of(VALUES | {"text": "a\r\nb\rc\n", "date": "20200304"}, "row 1"))
    assert found == [
        Note(
            place="row 1", document="d", text="a\nb\nc\n", person="p", label="l", encounter="e", author="a",
            date="2020-03-04",
        )
    ]  # fmt: skip


def test_unknown_date_is_counted():
    remark, note = note_of(VALUES | {"date": "03/04/2020"}, "row 1")
    assert remark == Remark(UNKNOWN_DATE, "row 1")
    assert note.date == ""


def test_row_without_usable_identifier_is_dropped():
    assert list(note_of(VALUES | {"document": ""}, "row 1")) == [Dropped(NO_ID, "row 1")]
    assert list(note_of(VALUES | {"person": "and chills"}, "row 1")) == [Dropped(MALFORMED_ID, "row 1")]
    assert list(note_of(VALUES | {"document": "a\nb"}, "row 1")) == [Dropped(MALFORMED_ID, "row 1")]
