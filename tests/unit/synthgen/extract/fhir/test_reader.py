import base64
import copy
import json
import os
import random
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest

from synthgen.core.errors import DataError
from synthgen.extract.fhir import read_fhir
from synthgen.extract.fhir import reader as module
from synthgen.extract.fhir.attachments import MISSING_FILE
from synthgen.extract.note import Dropped, Fields, MergedPerson, Note, PersonNames, StaffNames

SAMPLE = Path(os.environ.get("SYNTHGEN_DATA", ".")) / "hospital_formats" / "fhir_synthea"


def document(identity, **fields):
    content = [{"attachment": {"contentType": "text/plain", "data": base64.b64encode(b"A note.").decode()}}]
    return {
        "resourceType": "DocumentReference",
        "id": identity,
        "status": "current",
        "type": {"text": "Note"},
        "subject": {"reference": "Patient/p1"},
        "context": {"encounter": [{"reference": "Encounter/e1"}]},
        "content": content,
        **fields,
    }


PEOPLE = [
    {
        "resourceType": "Patient",
        "id": "p1",
        "name": [{"family": "Lee", "given": ["Ann"]}],
        "contact": [{"name": {"text": "Bo Lee"}}],
        "identifier": [{"system": "mrn", "value": "77"}],
        "extension": [
            {"url": "http://hl7.org/fhir/StructureDefinition/patient-mothersMaidenName", "valueString": "Cy Park"}
        ],
    },
    {"resourceType": "Patient", "id": "p0", "link": [{"type": "replaced-by", "other": {"reference": "Patient/p1"}}]},
    {"resourceType": "Patient", "id": "p2", "link": [{"type": "replaces", "other": {"reference": "Patient/p3"}}]},
    {"resourceType": "Patient", "id": "p4", "link": [{"type": "seealso", "other": {"reference": "Patient/p1"}}]},
    {"resourceType": "RelatedPerson", "patient": {"reference": "Patient/p1"}, "name": [{"text": "Di Lee"}]},
    {"resourceType": "Practitioner", "name": [{"family": "Roe", "given": ["Kim"]}]},
    {
        "resourceType": "Encounter",
        "id": "e1",
        "serviceType": {"text": "cardiology"},
        "participant": [{"individual": {"display": "Dr. Eli Fox"}}],
    },
]


def write(folder, *resources, name="all.ndjson"):
    folder.mkdir(exist_ok=True)
    (folder / name).write_text("".join(json.dumps(one) + "\n" for one in resources))
    return folder


def test_names_and_merges_come_before_the_notes_of_a_mixed_file(tmp_path):
    found = list(read_fhir(write(tmp_path, document("d1"), *PEOPLE), Fields()))
    assert isinstance(found[-1], Note)
    assert [i for i in found if isinstance(i, MergedPerson)] == [MergedPerson("p0", "p1"), MergedPerson("p3", "p2")]
    own = [i for i in found if isinstance(i, PersonNames)]
    assert own == [PersonNames("p1", ("Ann Lee", "Bo Lee", "Cy Park")), PersonNames("p1", ("Di Lee",))]
    assert [i for i in found if isinstance(i, StaffNames)] == [StaffNames(("Kim Roe",)), StaffNames(("Eli Fox",))]


def test_overrides_read_the_encounter_and_the_patient(tmp_path):
    fields = Fields(label="encounter.serviceType.text", person="patient.identifier[system=mrn].value")
    (found,) = [i for i in read_fhir(write(tmp_path, document("d1"), *PEOPLE), fields) if isinstance(i, Note)]
    assert (found.label, found.person) == ("cardiology", "77")


def test_names_and_merges_reach_the_person_of_an_override(tmp_path):
    fields = Fields(person="patient.identifier[system=mrn].value")
    found = list(read_fhir(write(tmp_path, document("d1"), *PEOPLE), fields))
    assert [i for i in found if isinstance(i, MergedPerson)] == [
        MergedPerson("Patient/p0", "Patient/p1"),
        MergedPerson("Patient/p3", "Patient/p2"),
        MergedPerson("Patient/p1", "77"),
    ]
    assert {i.person for i in found if isinstance(i, PersonNames)} == {"Patient/p1"}


def test_a_binary_of_the_export_is_the_text(tmp_path):
    binary = {"resourceType": "Binary", "id": "b", "contentType": "text/plain", "data": "aGk="}
    reference = document("d", content=[{"attachment": {"url": "https://x.org/Binary/b"}}])
    (found,) = [i for i in read_fhir(write(tmp_path, reference, binary), Fields()) if isinstance(i, Note)]
    assert found.text == "hi"


def test_too_many_binaries_are_one_error(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "MAX_BINARY_CHARACTERS", 3)
    with pytest.raises(DataError, match="together contain more than 1 GiB of data"):
        list(read_fhir(write(tmp_path, {"resourceType": "Binary", "id": "b", "data": "aGkh"}), Fields()))


def test_other_files_are_counted(tmp_path):
    (tmp_path / "log.txt").write_text("x")
    found = list(read_fhir(write(tmp_path, document("d1")), Fields()))
    assert [i for i in found if isinstance(i, Dropped)] == [Dropped(module.OTHER_FILE, "log.txt")]


def test_exports_that_cannot_be_used_are_one_error_with_the_remedy(tmp_path):
    url = document("d1", content=[{"attachment": {"url": "https://x.org/Binary/1"}}])
    with pytest.raises(DataError, match="only a URL") as error:
        list(read_fhir(write(tmp_path / "a", url), Fields()))
    assert "Export the attachments too" in error.value.hint
    with pytest.raises(DataError, match="has no resource that can contain a note") as error:
        list(read_fhir(write(tmp_path / "b", *PEOPLE), Fields()))
    assert "the export has 4 resources of the type Patient" in error.value.problems
    with pytest.raises(DataError, match="no NDJSON"):
        list(read_fhir(tmp_path / "none", Fields()))


@pytest.mark.skipif(not SAMPLE.is_dir(), reason="SYNTHGEN_DATA is unset or lacks hospital_formats")
def test_the_sample_of_synthea():
    found = list(read_fhir(SAMPLE, Fields()))
    notes = [item for item in found if isinstance(item, Note)]
    assert Counter(note.is_superseded for note in notes) == {True: 1202, False: 13}
    assert Counter(note.label for note in notes) == {
        "History and physical note": 912,
        "Emergency department note": 303,
    }
    assert not [item for item in found if isinstance(item, Dropped)]
    assert all(note.person and note.date and note.text for note in notes)


def damaged(value, rng):
    """Return a JSON value with some parts replaced by values of other types."""
    if rng.random() < 0.04:
        return rng.choice([None, 3, "x", [], {}, [None], {"reference": "Patient/p1"}, True, 1e308])
    if isinstance(value, dict):
        return {key: damaged(item, rng) for key, item in value.items() if rng.random() > 0.03}
    return [damaged(item, rng) for item in value] if isinstance(value, list) else value


def test_damaged_exports_end_in_items_or_one_error(tmp_path):
    rng, n_read = random.Random(5), 0
    for number in range(200):
        rows = [
            damaged(copy.deepcopy(one), rng) for one in (document("d1"), document("d2", status="superseded"), *PEOPLE)
        ]
        folder = write(tmp_path / str(number), *rows)
        if number % 2:
            data = bytearray((folder / "all.ndjson").read_bytes())
            data[rng.randrange(len(data))] = rng.randrange(256)
            (folder / "all.ndjson").write_bytes(data[: rng.randrange(len(data))])
        with suppress(DataError):
            fields = Fields(label="encounter.serviceType.text", person="patient.identifier.value")
            for item in read_fhir(folder, fields):
                assert not isinstance(item, Dropped) or (item.reason and item.place)
            n_read += 1
    assert n_read > 50


def test_an_override_of_the_person_keeps_names_and_merges(tmp_path):
    fields = Fields(person="patient.identifier[system=mrn].value")
    found = list(read_fhir(write(tmp_path, document("d1"), *PEOPLE), fields))
    merges = [item for item in found if isinstance(item, MergedPerson)]
    assert MergedPerson("Patient/p1", "77") in merges
    assert PersonNames("Patient/p1", ("Ann Lee", "Bo Lee", "Cy Park")) in found
    assert [item.person for item in found if isinstance(item, Note)] == ["77"]


def test_an_override_without_a_value_is_not_replaced_by_the_default(tmp_path):
    fields = Fields(label="encounter.serviceTyp.text", person="patient.identifier[system=none].value")
    (found,) = [i for i in read_fhir(write(tmp_path, document("d1"), *PEOPLE), fields) if isinstance(i, Note)]
    assert (found.person, found.label) == ("", "")


def test_a_patient_named_by_an_identifier_is_the_patient(tmp_path):
    by_number = document("d1", subject={"identifier": {"system": "mrn", "value": "77"}})
    versioned = document("d2", subject={"reference": "https://x.org/Patient/p1/_history/2"})
    found = list(read_fhir(write(tmp_path, by_number, versioned, *PEOPLE), Fields()))
    assert [item.person for item in found if isinstance(item, Note)] == ["mrn|77", "p1"]
    assert MergedPerson("mrn|77", "p1") in found


def test_an_identifier_of_several_patients_joins_nobody(tmp_path):
    other = {"resourceType": "Patient", "id": "p9", "identifier": [{"system": "mrn", "value": "77"}]}
    by_number = document("d1", subject={"identifier": {"system": "mrn", "value": "77"}})
    found = list(read_fhir(write(tmp_path, by_number, *PEOPLE, other), Fields()))
    assert not [item for item in found if isinstance(item, MergedPerson) and item.old == "mrn|77"]


def test_patients_without_an_id_are_not_one_person(tmp_path):
    numbers = ("77", "78")
    nameless = [{"resourceType": "Patient", "identifier": [{"system": "mrn", "value": n}]} for n in numbers]
    documents = [document(f"d{n}", subject={"identifier": {"system": "mrn", "value": n}}) for n in numbers]
    found = list(read_fhir(write(tmp_path, *documents, *nameless), Fields()))
    assert [item.person for item in found if isinstance(item, Note)] == ["mrn|77", "mrn|78"]
    assert not [item for item in found if isinstance(item, MergedPerson)]


def test_no_file_beside_a_single_file_is_read(tmp_path):
    (tmp_path / "other.txt").write_text("of somebody else")
    linked = document("d2", content=[{"attachment": {"contentType": "text/plain", "url": "other.txt"}}])
    found = list(read_fhir(write(tmp_path, document("d1"), linked) / "all.ndjson", Fields()))
    assert [item.text for item in found if isinstance(item, Note)] == ["A note."]
    assert [item.reason for item in found if isinstance(item, Dropped)] == [MISSING_FILE]
