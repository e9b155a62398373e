import pytest

from synthgen.extract.hl7v2 import notes
from synthgen.extract.hl7v2.framing import RawMessage
from synthgen.extract.hl7v2.message import parse_message
from synthgen.extract.hl7v2.notes import Hl7NoteMaker
from synthgen.extract.hl7v2.report import INCOMPLETE, NO_DATA, NO_TEXT, WITHDRAWN
from synthgen.extract.hl7v2.values import field_paths
from synthgen.extract.note import Dropped, Fields, Note, Remark

PID = "PID|1||7^^^A^MR||DOE^JANE"
PV1 = "PV1|1|I|WARD|||||||SUR|||||||||V9^^^X"
TEXT = "OBX|1|TX|1^NOTE||the text||||||F"


def items(event, *lines, time="20240105", number=3, **fields):
    header = rf"MSH|^~\&|APP|FAC|||{time}||{event}|42|P|2.5"
    message = parse_message(RawMessage(1, tuple(line.encode() for line in (header, *lines))), "utf-8")
    return list(Hl7NoteMaker(message, "f, message 3", number, field_paths(Fields(**fields))).items())


def txa(document="D1^EHR", parent="", status="AU", available="AV", activity="202401021530-0500"):
    head = f"TXA|1|PN^Progress note|TX|{activity}|5^HOUSE^GREG|20240103|||6^OTHER"
    return f"{head}|||{document}|{parent}||||{status}||{available}"


def obr(filler="F1^LAB", code="71020^CHEST XRAY", status="F", seen="20240104"):
    return f"OBR|1|P1|{filler}|{code}|||{seen}" + "|" * 15 + f"20240105|||{status}" + "|" * 7 + "9&RAY&ROB"


def reasons(found):
    return [(type(item).__name__, item.reason) for item in found]


def test_a_document_is_a_note_with_its_fields():
    (note,) = items("MDM^T02", PID, PV1, txa(), TEXT)
    assert note == Note(
        place="f, message 3",
        document="D1@EHR",
        text="the text",
        person="7@A",
        label="Progress note",
        encounter="V9",
        date="2024-01-02T15:30-05:00",
        author="HOUSE GREG",
        version="2024-01-05T00:00:00.000000 000000000003",
        aliases=("D1",),
    )


def test_a_report_is_a_note_with_its_fields():
    (note,) = items("ORU^R01", PID, PV1, "ORC|RE", obr(), TEXT)
    assert note == Note(
        place="f, message 3",
        document="F1@LAB/71020",
        text="the text",
        person="7@A",
        label="CHEST XRAY",
        encounter="V9",
        date="2024-01-04",
        author="RAY ROB",
        version="2024-01-05T00:00:00.000000 000000000003",
    )


@pytest.mark.parametrize("event", ["T02", "T04", "T06", "T08", "T10"])
def test_events_with_text(event):
    (note,) = items(f"MDM^{event}", PID, txa(parent="D0^EHR"), TEXT)
    assert note.replaces == (("D0@EHR",) if event == "T10" else ())
    assert reasons(items(f"MDM^{event}", PID, txa())) == [("Dropped", notes.NO_DOCUMENT_TEXT)]
    assert reasons(items(f"MDM^{event}", PID, txa(), "OBX|1|TX|1||||||||F")) == [("Dropped", notes.NO_DOCUMENT_TEXT)]


@pytest.mark.parametrize("event", ["T01", "T03", "T05", "T07", "T09"])
def test_announcements_are_read_if_they_contain_text(event):
    assert reasons(items(f"MDM^{event}", PID, txa())) == [("Dropped", notes.NOTIFICATION)]
    (note,) = items(f"MDM^{event}", PID, txa(parent="D0"), TEXT)
    assert note.text == "the text"
    assert note.replaces == (("D0",) if event == "T09" else ())


def test_cancelled_and_deleted_documents_are_withdrawn():
    for event, lines, reason in (
        ("T11", (txa(status="IP"),), notes.CANCELLED),
        ("T03", (txa(available="CA"),), notes.DELETED),
        ("T02", (txa(available="CA"), TEXT), notes.DELETED),
        ("T08", (txa(), TEXT.replace("|F", "|D")), WITHDRAWN),
    ):
        (note,) = items(f"MDM^{event}", PID, *lines)
        assert (note.withdrawn, note.document, note.text) == (reason, "D1@EHR", "")


@pytest.mark.parametrize(
    ("status", "available", "expected"),
    [
        ("AU", "AV", []),
        ("LA", "", []),
        ("la", "av", []),
        ("DO", "AV", [("Remark", notes.UNSIGNED)]),
        ("", "", [("Remark", notes.NO_STATUS)]),
        *((status, "AV", [("Dropped", notes.NOT_COMPLETE)]) for status in ("DI", "IN", "IP", "PA")),
        ("AU", "UN", [("Dropped", notes.UNAVAILABLE)]),
        ("XX", "AV", [("Dropped", notes.UNKNOWN_STATUS)]),
        ("AU", "XX", [("Dropped", notes.UNKNOWN_STATUS)]),
    ],
)
def test_completion_and_availability(status, available, expected):
    found = items("MDM^T02", PID, txa(status=status, available=available), TEXT)
    assert reasons(i for i in found if not isinstance(i, Note)) == expected
    assert any(isinstance(item, Note) for item in found) == (not expected or expected[0][0] == "Remark")


def test_obsolete_documents_are_superseded():
    (note,) = items("MDM^T02", PID, txa(available="OB"), TEXT)
    assert note.is_superseded


def test_each_document_segment_has_its_own_text():
    found = items("MDM^T02", PID, txa(), TEXT, txa("D2"), TEXT.replace("the text", "other"))
    assert [(note.document, note.text) for note in found] == [("D1@EHR", "the text"), ("D2", "other")]
    assert reasons(items("MDM^T02", PID, TEXT)) == [("Dropped", notes.NO_TXA)]


def test_documents_without_a_number_are_named_by_their_message():
    (note,) = items("MDM^T02", PID, txa(""), TEXT)
    assert note.document == "APP/42/0"
    (note,) = items("ORU^R01", PID, obr("").replace("P1", ""), TEXT)
    assert note.document == "APP/42/0/71020"
    (note,) = items("ORU^R01", PID, obr(""), TEXT)
    assert note.document == "P1/71020"


@pytest.mark.parametrize("status", ["P", "R", "I", "S", "O", "Y", "Z", "M"])
def test_orders_that_are_not_final(status):
    assert reasons(items("ORU^R01", PID, obr(status=status), TEXT)) == [("Dropped", notes.NOT_FINAL)]


@pytest.mark.parametrize("status", ["F", "C", "A", ""])
def test_final_orders(status):
    (note,) = items("ORU^R01", PID, obr(status=status), TEXT)
    assert note.text == "the text"


def test_cancelled_orders_and_deleted_results_are_withdrawn():
    (note,) = items("ORU^R01", PID, obr(status="X"))
    assert (note.withdrawn, note.document) == (notes.ORDER_CANCELLED, "F1@LAB/71020")
    (note,) = items("ORU^R01", PID, obr(), TEXT.replace("|F", "|W"))
    assert note.withdrawn == WITHDRAWN


def test_groups_of_a_message_are_separate_reports_and_not_versions():
    number = "OBX|1|NM|1||7||||||F"
    found = items(
        "ORU^R01",
        PID,
        "ORC|RE",
        obr(),
        TEXT,
        "ORC|RE",
        obr("F2"),
        number,
        obr(),
        TEXT,
        obr("F3"),
        TEXT.replace("|F", "|P"),
    )
    assert [item.document for item in found if isinstance(item, Note)] == ["F1@LAB/71020", "F1@LAB/71020#2"]
    assert reasons(i for i in found if isinstance(i, Dropped)) == [("Dropped", NO_TEXT), ("Dropped", INCOMPLETE)]


def test_groups_belong_to_the_patient_segment_before_them():
    second = PID.replace("7^^^A", "8^^^B")
    found = items("ORU^R01", PID, PV1, obr(), TEXT, second, obr("F2"), TEXT, "PID|3", obr("F3"), TEXT)
    assert [(note.person, note.encounter) for note in found] == [("7@A", "V9"), ("8@B", ""), ("", "")]


def test_results_of_a_patient_outside_of_orders_are_read():
    found = items("ORU^R01", PID, TEXT, obr(), TEXT)
    assert [(note.document, note.label) for note in found] == [("APP/42/0/", ""), ("F1@LAB/71020", "CHEST XRAY")]
    assert items("ORU^R01", PID, PV1) == []


def test_dates_are_taken_in_order_and_invalid_ones_are_counted():
    for changed, date in ((("202401021530-0500", ""), "2024-01-03"), (("20240103", ""), "2024-01-02T15:30-05:00")):
        (note,) = items("MDM^T02", PID, txa().replace(*changed), TEXT)
        assert note.date == date
    (note,) = items("ORU^R01", PID, "OBR|1|P1|F1|71020", TEXT)
    assert note.date == "2024-01-05"
    remark, note = items("ORU^R01", PID, obr(seen="2024-01-04"), TEXT)
    assert (remark.reason, note.date) == (notes.INVALID_DATE, "")


def test_versions_sort_by_the_time_and_the_number_of_the_message():
    made = [
        items("MDM^T02", PID, txa(), TEXT, time=time, number=number)[-1].version
        for time, number in (("", 9), ("20240105120000+0200", 10), ("20240105103000", 11), ("20240105103000Z", 8))
    ]
    assert made[0] < made[1] < made[2]
    assert made[3].startswith(" ")
    (note,) = items("MDM^T02", "EVN|T02|20240106", PID, txa(), TEXT, time="")
    assert note.version.startswith("2024-01-06")


def test_configured_fields_replace_the_defaults():
    fields = {"person": "PID-3.1", "encounter": "PV1-3", "date": "OBR-22", "label": "PV1-10", "author": "OBX-3.2"}
    (note,) = items("ORU^R01", PID, PV1, obr(), TEXT, **fields)
    assert (note.person, note.encounter, note.date, note.label, note.author) == (
        "7",
        "WARD",
        "2024-01-05",
        "SUR",
        "NOTE",
    )


def test_attachments_and_remarks_are_counted_beside_the_note():
    empty = "OBX|2|ED|1||^application^pdf^Base64^||||||F"
    assert reasons(items("MDM^T06", PID, txa(), empty)) == [("Dropped", NO_DATA)]
    found = items("ORU^R01", PID, obr(), TEXT, empty, "OBX|3|NM|1||7||||||F")
    assert [type(item) for item in found] == [Dropped, Remark, Note]
    assert reasons(items("ORU^R01", PID, obr(), "OBX|1|TX|1||||||||F")) == [("Dropped", NO_TEXT)]


@pytest.mark.parametrize("event", ["ADT^A01", "ORM^O01", "OUL^R22", "ACK", "REF^I12", ""])
def test_other_messages_hold_no_notes(event):
    assert reasons(items(event, PID, obr(), TEXT)) == [("Dropped", notes.NO_NOTES)]


def test_examinations_without_a_code_are_documents_of_their_own():
    chest, abdomen = (items("ORU^R01", PID, obr(code=f"^{name}"), TEXT)[0].document for name in ("CHEST", "ABDOMEN"))
    assert chest != abdomen


def test_the_same_order_number_of_two_patients_in_one_message_is_counted_by_patient():
    other = PID.replace("||7^", "||8^")
    found = items("ORU^R01", PID, obr(), TEXT, other, obr(), TEXT)
    assert [note.document for note in found] == ["F1@LAB/71020"] * 2
