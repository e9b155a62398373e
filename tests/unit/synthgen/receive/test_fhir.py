import base64
import json

from synthgen.receive.fhir import FHIR_FILES, fhir_files
from synthgen.receive.received import read_received


def test_each_record_is_a_document_of_its_own_synthetic_patient(bundle, releases):
    received = read_received(bundle)
    files = fhir_files(received)
    assert tuple(files) == FHIR_FILES == ("DocumentReference.ndjson", "Patient.ndjson")
    documents, patients = ([json.loads(line) for line in data.splitlines()] for data in files.values())
    found = []
    for document in documents:
        (content,) = document["content"]
        data = base64.b64decode(content["attachment"]["data"], validate=True)
        assert content["attachment"]["size"] == len(data)
        assert content["attachment"]["contentType"] == "text/plain; charset=utf-8"
        found.append((document["id"], data.decode(), document["type"]["text"]))
    assert found == list(received.rows)
    assert [one["subject"]["reference"] for one in documents] == [f"Patient/{one['id']}" for one in patients]
    assert len({one["id"] for one in patients}) == len(releases.records())
    assert {(one["status"], one["docStatus"], one["date"]) for one in documents} == {
        ("current", "final", "2026-11-20T07:00:00Z")
    }
    assert not any("name" in one for one in patients)
    for resource in (*documents, *patients):
        assert [label["code"] for label in resource["meta"]["security"]] == ["HTEST"]
        assert resource["meta"]["source"] == received.urn
