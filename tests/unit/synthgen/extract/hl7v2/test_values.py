from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.core.errors import DataError
from synthgen.extract.hl7v2.escapes import Delimiters
from synthgen.extract.hl7v2.message import Hl7Segment, Hl7Value
from synthgen.extract.hl7v2.values import (
    FieldPath,
    entity,
    field_paths,
    person_identifier,
    person_names,
    read_time,
    staff_name,
)
from synthgen.extract.note import Fields


def segment(line):
    return Hl7Segment(tuple(line.split("|")), Delimiters(), "utf-8")


def values(text):
    return segment("PID|" + text).values(1)


@pytest.mark.parametrize(
    ("written", "identifier"),
    [
        ("7", "7"),
        ("7^^^A^PI~8^^^B^MR~9^^^C^MR", "8@B"),
        ("6^^^S^SS~7^^^A^pi", "7@A"),
        ("6^^^S^SS~7^^^A^XX", "6@S"),
        ("^^^A^MR~8^4^M11^&1.2.3&ISO^AN", "8@1.2.3"),
        ("8^^^A&1.2.3&ISO^MR", "8@A"),
        ("", ""),
        ("^^^A^MR", ""),
        ('""', ""),
    ],
)
def test_the_person_is_the_record_number_with_its_authority(written, identifier):
    assert person_identifier(values(written)) == identifier


@pytest.mark.parametrize(
    ("written", "names"),
    [
        ("DOE^JANE^Q^JR^DR", ["JANE Q DOE"]),
        ("DOE^JANE~ROE^JANE", ["JANE DOE", "JANE ROE"]),
        ("van Dam&van&Dam&&Berg^Ann", ["Ann van Dam", "Ann Dam", "Ann Berg"]),
        ("^JANE", ["JANE"]),
        ("DOE", ["DOE"]),
        ("^^^^DR", []),
        ("", []),
    ],
)
def test_names_of_persons(written, names):
    assert list(person_names(values(written))) == names


@pytest.mark.parametrize(
    ("written", "name", "reversed_name"),
    [
        ("12^HOUSE^GREGORY^B^^Dr", "GREGORY B HOUSE", "HOUSE GREGORY"),
        ("&CYTO&JANE^20240101", "JANE CYTO", "CYTO JANE"),
        ("12&HOUSE&GREGORY&B", "GREGORY B HOUSE", "HOUSE GREGORY"),
        ("John Smith", "John Smith", "John Smith"),
        ("D123", "", ""),
        ("123", "", ""),
        ("^HOUSE", "HOUSE", "HOUSE"),
        ("", "", ""),
    ],
)
def test_names_of_staff(written, name, reversed_name):
    value = Hl7Value(written, Delimiters(), "utf-8")
    assert (staff_name(value), staff_name(value, family_first=True)) == (name, reversed_name)


def test_identifiers_of_documents_have_their_namespace():
    assert entity(segment("TXA|7^LAB^1.2^ISO"), 1) == "7@LAB@1.2"
    assert entity(segment("TXA|7"), 1) == "7"
    assert entity(segment("TXA|^LAB"), 1) == entity(segment("TXA"), 1) == ""


@pytest.mark.parametrize(
    ("written", "iso", "utc"),
    [
        ("2024", "2024", "2024-01-01T00:00:00.000000"),
        ("202402", "2024-02", "2024-02-01T00:00:00.000000"),
        ("20240229", "2024-02-29", "2024-02-29T00:00:00.000000"),
        ("2024022923", "2024-02-29T23", "2024-02-29T23:00:00.000000"),
        ("202402292359", "2024-02-29T23:59", "2024-02-29T23:59:00.000000"),
        ("20240229235958.123-0500", "2024-02-29T23:59:58.123-05:00", "2024-03-01T04:59:58.123000"),
        ("200801311600+0215", "2008-01-31T16:00+02:15", "2008-01-31T13:45:00.000000"),
        ("20240229+0100", "2024-02-29", "2024-02-28T23:00:00.000000"),
    ],
)
def test_times_keep_their_precision_and_sort_in_utc(written, iso, utc):
    found = read_time(written)
    assert (found.iso, found.utc) == (iso, utc)
    if len(iso) >= 10:
        datetime.fromisoformat(iso)


@pytest.mark.parametrize(
    "written",
    [
        "",
        "24",
        "20230229",
        "20241301",
        "2024010124",
        "202401010060",
        "0000",
        "2024-01-01",
        "01/02/2024",
        "2004062916460000",
        "000101010000+0100",
        "99991231235959-0100",
        "20240101+9999",
        "２０２４",
        "2024 ",
        "20240101.5",
    ],
)
def test_invalid_times(written):
    assert read_time(written) is None


@given(
    st.datetimes(datetime.fromisoformat("1900-01-01"), datetime.fromisoformat("2100-01-01")),
    st.integers(-14 * 60, 14 * 60),
)
def test_utc_is_the_same_moment(moment, minutes):
    sign, size = "-" if minutes < 0 else "+", abs(minutes)
    found = read_time(f"{moment:%Y%m%d%H%M%S}.{moment.microsecond:06d}{sign}{size // 60:02d}{size % 60:02d}")
    stated = datetime.fromisoformat(found.iso)
    assert stated.replace(tzinfo=None) == moment
    assert stated.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") == found.utc


def test_configured_fields():
    paths = field_paths(Fields(person="PID-2", label="OBR-4.2", author="IN1-16.1.2"))
    assert paths["person"] == FieldPath("PID", 2, 1, 0)
    assert paths["label"] == FieldPath("OBR", 4, 2, 0)
    assert paths["author"] == FieldPath("IN1", 16, 1, 2)
    assert "date" not in paths
    context = {"OBR": segment("OBR|||1^first~2^second|7^CT & more")}
    assert paths["label"].value(context) == "CT & more"
    assert FieldPath("OBR", 3, 2).value(context) == "first"
    assert FieldPath("PV1", 3).value(context) == FieldPath("OBR", 33).value(context) == ""


def test_one_error_names_all_wrong_fields():
    wrong = Fields(person="PID", encounter="PV1-19", date="txa-4", label="OBR-0", author="OBR-4.2.1.1")
    with pytest.raises(DataError, match=r"source\.fields cannot be used") as caught:
        field_paths(wrong)
    assert [problem.split(":")[0] for problem in caught.value.problems] == [
        f"source.fields.{name}" for name in ("person", "date", "label", "author")
    ]
    assert "PID-3.1" in caught.value.hint
