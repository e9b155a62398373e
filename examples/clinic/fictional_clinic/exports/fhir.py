"""Write the clinic as a FHIR R4 bulk export: one NDJSON file per type of resource."""

import base64
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from fictional_clinic.exports.plan import Document, former, html, numbers, rtf, staff
from fictional_clinic.people import Clinician, Patient

SYSTEM = "urn:fictional-clinic:note"
N_VARIANTS = 7  # number of combinations of format and character set of attachments, which documents use in turn
_LOINC = {"system": "http://loinc.org", "code": "34117-2", "display": "History and physical note"}
_STATUS = dict.fromkeys(("superseded", "older", "replaced"), "superseded") | {"withdrawn": "entered-in-error"}


def write_fhir(folder: Path, planned: Sequence[Document]) -> list[Document]:
    """Write all documents to `folder` as a FHIR export, and return them."""
    folder.mkdir(parents=True, exist_ok=True)
    ids = {(writer.name, writer.specialty): key for key, writer in staff(planned).items()}

    def of_writer(document: Document) -> str:
        return ids[document.writer.name, document.writer.specialty]

    _write(folder / "Patient.000.ndjson", [*map(_patient, numbers(planned).values()), *_former(planned)])
    _write(folder / "Practitioner.000.ndjson", [_practitioner(key, who) for key, who in staff(planned).items()])
    _write(folder / "Encounter.000.ndjson", [_encounter(d) for d in planned if d.is_expected])
    reports = {d.id: d for d in planned if d.kind == "twice"}
    references = [
        _reference(d, of_writer(d), is_list=d.is_expected and d.id in reports) for d in planned if d.kind != "twice"
    ]
    _write(folder / "DocumentReference.000.ndjson", references)
    _write(folder / "DiagnosticReport.000.ndjson", [_report(d, of_writer(d)) for d in reports.values()])
    return list(planned)


def fallbacks(written: Sequence[Document]) -> dict[str, int]:
    """Count the documents whose text a reader decodes although their declared format is missing or wrong, by kind.

    "no-charset" counts texts that declare no character set and are not UTF-8, which is the default. "no-xhtml" counts
    texts that are declared as XHTML but are not well-formed XML.
    """
    lists = {d.id for d in written if d.kind == "twice"}
    unread = {"twice", "url", "image", "withdrawn", "preliminary"}
    read = [d for d in written if d.kind not in unread and not (d.is_expected and d.id in lists)]
    variants = [(d.number % N_VARIANTS, d.text.isascii()) for d in read]
    return {
        "no-charset": sum(variant == 6 and not is_ascii for variant, is_ascii in variants),
        "no-xhtml": sum(variant == 4 for variant, _ in variants),
    }


def _write(path: Path, resources: Iterable[dict[str, Any]]) -> None:
    lines = (json.dumps(resource, ensure_ascii=False) for resource in resources)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def _patient(patient: Patient) -> dict[str, Any]:
    return {
        "resourceType": "Patient",
        "id": patient.id,
        "name": [{"family": patient.last, "given": [patient.first]}],
        "gender": "female" if patient.woman else "male",
        "birthDate": patient.born.isoformat(),
        "telecom": [{"system": "phone", "value": patient.phone}],
    }


def _former(planned: Iterable[Document]) -> list[dict[str, Any]]:
    return [
        {
            "resourceType": "Patient",
            "id": old,
            "active": False,
            "link": [{"other": {"reference": f"Patient/{new}"}, "type": "replaced-by"}],
        }
        for old, new in former(planned).items()
    ]


def _practitioner(key: str, who: Clinician) -> dict[str, Any]:
    first, _, last = who.name.partition(" ")
    return {"resourceType": "Practitioner", "id": key, "name": [{"family": last, "given": [first]}]}


def _encounter(document: Document) -> dict[str, Any]:
    return {
        "resourceType": "Encounter",
        "id": f"e-{document.id}",
        "status": "finished",
        "class": {"code": "AMB"},
        "serviceType": {"text": document.specialty},
        "subject": {"reference": f"Patient/{document.filed_under}"},
    }


def _common(document: Document, writer: str) -> dict[str, Any]:
    day = document.day.isoformat()
    subject = {} if document.kind == "no-person" else {"reference": f"Patient/{document.filed_under}"}
    return {
        "id": f"{document.id}-v{document.version}",
        "meta": {"versionId": str(document.version), "lastUpdated": f"{day}T12:00:00Z"},
        "identifier": [{"system": SYSTEM, "value": document.id}],
        "subject": subject,
        "author": [{"reference": f"Practitioner/{writer}"}],
        "aNewKeyOfThisVendor": {"anything": [1, 2]},
    }


def _reference(document: Document, writer: str, *, is_list: bool) -> dict[str, Any]:
    day = document.day.isoformat()
    base = document.id.removesuffix(f"-{document.kind[0]}")
    related = [{"code": "replaces", "target": {"identifier": {"system": SYSTEM, "value": document.replaces}}}]
    return {
        "resourceType": "DocumentReference",
        **_common(document, writer),
        "status": _STATUS.get(document.kind, "current"),
        "docStatus": "preliminary" if document.kind == "preliminary" else "final",
        "type": {"coding": [_LOINC]},
        "date": f"{day}T12:00:00Z",
        "content": [{"attachment": _listed(document.text) if is_list else _attachment(document)}],
        "context": {"encounter": [{"reference": f"Encounter/e-{base}"}], "period": {"start": day}},
        **({"relatesTo": related} if document.replaces else {}),
    }


def _attachment(document: Document) -> dict[str, str]:
    if document.kind == "url":
        return {"contentType": "text/rtf", "url": f"https://ehr.example.org/Binary/{document.id}"}
    if document.kind == "image":
        return {"contentType": "image/png", "data": base64.b64encode(b"\x89PNG\r\n\x1a\n").decode()}
    text = document.text
    variants = (
        ("text/plain; charset=utf-8", text.encode()),
        ("text/html; charset=utf-8", html(text).encode()),
        ("text/rtf", rtf(text)),
        ("text/plain; charset=windows-1252", text.encode("cp1252")),
        ("application/xhtml+xml", html(text).encode()),  # not well-formed XML, so a reader must parse it as HTML
        ("text/plain; charset=utf-16", text.encode("utf-16")),
        ("text/plain", text.encode("cp1252")),  # declares no character set and is not UTF-8, the default
    )
    kind, data = variants[document.number % N_VARIANTS]
    return {"contentType": kind, "data": base64.b64encode(data).decode()}


def _listed(text: str) -> dict[str, str]:
    """Return an HTML attachment with each sentence as a list item; the report with the same text is plain text."""
    sentences = text.replace("&", "&amp;").replace("<", "&lt;").split(". ")
    items = "".join(f"<li>{sentence}</li>" for sentence in sentences)
    data = base64.b64encode(f"<html><body><ul>{items}</ul></body></html>".encode()).decode()
    return {"contentType": "text/html; charset=utf-8", "data": data}


def _report(document: Document, writer: str) -> dict[str, Any]:
    common = {key: value for key, value in _common(document, writer).items() if key not in {"identifier", "author"}}
    return {
        "resourceType": "DiagnosticReport",
        **common,
        "status": "final",
        "code": {"coding": [_LOINC]},
        "effectiveDateTime": document.day.isoformat(),
        "encounter": {"reference": f"Encounter/e-{document.id}"},
        "performer": [{"reference": f"Practitioner/{writer}"}],
        "presentedForm": [
            {"contentType": "text/plain; charset=utf-8", "data": base64.b64encode(document.text.encode()).decode()}
        ],
    }
