from importlib import import_module
from pkgutil import walk_packages

import pytest

import synthgen
from synthgen.core.stage import Stage
from synthgen.pipeline.workspace import StageResult
from synthgen.plan.stage_times import (
    AUDIT_SECONDS,
    DISTRIBUTED,
    StageTime,
    memory_peak,
    minutes_with,
    resources_text,
    stage_times,
)


@pytest.fixture
def result(tmp_path):
    """Return a function that makes the result of a stage with this duration in seconds."""

    def made(name, seconds):
        folder = tmp_path / name
        (folder / "in").mkdir(parents=True)
        (folder / "in" / "file").write_bytes(b"x" * 100)
        return StageResult(name=name, digest="", folder=folder, counts={}, seconds=seconds, reused=False)

    return made


def test_each_stage_has_a_measured_and_a_predicted_time_and_size(result):
    found = stage_times(
        [result("load", 2.0), result("embed", 10.0)],
        [result("decode-pilot", 30.0)],
        repeats=5,
        sizes=(400, 600, 1000),
        n_source=1000,
    )
    assert found == (
        StageTime(name="load", done=2.0, rest=0.0, disk=100),
        StageTime(name="embed", done=10.0, rest=15.0, is_distributed=True, disk=250),
        StageTime(name="decode", done=0.0, rest=150.0, is_distributed=True, disk=500),
        StageTime(name="audit", done=0.0, rest=pytest.approx(2000 * AUDIT_SECONDS)),
    )


def test_times_per_record_of_a_sample_are_scaled_to_the_source_and_nothing_of_them_is_reused(result):
    first = [("load", 2.0), ("deidentify", 4.0), ("embed", 10.0), ("decode-reconstruction", 7.0)]
    found = stage_times(
        [result(name, seconds) for name, seconds in first],
        [result("decode-pilot", 30.0)],
        repeats=5,
        sizes=(400, 600, 1000),
        n_source=100_000,
    )
    assert [(stage.done, stage.rest) for stage in found[:-1]] == [(2, 0), (0, 400), (0, 2500), (0, 7), (0, 150)]
    assert found[-1].rest == pytest.approx(101_000 * AUDIT_SECONDS)
    assert [stage.disk for stage in found] == [100, 10_000, 25_000, 100, 500, 0]


def test_more_machines_shorten_the_distributed_stages_only():
    stages = [
        StageTime(name="load", done=60.0, rest=0.0, disk=10**9),
        StageTime(name="decode", done=60.0, rest=900.0, is_distributed=True, disk=5 * 10**8),
    ]
    assert [minutes_with(stages, n) for n in (1, 8, 64)] == [17.0, 3.0, 1.25]
    duration, space = resources_text(stages)
    assert duration == (
        "minutes of a whole run, for each number of machines like this one (machines: minutes): 1: 17, 8: 3, 64: 1"
    )
    assert (
        space
        == f"disk: 1.50 GB in the workspace; memory: {memory_peak() / 1e9:.1f} GB per process (peak of this one)"
    )
    assert 1e7 < memory_peak() < 1e12


def test_distributed_stages_are_those_that_declare_shards():
    modules = [
        import_module(found.name) for found in walk_packages(synthgen.__path__, "synthgen.") if "stage" in found.name
    ]
    stages = {s.name: s.divide for m in modules for s in vars(m).values() if isinstance(s, Stage)}
    partly = {"filter"}  # only a part of its work has shards
    assert {name for name, divide in stages.items() if divide is not None} - partly == set(DISTRIBUTED)


def test_a_time_is_one_short_line_in_seconds_or_minutes():
    text = StageTime(name="decode", done=3.4, rest=600.0).to_text()
    assert text.split() == ["decode", "3", "s", "measured", "10", "min", "predicted"]
    assert len(text) < 80
