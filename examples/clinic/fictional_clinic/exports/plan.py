"""Decide which documents an export contains: the notes, and documents that a reader of the export must not use."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from fictional_clinic.notes import Visit
from fictional_clinic.people import Clinician, Patient

# the kinds of documents; a reader must use only the first two
KINDS = (
    "note",
    "superseded",  # marked as superseded, but no document replaces it
    "older",  # an earlier version of the same document
    "replaced",  # another document with its own identifier replaces it
    "withdrawn",  # entered in error
    "preliminary",  # not final
    "url",  # the text is only linked
    "image",  # the attachment is not text
    "twice",  # the same report in a second resource
    "no-person",  # names no patient
)
# for each kind, n: a document of this kind occurs for every n-th note
_EVERY = {"superseded": 9, "older": 14, "replaced": 17, "withdrawn": 23, "preliminary": 29, "url": 31, "image": 37}
_EVERY |= {"twice": 19, "no-person": 61}
MERGED_EVERY = 11  # the first note of every eleventh patient contains a former number of the patient
COPIED_EVERY = 6  # every sixth note begins with a copy of the patient's previous note, if there is one
DEGREES_EVERY = 5  # every fifth note has a character outside ASCII (°)


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One document of an export."""

    kind: str
    number: int  # number of the note to which the document belongs; the encoding depends on it
    id: str
    version: int
    replaces: str  # id of the document that this document replaces; empty if none
    patient: Patient
    old_number: str  # former patient number, which the document contains instead of the current one; empty if none
    writer: Clinician
    specialty: str
    day: date
    text: str
    is_copied: bool = False  # whether the text begins with the text of the patient's previous note

    @property
    def is_expected(self) -> bool:
        """Whether a reader should return the document as a note."""
        return self.kind in {"note", "superseded"}

    @property
    def filed_under(self) -> str:
        """The patient number in the document."""
        return self.old_number or self.patient.id

    def row(self) -> dict[str, str]:
        """Return the row of the document in `table.jsonl`."""
        return {
            "note_id": self.id,
            "patient_id": self.patient.id,
            "specialty": self.specialty,
            "note": self.text,
            "patient_name": self.patient.name,
            "clinician": self.writer.name,
            "date": self.day.isoformat(),
        }


def plan_exports(visits: Sequence[tuple[dict[str, Any], Visit]]) -> list[Document]:
    """Return the documents of an export from the result of `generate_visits`, in the order of patients and days."""
    planned: list[Document] = []
    previous: Document | None = None
    for i, (row, visit) in enumerate(visits):
        text = f"{row['note']} Temperature {36 + i % 3}.{i % 10} °C." if i % DEGREES_EVERY == 0 else row["note"]
        is_later = previous is not None and previous.patient.id == visit.patient.id
        is_copied = is_later and i % COPIED_EVERY == 0
        if previous is not None and is_copied:
            text = f"{previous.text} {text}"
        patient_number = int(visit.patient.id[1:])
        is_merged = patient_number % MERGED_EVERY == 0 and not is_later
        note = Document(
            kind="superseded" if i % _EVERY["superseded"] == 0 else "note",
            number=i,
            id=row["note_id"],
            version=2,
            replaces="",
            patient=visit.patient,
            old_number=f"old{patient_number:05d}" if is_merged else "",
            writer=visit.writer,
            specialty=row["specialty"],
            day=visit.day,
            text=text,
            is_copied=is_copied,
        )
        traps = [kind for kind, every in _EVERY.items() if kind != "superseded" and i % every == every - 1]
        note = replace(note, kind="note") if traps else note
        planned += [*_traps(note, traps), replace(note, replaces=f"{note.id}-r" if "replaced" in traps else "")]
        previous = note
    return planned


def _traps(note: Document, kinds: Iterable[str]) -> Iterable[Document]:
    """Yield a document of each kind in `kinds`, which a reader must not use, in addition to a note."""
    for kind in kinds:
        suffix = {"older": "", "replaced": "-r", "twice": ""}.get(kind, f"-{kind[0]}")
        text = note.text if kind == "twice" else f"This text is {kind} and belongs to no result. {note.text}"
        day = note.day if kind == "twice" else note.day - timedelta(days=1)
        yield replace(note, kind=kind, id=f"{note.id}{suffix}", version=1, day=day, text=text)


def numbers(documents: Iterable[Document]) -> dict[str, Patient]:
    """Return the patients of the documents by their current patient number."""
    return {document.patient.id: document.patient for document in documents}


def former(documents: Iterable[Document]) -> dict[str, str]:
    """Return the current patient number for each former patient number in the documents."""
    return {document.old_number: document.patient.id for document in documents if document.old_number}


def staff(documents: Iterable[Document]) -> dict[str, Clinician]:
    """Return the clinicians who wrote at least one of the documents, by their ids."""
    names = sorted({(d.writer.name, d.writer.specialty): d.writer for d in documents}.items())
    return {f"c{i:03d}": writer for i, (_, writer) in enumerate(names, 1)}


def rtf(text: str) -> bytes:
    """Return a text as RTF, with a hidden passage and a deleted passage that a reader must not return."""
    escaped = text.replace("\\", "\\\\").replace("{", "\\{").replace("}", "\\}")
    body = "".join(c if ord(c) < 128 else f"\\u{ord(c)}?" for c in escaped)
    hidden = "{\\v hidden remark}{\\deleted removed words}"
    return f"{{\\rtf1\\ansi\\ansicpg1252{{\\fonttbl{{\\f0 Arial;}}}}\\f0\\fs20 {hidden}{body}\\par}}".encode("ascii")


def html(text: str) -> str:
    """Return a text as HTML, with a hidden passage that a reader must not return."""
    body = text.replace("&", "&amp;").replace("<", "&lt;")
    return f"<html><head><title>Note</title></head><body><p>{body}</p><p hidden>hidden remark</p></body></html>"
