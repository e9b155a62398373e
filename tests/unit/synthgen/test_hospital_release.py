"""A release from a hospital export has the same records as one from a table with the same notes."""

import json

import pytest
from fictional_clinic.exports import write_exports

from synthgen.pipeline.pipeline import Pipeline

pytestmark = pytest.mark.slow  # two runs; tests/unit/synthgen/extract/test_extract.py compares their first stages
COPIES = {"copy_forward": "remove-sentences"}
OF_TABLE = {"text": "text", "label": "label", "group": None, "id": None, "names": []}  # the defaults


def released(project, workspace, **source):
    """Release a run in a workspace of its own; return the records of the bundle."""
    (project.folder / "own.json").unlink(missing_ok=True)  # the trust root of an earlier release
    run = Pipeline(project.config(workspace=workspace, source=COPIES | source)).run()
    bundle = project.verified_release(run)
    (path,) = bundle.path.rglob("*.jsonl")
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_export_and_table_give_the_same_records(project):
    write_exports(project.folder / "exports", 120, 7, ("fhir",))
    of_table = released(project, "ws-table", path="exports/table.jsonl", staff=["clinician"])
    fields = {"label": "encounter.serviceType.text"}
    of_export = released(project, "ws-fhir", **OF_TABLE, kind="fhir", path="exports/fhir", fields=fields)
    assert len(of_table) > 6
    assert of_export == of_table
