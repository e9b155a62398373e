import json

import pytest

from synthgen.core.errors import DataError
from synthgen.pipeline.record import FILE, ModelRecord, RunRecord, StageRecord, read_record


def stage(name, **counts):
    return StageRecord.model_validate(
        {
            "name": name,
            "digest": "d" * 64,
            "code": "c" * 64,
            "folder": f"{name}-d",
            "seconds": 1.5,
            "reused": False,
            "in": 7,
            "out": 5,
            **counts,
        }
    )


def record(*stages):
    model = ModelRecord(role="decoder", name="smollm2", digest="e" * 64)
    return RunRecord(
        tool="synthgen 0",
        finished="2026-01-01T00:00:00Z",
        config="c" * 64,
        seed=3,
        versions={"python": "3"},
        models=(model,),
        stages=stages,
        digest="f" * 64,
    )


def test_what_is_written_is_read_back(tmp_path):
    made = record(stage("load", bad_rows={"empty text": 2}), stage("filter-2", kept={"a": 3}, rejected={"empty": 1}))
    made.write(tmp_path)
    assert read_record(tmp_path) == made
    said = json.loads((tmp_path / FILE).read_text())
    assert said["stages"][0]["bad_rows"] == {"empty text": 2}
    assert said["stages"][1]["kept"] == {"a": 3}
    assert (said["schemaVersion"], said["stages"][0]["in"], said["stages"][0]["out"]) == (2, 7, 5)
    assert "wanted" not in said["stages"][0]


def test_the_last_round_is_the_one_that_counts():
    made = record(
        stage("decode-reconstruction"), stage("decode"), stage("re-embed"), stage("decode-2"), stage("re-embed-2")
    )
    assert made.stage("decode").name == "decode-2"
    assert made.stage("re-embed").name == "re-embed-2"
    assert made.stages[0].is_of("decode", "load")
    assert not made.stages[2].is_of("embed")
    with pytest.raises(DataError, match="no stage 'audit' yet"):
        made.stage("audit")


@pytest.mark.parametrize(
    "change", [{"seed": None}, {"stages": [{"name": "load"}]}, {"more": 1}, {"schemaVersion": 1}]
)
def test_a_record_that_is_none_is_told_without_its_content(tmp_path, change):
    record(stage("load")).write(tmp_path)
    path = tmp_path / FILE
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(DataError, match="not the record of a run") as refused:
        read_record(tmp_path)
    assert refused.value.problems
    assert "smollm2" not in str(refused.value)


def test_a_record_that_is_not_there_is_told(tmp_path):
    with pytest.raises(DataError, match="holds no finished run"):
        read_record(tmp_path)


def test_a_round_is_of_its_own_stage():
    given = {"digest": "d", "code": "c", "folder": "f", "seconds": 0.0, "reused": False, "in": 1, "out": 1}
    for name, of_decode, is_round in (
        ("decode", True, True),
        ("decode-2", True, True),
        ("decode-reconstruction", True, False),
        ("filter-2", False, False),
    ):
        stage = StageRecord.model_validate({"name": name, **given})
        assert (stage.is_of("decode"), stage.is_round_of("decode")) == (of_decode, is_round)
