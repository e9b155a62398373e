"""Every stage reads what it declares, and nothing else: its cache key follows from the declaration."""

from types import SimpleNamespace

import pytest

from synthgen.core.made_by import AUDITS, LIBRARIES
from synthgen.core.stage import StageContext
from synthgen.pipeline import job
from synthgen.pipeline.pipeline import Pipeline
from synthgen.pipeline.stages import ALL, changed_stages


@pytest.fixture
def unused(monkeypatch):
    """By stage, what it declared and never read in any of its runs."""
    contexts = []

    def spy(*given):
        contexts.append(StageContext(*given))
        return contexts[-1]

    monkeypatch.setattr(job, "StageContext", spy)

    def found():
        left = {}
        for context in contexts:
            name = context.stage.name
            left[name] = context.unused() & left.get(name, context.unused())
        return left

    return found


def test_every_stage_of_a_run_reads_all_that_it_declares(project, unused):
    """That it reads nothing else is enforced in every run by `StageContext`."""
    Pipeline(project.config()).run()
    left = unused()
    assert {"load", "split", "deidentify", "embed", "interpolate", "decode", "filter", "evaluate", "audit"} <= set(
        left
    )
    assert {name: found for name, found in left.items() if found} == {}


def test_libraries_are_known_and_audits_decide_by_their_sources():
    for stage in ALL.values():
        assert set(stage.libraries) <= {"python", AUDITS, *LIBRARIES}, stage.name
        assert (AUDITS in stage.libraries) == (stage.name in {"evaluate", "audit", "selftest"})
        assert ("python" in stage.libraries) == (not stage.is_paid)


def test_a_stage_that_is_not_known_counts_as_changed():
    there = SimpleNamespace(name="load", base_name="load", code=ALL["load"].code_digest)
    other = SimpleNamespace(name="filter-2", base_name="filter", code="0" * 64)
    unknown = SimpleNamespace(name="paint", base_name="paint", code="0" * 64)
    assert changed_stages(SimpleNamespace(stages=(there, other, unknown))) == ["filter-2", "paint"]
