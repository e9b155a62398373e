"""Convert the records of a bundle (a release folder) to FHIR R4 resources that are marked as test data."""

import base64
import json
from typing import Any

from synthgen.receive.received import ReceivedBundle

FHIR_FILES = ("DocumentReference.ndjson", "Patient.ndjson")
_SYSTEM = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
TEST_DATA = {"system": _SYSTEM, "code": "HTEST", "display": "test health data"}


def fhir_files(bundle: ReceivedBundle) -> dict[str, bytes]:
    """Return one DocumentReference and one Patient for each record, in two NDJSON files (one resource per line).

    FHIR software expects that a document refers to a patient. Each document has a separate Patient without a name, so
    that no software combines several records into the history of one person. Both resources have the id of the
    record and the security label HTEST, which marks test data. `meta.source` names the release.

    Returns:
        The content of each file in UTF-8, by the names in `FHIR_FILES`.
    """
    meta = {"source": bundle.urn, "security": [TEST_DATA]}
    time = bundle.statement.predicate.time_created
    documents = [_document(record_id, text, label, meta, time) for record_id, text, label in bundle.rows]
    patients = [{"resourceType": "Patient", "id": record_id, "meta": meta} for record_id, _, _ in bundle.rows]
    return dict(zip(FHIR_FILES, (_ndjson(documents), _ndjson(patients)), strict=True))


def _document(record_id: str, text: str, label: str, meta: dict[str, Any], time: str) -> dict[str, Any]:
    data = text.encode()
    content = {"data": base64.b64encode(data).decode(), "size": len(data)}
    return {
        "resourceType": "DocumentReference",
        "id": record_id,
        "meta": meta,
        "status": "current",
        "docStatus": "final",
        "type": {"text": label},
        "subject": {"reference": f"Patient/{record_id}", "display": "synthetic, not a real person"},
        "date": time,
        "description": "Synthetic text. It does not describe a real person.",
        "content": [{"attachment": {"contentType": "text/plain; charset=utf-8", **content}}],
    }


def _ndjson(resources: list[dict[str, Any]]) -> bytes:
    return "".join(f"{json.dumps(resource, ensure_ascii=False)}\n" for resource in resources).encode()
