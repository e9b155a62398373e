"""Convert the records of a bundle to FHIR R4 resources that are marked as test data."""

import base64
import json
from typing import Any

from synthgen.receive.received import ReceivedBundle

FHIR_FILES = ("DocumentReference.ndjson", "Patient.ndjson")
TEST_DATA = {
    "system": "http://terminology.hl7.org/CodeSystem/v3-ActReason",
    "code": "HTEST",
    "display": "test health data",
}
_NO_PERSON = "synthetic, not a real person"


def fhir_files(bundle: ReceivedBundle) -> dict[str, bytes]:
    """Return one DocumentReference and one Patient for each record, in two NDJSON files (one resource per line).

    FHIR software expects that a document refers to a patient. Each DocumentReference therefore refers to its own
    Patient without a name, so the software cannot combine several records into the history of one person. Both
    resources have the id of the record. Each has the security label HTEST, which marks test data, and names the
    release in `meta.source`.

    Args:
        bundle: the bundle whose records are converted; `read_intact` has checked its files.

    Returns:
        The content of each file in UTF-8, by the names in `FHIR_FILES`.
    """
    resources: tuple[list[dict[str, Any]], ...] = ([], [])
    meta = {"source": bundle.urn, "security": [TEST_DATA]}
    time = bundle.statement.predicate.time_created
    for name, text, label in bundle.rows:
        resources[0].append(_document(name, text, label, meta, time))
        resources[1].append({"resourceType": "Patient", "id": name, "meta": meta})
    return {file: _ndjson(lines) for file, lines in zip(FHIR_FILES, resources, strict=True)}


def _document(name: str, text: str, label: str, meta: dict[str, Any], time: str) -> dict[str, Any]:
    data = text.encode()
    attachment = {
        "contentType": "text/plain; charset=utf-8",
        "data": base64.b64encode(data).decode(),
        "size": len(data),
    }
    return {
        "resourceType": "DocumentReference",
        "id": name,
        "meta": meta,
        "status": "current",
        "docStatus": "final",
        "type": {"text": label},
        "subject": {"reference": f"Patient/{name}", "display": _NO_PERSON},
        "date": time,
        "description": "Synthetic text. It does not describe a real person.",
        "content": [{"attachment": attachment}],
    }


def _ndjson(resources: list[dict[str, Any]]) -> bytes:
    return "".join(f"{json.dumps(resource, ensure_ascii=False)}\n" for resource in resources).encode()
