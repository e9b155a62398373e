import json

import pytest

from synthgen.core.errors import DataError
from synthgen.pipeline.record import FILE, ModelRecord, RunRecord, StageRecord, read_record


def stage(name, **counts):
    digests = {"digest": "d" * 64, "code": "c" * 64, "folder": f"{name}-d"}
    fields = {"name": name, "seconds": 1.5, "reused": False, "in": 7, "out": 5}
    return StageRecord.model_validate({**fields, **digests, **counts})


def record(*stages):
    model = ModelRecord(role="decoder", name="smollm2", digest="e" * 64)
    fields = {"tool": "synthgen 0", "finished": "2026-01-01T00:00:00Z", "seed": 3, "versions": {"python": "3"}}
    return RunRecord(**fields, config="c" * 64, models=(model,), stages=stages, digest="f" * 64)


def test_a_record_is_read_as_it_was_written(tmp_path):
    made = record(stage("load", bad_rows={"empty text": 2}), stage("filter-2", kept={"a": 3}, rejected={"empty": 1}))
    made.write(tmp_path)
    assert read_record(tmp_path) == made
    written = json.loads((tmp_path / FILE).read_text())
    first, second = written["stages"]
    assert (first["bad_rows"], second["kept"]) == ({"empty text": 2}, {"a": 3})
    assert (written["schemaVersion"], first["in"], first["out"]) == (2, 7, 5)
    assert "wanted" not in first


def test_the_last_round_of_a_stage_is_returned():
    names = ("decode-reconstruction", "decode", "re-embed", "decode-2", "re-embed-2")
    made = record(*map(stage, names))
    assert made.stage("decode").name == "decode-2"
    assert made.stage("re-embed").name == "re-embed-2"
    assert made.stages[0].is_of("decode", "load")
    assert not made.stages[2].is_of("embed")
    with pytest.raises(DataError, match="has not reached the stage 'audit' yet"):
        made.stage("audit")


@pytest.mark.parametrize(
    "change", [{"seed": None}, {"stages": [{"name": "load"}]}, {"more": 1}, {"schemaVersion": 1}]
)
def test_a_missing_or_invalid_record_is_reported_without_its_content(tmp_path, change):
    with pytest.raises(DataError, match="contains no finished run"):
        read_record(tmp_path)
    record(stage("load")).write(tmp_path)
    path = tmp_path / FILE
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(DataError, match="not the record of a run") as refused:
        read_record(tmp_path)
    assert refused.value.problems
    assert "smollm2" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "is_decode"),
    [("decode", True), ("decode-2", True), ("decode-reconstruction", True), ("filter-2", False)],
)
def test_a_round_belongs_to_its_stage(name, is_decode):
    assert stage(name).is_of("decode") == is_decode
