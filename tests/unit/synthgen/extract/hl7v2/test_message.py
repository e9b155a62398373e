import pytest

from synthgen.extract.hl7v2.charset import OTHER_CHARSET
from synthgen.extract.hl7v2.escapes import Delimiters
from synthgen.extract.hl7v2.framing import TOO_LARGE, RawMessage
from synthgen.extract.hl7v2.message import (
    ADDENDUM,
    CONTINUED_LINE,
    FRAGMENT,
    UNDECODABLE,
    UNKNOWN_SEGMENT,
    UNREADABLE_HEADER,
    parse_message,
)

MSH = r"MSH|^~\&|APP|FAC|||20240102||ORU^R01^ORU_R01|42|P|2.5"


def parse(*lines, encoding="utf-8"):
    data = [line if isinstance(line, bytes) else line.encode() for line in lines]
    return parse_message(RawMessage(1, tuple(data)), encoding)


def test_fields_components_and_subcomponents():
    message = parse(MSH, r"PID|1||7^^^A&1.2&ISO^MR~8^^^B^PI||O\T\K^&&x|a & b^c|\"\"".replace('\\"', '"'))
    header, pid = message.segments
    assert (message.kind, message.event) == ("ORU", "R01")
    assert [header.part(n) for n in (1, 3, 4, 7, 10, 12, 99)] == ["|", "APP", "FAC", "20240102", "42", "2.5", ""]
    assert [value.part(1) for value in pid.values(3)] == ["7", "8"]
    assert (pid.part(3, 4), pid.part(3, 4, 1), pid.part(3, 4, 2), pid.part(3, 9), pid.part(3, 4, 9)) == (
        "A&1.2&ISO",
        "A",
        "1.2",
        "",
        "",
    )
    assert (pid.part(5), pid.part(5, 2, 3), pid.part(6), pid.text(6)) == ("O&K", "x", "a & b", "a & b^c")
    assert pid.part(7) == pid.values(7)[0].text() == ""  # the null of HL7


@pytest.mark.parametrize(
    ("event", "expected"), [("MDM^T02", "T02"), ("MDM^^MDM_T04", "T04"), ("MDM", "T11"), ("mdm^t02", "T02")]
)
def test_the_event_is_in_the_type_the_structure_or_evn(event, expected):
    message = parse(MSH.replace("ORU^R01^ORU_R01", event), "EVN|T11")
    assert (message.kind, message.event) == ("MDM", expected)


@pytest.mark.parametrize(
    ("stated", "delimiters"),
    [
        ("^~\\&", Delimiters()),
        ("^~\\&#", Delimiters()),
        ("^~\\", Delimiters()),
        ("^", Delimiters()),
        ("", Delimiters()),
        ("$%*/@", Delimiters("|", "$", "%", "*", "/", "@")),
    ],
)
def test_delimiters_come_from_the_header(stated, delimiters):
    message = parse(f"MSH|{stated}|||||||ORU|1")
    assert message.segments[0].delimiters == delimiters
    other = parse("MSH!#*?@!A!!!!!!ORU#R01!1", "PID!1!!7#x*8")
    assert (other.kind, other.event, other.segments[1].values(3)[1].part(1)) == ("ORU", "R01", "8")


@pytest.mark.parametrize(
    "line",
    [
        "MSH",
        "MSH|",
        "MSH|^~\\&",
        "MSH|^~\\&|a|b|c|d|e|f",
        "MSH|APP|FAC|||||||ORU",
        "MSH|^^^^|||||||ORU",
        "MSH|^~\\&#!|||||||ORU",
    ],
)
def test_a_header_without_its_fields_is_not_read(line):
    assert parse(line) == UNREADABLE_HEADER
    assert parse_message(RawMessage(1, (), TOO_LARGE), "utf-8") == TOO_LARGE


def test_lines_without_a_segment_name_continue_the_field():
    message = parse(MSH, "OBX|1|TX|a||one", "two", "", "", "MRI: three", "BUN", "||F", " OBX|2|TX")
    assert message.remarks == (CONTINUED_LINE,)
    assert message.segments[1].values(5)[0].text() == "one\ntwo\n\n\nMRI: three\nBUN\n"
    assert [s.name for s in message.segments] == ["MSH", "OBX", "OBX"]
    assert parse(MSH, "", "PID|1", "", "").remarks == ()


def test_add_continues_a_segment_and_parts_of_messages_are_counted():
    message = parse(MSH, "OBX|1|TX|a||one tw", "ADD|o three||||||F", "DSC|x")
    assert message.remarks == (FRAGMENT, ADDENDUM)
    assert (message.segments[1].part(5), message.segments[1].part(11)) == ("one two three", "F")
    assert parse(MSH + "||7").remarks == (FRAGMENT,)


def test_character_sets():
    latin = "PID|1||Jürgen".encode("latin-1")
    assert parse(MSH + "|||||||8859/1", latin).remarks == (OTHER_CHARSET,)  # MSH-19 is not the character set
    assert parse(MSH + "||||||8859/1", latin).segments[1].part(3) == "Jürgen"
    assert parse(MSH + "||||||8859/1", latin).remarks == ()
    assert parse(MSH, latin).remarks == (OTHER_CHARSET,)
    assert parse(MSH, b"PID|\x81\xff") == UNDECODABLE
    marked = RawMessage(1, ((MSH + "||||||8859/1").encode(), "PID|é".encode()), charset="utf-8")
    assert parse_message(marked, "utf-8").segments[1].part(1) == "é"


def test_no_text_in_the_representation():
    message = parse(MSH, "PID|1||secret")
    assert "secret" not in repr((message, message.segments[1], message.segments[1].values(3)))


def test_segments_that_hl7_does_not_have_are_counted():
    header = rb"MSH|^~\&|A|B|||2024||ORU^R01|1|P|2.5"
    assert parse_message(RawMessage(1, (header, b"ZDS|1")), "utf-8").remarks == ()
    assert parse_message(RawMessage(1, (header, b"WBC|5.2")), "utf-8").remarks == (UNKNOWN_SEGMENT,)
