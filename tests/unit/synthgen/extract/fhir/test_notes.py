import base64

import pytest

from synthgen.core.errors import DataError
from synthgen.extract.fhir import notes as module
from synthgen.extract.fhir.attachments import NO_CONTENT, PARTLY_READ, URL_ONLY, Attachments
from synthgen.extract.fhir.notes import NoteMaker, Paths
from synthgen.extract.note import Dropped, Fields, Note, PersonNames, Remark, StaffNames

NOT_TEXT = "content type is not text, HTML, RTF or PDF; convert the attachment first"
NOTHING = {"encounter": {}, "patient": {}}
CONTENT = [{"attachment": {"contentType": "text/plain", "data": base64.b64encode(b"A note.").decode()}}]
DOCUMENT = {
    "resourceType": "DocumentReference",
    "id": "d1",
    "meta": {"versionId": "2", "lastUpdated": "2024-01-02T00:00:00Z"},
    "masterIdentifier": {"system": "urn:m", "value": "m1"},
    "status": "current",
    "docStatus": "amended",
    "type": {
        "coding": [{"code": "x"}, {"system": "http://loinc.org", "code": "11506-3", "display": "Progress note"}]
    },
    "category": [{"text": "Clinical"}],
    "subject": {"reference": "Patient/p1", "display": "Mrs. Ann Lee"},
    "date": "2024-01-02T10:00:00Z",
    "author": [{"reference": "Practitioner/c1", "display": "Dr. Kim Roe"}],
    "content": CONTENT,
    "context": {"encounter": [{"reference": "Encounter/e1"}], "period": {"start": "2024-01-01"}},
    "relatesTo": [
        {"code": "replaces", "target": {"reference": "DocumentReference/d0"}},
        {"code": "appends", "target": {"reference": "DocumentReference/dx"}},
    ],
}


def items(resource, lookups=NOTHING, folder=None, **fields):
    maker = NoteMaker(Paths.of(Fields(**fields)), lookups, Attachments(folder, lambda _: None))
    return list(maker.items(resource, "f:1"))


def note(resource, **how):
    (found,) = [item for item in items(resource, **how) if isinstance(item, Note)]
    return found


def test_a_document_reference_by_its_default_fields():
    found = note(DOCUMENT)
    assert (found.document, found.text, found.person) == ("DocumentReference/d1", "A note.", "p1")
    assert (found.label, found.encounter, found.date, found.author) == (
        "Progress note",
        "e1",
        "2024-01-01",
        "Kim Roe",
    )
    assert (found.aliases, found.replaces) == (("urn:m|m1", "DocumentReference/d1"), ("DocumentReference/d0",))
    assert not found.is_superseded
    assert items(DOCUMENT)[:2] == [StaffNames(("Kim Roe",)), PersonNames("p1", ("Ann Lee",))]


STATUSES = [
    ({"status": "superseded"}, None),
    ({"status": "unknown"}, None),
    ({"status": None, "docStatus": None}, None),
    ({"docStatus": "preliminary"}, "status preliminary"),
    ({"status": "registered"}, "status registered"),
    ({"status": "no-such"}, module.UNKNOWN_STATUS),
]


@pytest.mark.parametrize(("changes", "reason"), STATUSES)
def test_documents_that_are_not_final_are_dropped(changes, reason):
    dropped = [item.reason for item in items({**DOCUMENT, **changes}) if isinstance(item, Dropped)]
    assert dropped == ([] if reason is None else [reason])
    if reason is None:
        assert note({**DOCUMENT, **changes}).is_superseded == (changes["status"] == "superseded")


@pytest.mark.parametrize("changes", [{"status": "entered-in-error"}, {"docStatus": "cancelled"}])
def test_a_deleted_document_is_withdrawn_without_its_text(changes):
    found = note({**DOCUMENT, **changes})
    assert found.withdrawn in {"status entered-in-error", "status cancelled"}
    assert found.text == ""


@pytest.mark.parametrize(
    ("changes", "label"),
    [
        ({"type": {"coding": [{"code": "x"}]}}, "x"),
        ({"type": {"coding": [{"code": "x", "display": "X"}], "text": "t"}}, "X"),
        ({"type": {"text": "t"}}, "t"),
        ({"type": None}, "Clinical"),
        ({"type": None, "category": "Clinical"}, ""),
    ],
)
def test_the_label_is_the_type_or_else_the_category(changes, label):
    assert note({**DOCUMENT, **changes}).label == label


def test_fields_can_be_read_elsewhere():
    lookups = {"encounter": {"e1": {"label": "cardiology"}}, "patient": {"p1": {"person": "MRN 5"}}}
    found = note(
        DOCUMENT,
        lookups=lookups,
        person="patient.identifier.value",
        label="encounter.serviceType.text",
        date="date",
        author="author.reference",
    )
    assert (found.person, found.label) == ("MRN 5", "cardiology")
    assert (found.date, found.author) == ("2024-01-02T10:00:00Z", "Practitioner/c1")


def test_all_malformed_paths_are_listed():
    with pytest.raises(DataError, match="cannot be used") as error:
        Paths.of(Fields(person="a..b", label="encounter.", date="date"))
    assert len(error.value.problems) == 2


REPORT = {
    "resourceType": "DiagnosticReport",
    "id": "r1",
    "status": "final",
    "code": {"text": "MRI"},
    "subject": {"reference": "Patient/p1"},
    "effectivePeriod": {"start": "2024"},
}


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        ({"presentedForm": [CONTENT[0]["attachment"]], "conclusion": "no"}, "A note."),
        ({"conclusion": "Normal.", "text": {"div": "<div>no</div>"}}, "Normal."),
        ({"text": {"status": "additional", "div": "<div>Told.</div>"}}, "Told."),
    ],
)
def test_the_text_of_a_report(parts, text):
    found = note({**REPORT, **parts})
    assert (found.text, found.label, found.date) == (text, "MRI", "2024")


def test_a_composition_and_documents_without_text():
    section = {"title": "Plan", "text": {"div": "<div>Rest.</div>"}}
    composition = {**REPORT, "resourceType": "Composition", "section": [section], "type": {"text": "Visit"}}
    assert note(composition).text == "Plan\nRest."
    assert items(REPORT) == [Dropped(NO_CONTENT, "f:1")]


def test_a_subject_that_is_no_patient_is_dropped_and_a_missing_one_leaves_the_person_empty():
    assert items({**DOCUMENT, "subject": {"reference": "Group/1"}}) == [Dropped(module.NO_PATIENT, "f:1")]
    assert note({**DOCUMENT, "subject": None}).person == ""


def test_each_reason_why_a_part_is_not_read_is_counted_once_beside_the_text():
    scan = {"attachment": {"contentType": "image/png", "data": "aGk="}}
    linked = {"attachment": {"contentType": "text/plain", "url": "https://x.org/Binary/1"}}
    found = items({**DOCUMENT, "content": [*CONTENT, scan, linked, linked]})
    remarks = [PARTLY_READ.format(reason=reason) for reason in (NOT_TEXT, URL_ONLY)]
    assert [i for i in found if isinstance(i, Remark)] == [Remark(remark, "f:1") for remark in remarks]


def test_a_value_that_is_no_date_is_left_out_and_counted():
    found = items({**REPORT, "conclusion": "Normal.", "effectivePeriod": {}, "effectiveDateTime": "Ann Lee"})
    assert found[0] == Remark(module.INVALID_DATE, "f:1")
    assert found[1].date == ""


def test_an_override_without_a_value_does_not_fall_back_to_the_default():
    found = note(DOCUMENT, label="encounter.serviceType.text", person="subject.identifier.value")
    assert (found.label, found.person) == ("", "")
