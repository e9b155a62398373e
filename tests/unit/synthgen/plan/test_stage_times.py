from pathlib import Path

import pytest

from synthgen.pipeline.workspace import StageResult
from synthgen.plan.stage_times import AUDIT_SECONDS, StageTime, stage_times


def result(name, seconds):
    return StageResult(name=name, digest="", folder=Path(), counts={}, seconds=seconds, reused=False)


def test_each_stage_has_a_measured_and_a_predicted_time():
    found = stage_times(
        [result("load", 2.0), result("embed", 10.0)],
        [result("decode-pilot", 30.0)],
        repeats=5,
        sizes=(400, 600, 1000),
    )
    assert found == (
        StageTime(name="load", done=2.0, rest=0.0),
        StageTime(name="embed", done=10.0, rest=15.0),
        StageTime(name="decode", done=0.0, rest=150.0),
        StageTime(name="audit", done=0.0, rest=pytest.approx(2000 * AUDIT_SECONDS)),
    )
    assert found[1].to_json() == {"name": "embed", "done": 10.0, "rest": 15.0}


def test_a_time_is_one_short_line_in_seconds_or_minutes():
    text = StageTime(name="decode", done=3.4, rest=600.0).to_text()
    assert text.split() == ["decode", "3", "s", "measured", "10", "min", "predicted"]
    assert len(text) < 80
