"""Write the clinic as tables of the OMOP common data model, version 5.4."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from fictional_clinic.exports.plan import Document, numbers, staff

_USED = {"note", "superseded", "no-person"}  # kinds of documents; OMOP tables contain only final notes


def write_omop(folder: Path, planned: Sequence[Document]) -> list[Document]:
    """Write the tables note, person, provider and visit_occurrence to `folder`; return the documents in them."""
    folder.mkdir(parents=True, exist_ok=True)
    written = [d for d in planned if d.kind in _USED]
    persons = {number: i for i, number in enumerate(numbers(planned), 1)}
    providers = {(who.name, who.specialty): i for i, who in enumerate(staff(planned).values(), 1)}
    _write(folder, "note", [_note(i, d, persons, providers) for i, d in enumerate(written, 1)])
    people = [
        {
            "person_id": persons[patient.id],
            "gender_concept_id": 8532 if patient.woman else 8507,
            "year_of_birth": patient.born.year,
            "person_source_value": patient.id,
            "given_name": patient.first,
            "family_name": patient.last,
        }
        for patient in numbers(planned).values()
    ]
    _write(folder, "person", people)
    clinicians = [
        {"provider_id": i, "provider_name": name, "specialty_source_value": specialty}
        for (name, specialty), i in providers.items()
    ]
    _write(folder, "provider", clinicians)
    visits = [
        {
            "visit_occurrence_id": i,
            "person_id": persons[d.patient.id],
            "visit_start_date": d.day,
            "visit_concept_id": 9202,
        }
        for i, d in enumerate(written, 1)
    ]
    _write(folder, "visit_occurrence", visits)
    return written


def _note(
    i: int, document: Document, persons: dict[str, int], providers: dict[tuple[str, str], int]
) -> dict[str, Any]:
    is_known = document.kind != "no-person"
    return {
        "note_id": i,
        "person_id": persons[document.patient.id] if is_known else None,
        "note_date": document.day,
        "note_class_concept_id": 0,
        "note_title": "Outpatient note",
        "note_text": document.text,
        "provider_id": providers[document.writer.name, document.writer.specialty],
        "visit_occurrence_id": i,
        "note_source_value": document.id,
    }


def _write(folder: Path, name: str, rows: list[dict[str, Any]]) -> None:
    pq.write_table(pa.Table.from_pylist(rows), folder / f"{name}.parquet")
