"""The same clinic gives the same notes through every format, and each planted document is counted."""

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from synthgen.config import Config
from synthgen.core.progress import silent
from synthgen.core.types import Record
from synthgen.extract.extract import LOAD_REPORT, READERS, STAFF, ReadOptions, extract
from synthgen.extract.note import Fields
from synthgen.extract.resolve import RESOLVED, NoteSelection
from synthgen.load.copy_forward import reduce_copies
from synthgen.pipeline import prepare
from synthgen.pipeline.job import Job
from synthgen.pipeline.workspace import Workspace

sys.path.insert(0, str(Path(__file__).parents[4] / "examples" / "clinic"))
from fictional_clinic.exports import write_exports

ALL = NoteSelection(reason_unused=lambda _: None, limit=None, rank=lambda person: person, rows_are_persons=False)
FIELDS = {
    "fhir": Fields(label="encounter.serviceType.text"),
    "hl7v2": Fields(person="PID-3.1", label="PV1-10", date="TXA-4"),
    "ccda": Fields(
        person="recordTarget/patientRole/id/@extension",
        label="componentOf/encompassingEncounter/location/healthCareFacility/code/@displayName",
    ),
    "omop": Fields(person="person.person_source_value", label="provider.specialty_source_value"),
}
# the reason under which each planted kind of document is counted; several reasons if the formats differ
REASONS = {
    "older": "older version of a document",
    "replaced": "replaced by another document",
    "withdrawn": ("status entered-in-error", "document cancelled (T11)", "document is nullified"),
    "preliminary": (
        "status preliminary", "document is not complete (TXA-17)", "document is not complete (statusCode)",
    ),
    "url": (
        "attachment is only a URL; download attachments with the export tool first", "notification without text",
        "document has only a URL; put the text into the document",
    ),
    "image": "content type is not text, HTML, RTF or PDF; convert the attachment first",
    "twice": "same text as another document of the person on the same day",
    "no-person": "no person",
}  # fmt: skip

# the remark about each planted kind of document that is used
REMARKS = {
    "superseded": "superseded, but used because the source has no document that replaces it",
    "no-charset": "no charset is declared and the text is not UTF-8; it was read as cp1252",
    "no-xhtml": "the XHTML is not well-formed; it was read as HTML",
}
SHORTEST_COPY = 50  # words; a shorter repeated part can be sentences that notes of a patient share


@pytest.fixture(scope="module")
def exports(tmp_path_factory):
    folder = tmp_path_factory.mktemp("exports")
    write_exports(folder, 60, 7)
    return folder


@pytest.fixture(scope="module")
def table(exports):
    return [json.loads(line) for line in (exports / "table.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("kind", FIELDS)
def test_every_format_gives_the_notes_of_the_table(exports, table, kind, tmp_path):
    report = extract(kind, exports / kind, tmp_path, ReadOptions(fields=FIELDS[kind], encoding="utf-8"), ALL)
    rows = pq.read_table(tmp_path / RESOLVED).to_pylist()
    assert [(row["person"], row["label"], row["text"], row["date"], row["names"]) for row in rows] == [
        (row["patient_id"], row["specialty"], row["note"], row["date"], [row["patient_name"]]) for row in table
    ]
    assert json.loads((tmp_path / STAFF).read_text()) == sorted({row["clinician"] for row in table})
    assert json.loads((tmp_path / LOAD_REPORT).read_text()) == report


@pytest.mark.parametrize("kind", FIELDS)
def test_every_planted_document_is_counted_under_its_reason(exports, kind, tmp_path):
    planted = json.loads((exports / "key.json").read_text())["planted"][kind]
    report = extract(kind, exports / kind, tmp_path, ReadOptions(fields=FIELDS[kind], encoding="utf-8"), ALL)
    expected = {}
    for trap, n in planted.items():
        if trap in REASONS:
            known = REASONS[trap] if isinstance(REASONS[trap], tuple) else (REASONS[trap],)
            (reason,) = set(known) & set(report["dropped"])
            expected[reason] = n
    if kind == "hl7v2":  # the first message of a cancelled document is an older version
        expected[REASONS["older"]] += planted["withdrawn"]
    assert {reason: found["count"] for reason, found in report["dropped"].items()} == expected
    remarks = {REMARKS[trap]: n for trap, n in planted.items() if trap in REMARKS}
    assert {reason: found["count"] for reason, found in report["remarks"].items()} == remarks
    assert report["merged_persons"] == planted.get("merged", 0)
    assert report["notes"] == planted["note"] + planted.get("superseded", 0)
    rows = pq.read_table(tmp_path / RESOLVED).to_pylist()
    records = [Record(id=row["id"], text=row["text"], label=row["label"], group=row["person"]) for row in rows]
    shorter = {record.id: n_words(record.text) for record in reduce_copies(records, "remove-sentences").records}
    is_cut = [n_words(record.text) - shorter[record.id] >= SHORTEST_COPY for record in records]
    assert sum(is_cut) == planted["copied"]


def n_words(text):
    return len(text.split())


def deidentified(source, folder):
    """Return label, person and text of train and control after de-identification, and the replaced strings."""
    config = Config.parse(
        {
            "version": 1,
            "workspace": str(folder),
            "secret": "public",
            "policy": "research",
            "source": source,
            "split": {"train": 0.5, "control": 0.5},
            "deidentify": {"engine": "rules"},
            "interpolate": {"method": "smote", "total": 10},
        }
    )
    job = Job(config, Workspace(folder), silent)
    loaded = prepare.load_source(job, prepare.extract_notes(job))
    parts = prepare.split_source(job, loaded)
    prepared = prepare.read_prepared(job, parts, prepare.replace_identifiers(job, loaded, parts))
    records = [
        (record.label, record.group, record.text)
        for corpus in (prepared.train, prepared.control)
        for record in corpus.records
    ]
    return records, prepared.identifiers


@pytest.mark.slow
def test_every_format_gives_the_records_of_the_table_to_the_later_stages(exports, tmp_path):
    columns = {"text": "note", "label": "specialty", "group": "patient_id", "id": "note_id"}
    names = {"names": ["patient_name"], "staff": ["clinician"]}
    table = {"path": str(exports / "table.jsonl"), **columns, **names, "copy_forward": "remove-sentences"}
    of_table = deidentified(table, tmp_path / "t")
    for kind, fields in FIELDS.items():
        stated = {name: place for name, place in asdict(fields).items() if place is not None}
        source = {"kind": kind, "path": str(exports / kind), "fields": stated, "copy_forward": "remove-sentences"}
        assert deidentified(source, tmp_path / kind) == of_table


SAMPLES = Path(os.environ.get("SYNTHGEN_DATA", ".")) / "hospital_formats"


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="SYNTHGEN_DATA is unset or lacks hospital_formats")
@pytest.mark.parametrize(
    ("kind", "name", "n"), [("fhir", "fhir_synthea", 1215), ("ccda", "ccda", 12), ("hl7v2", "hl7v2", 0)]
)
def test_each_item_of_the_samples_is_used_or_has_a_reason(kind, name, n, tmp_path):
    report = extract(kind, SAMPLES / name, tmp_path, ReadOptions(fields=Fields(), encoding="utf-8"), ALL)
    assert report["items"] == report["notes"] + sum(found["count"] for found in report["dropped"].values())
    assert report["items"] >= n
    assert report["notes"] > 0


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="SYNTHGEN_DATA is unset or lacks hospital_formats")
def test_sample_documents_of_different_types_with_one_identifier_are_all_used(tmp_path):
    report = extract("ccda", SAMPLES / "ccda", tmp_path, ReadOptions(fields=Fields(), encoding="utf-8"), ALL)
    assert (report["notes"], set(report["dropped"])) == (11, {"document has no section with text"})


def test_every_kind_of_the_configuration_has_a_reader():
    assert set(READERS) == {"folder", "fhir", "hl7v2", "ccda", "omop", "mimic", "i2b2"}
