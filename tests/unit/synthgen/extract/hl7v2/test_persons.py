import time

import pytest

from synthgen.extract.hl7v2.framing import RawMessage
from synthgen.extract.hl7v2.message import parse_message
from synthgen.extract.hl7v2.persons import person_items, person_of
from synthgen.extract.hl7v2.values import field_paths
from synthgen.extract.note import Fields, MergedPerson, PersonNames, StaffNames


def items(event, *lines, **fields):
    header = rf"MSH|^~\&|APP|FAC|||20240102||{event}|42|P|2.5"
    message = parse_message(RawMessage(1, tuple(line.encode() for line in (header, *lines))), "utf-8")
    return list(person_items(message, field_paths(Fields(**fields))))


def test_names_of_patient_contacts_and_staff():
    found = items(
        "ADT^A01",
        "EVN|A01|20240101|||5^CLERK^CARL",
        "PID|1||7^^^A^MR||DOE^JANE~ROE^JANE|MAIDEN^MARY|19700101|F|ALIAS^AMY",
        "NK1|1|DOE^JOHN" + "|" * 24 + "GRAN^GINA||||CALL^CATO",
        "PV1|1|I|ward||||1^ATTEND^ANN|2^REFER^ROB~3^REFER^RUTH",
        "OBX|1|TX|a||b|||||F|||||9^READER^RAY",
        "GT1|1||PAYER^PAUL|SPOUSE^SUE",
        "IN1|1|2|3" + "|" * 13 + "INSURED^IAN",
    )
    names = ("JANE DOE", "JANE ROE", "MARY MAIDEN", "AMY ALIAS", "JOHN DOE", "GINA GRAN", "CATO CALL", "PAUL PAYER")
    assert found == [
        PersonNames("7@A", (*names, "SUE SPOUSE", "IAN INSURED")),
        StaffNames(("CARL CLERK", "ANN ATTEND", "ROB REFER", "RUTH REFER")),
    ]
    staff = items("ORU^R01", "OBX|1|TX|a||b||||||F|||||9^READER^RAY")
    assert staff == [StaffNames(("RAY READER",))]


def test_a_segment_of_the_patient_precedes_one_of_the_message():
    lines = ("ZID|0", "PID|1||7||DOE^JANE", "ZID|70", "PID|2||8||ROE^RICHARD")
    found = items("ORU^R01", *lines, person="ZID-1")
    assert found == [PersonNames("70", ("JANE DOE",)), PersonNames("0", ("RICHARD ROE",))]


def test_names_belong_to_the_patient_segment_before_them():
    found = items("ORU^R01", "PID|1||7||DOE^JANE", "NK1|1|DOE^JOHN", "PID|2||8||ROE^RICHARD", "PID|3||||NOBODY^N")
    assert found == [PersonNames("7", ("JANE DOE", "JOHN DOE")), PersonNames("8", ("RICHARD ROE",))]


@pytest.mark.parametrize("event", ["A18", "A30", "A34", "A36", "A39", "A40", "A46", "A47"])
def test_merges_join_the_prior_identifier_to_the_new_one(event):
    found = items(
        f"ADT^{event}", "PID|1||8^^^A^MR~2^^^S^SS", "MRG|2^^^S^SS~7^^^A^MR", "PID|1||6^^^A^MR", "PD1|", "MRG|5^^^A^MR"
    )
    assert found == [MergedPerson("7@A", "8@A"), MergedPerson("5@A", "6@A")]


@pytest.mark.parametrize("event", ["A01", "A35", "A37", "A41", "A42", "A43", "A44", "A45", "A50"])
def test_other_events_merge_nobody(event):
    assert items(f"ADT^{event}", "PID|1||8^^^A^MR", "MRG|7^^^A^MR", "PID|1||6") == []
    assert items("ORU^A40", "PID|1||8", "MRG|7") == []


def test_links_join_the_patients_of_one_message():
    assert items("ADT^A24", "PID|1||8", "PV1|", "PID|2||7", "PID|3||8") == [MergedPerson("7", "8")]
    assert items("ADT^A24", "EVN|A24") == []


def test_merges_follow_the_configured_person():
    lines = ("PID|1|ext8|8^^^A^MR||||||||||||||" + "|acc8", "MRG|7^^^A^MR||acc7|ext7")
    assert items("ADT^A40", *lines, person="PID-3.1") == [MergedPerson("7", "8")]
    assert items("ADT^A40", *lines, person="PID-2") == [MergedPerson("ext7", "ext8")]
    assert items("ADT^A40", *lines, person="PID-18") == [MergedPerson("acc7", "acc8")]
    assert items("ADT^A40", *lines, person="PV1-19") == []
    assert items("ADT^A39", "PID|1|8", "MRG||||7") == [MergedPerson("7", "8")]
    assert items("ADT^A39", "PID|1|ext8|8", "MRG||||ext7") == []  # with PID-3, MRG-1 has the old identifier
    assert items("ADT^A40", "PID|1||8", "MRG|8") == items("ADT^A40", "PID|1||8", "MRG|") == []


def test_the_person_without_a_patient_segment_is_empty():
    assert person_of({}, None) == ""


def test_many_patients_below_many_shared_segments_take_linear_time():
    start = time.process_time()
    lines = [b"MSH|^~\\&|A|B|||2024||ORU^R01|1|P|2.5", *[b"NTE|1"] * 20_000, *[b"PID|1||7^^^A||DOE^ANN"] * 20_000]
    message = parse_message(RawMessage(1, tuple(lines)), "utf-8")
    assert list(person_items(message, field_paths(Fields())))
    assert time.process_time() - start < 20
