from types import SimpleNamespace

import pytest

from synthgen.core.made_by import AUDITS, LIBRARIES
from synthgen.core.stage import StageContext
from synthgen.pipeline import job
from synthgen.pipeline.pipeline import STAGES, Pipeline
from synthgen.pipeline.stages import ALL, changed_stages


@pytest.fixture
def unused(monkeypatch):
    """Return for each stage the declared inputs that no run of it read."""
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


def test_every_stage_reads_all_declared_inputs(project, unused):
    """`StageContext` enforces in every run that a stage reads nothing else."""
    Pipeline(project.config()).run()
    left = unused()
    assert set(STAGES) <= set(left)
    assert {name: found for name, found in left.items() if found} == {}


def test_stages_declare_known_libraries():
    for stage in ALL.values():
        assert set(stage.libraries) <= {"python", AUDITS, *LIBRARIES}, stage.name
        assert (AUDITS in stage.libraries) == (stage.name in {"evaluate", "audit", "selftest"})
        assert ("python" in stage.libraries) == (not stage.is_paid)


def test_an_unknown_stage_counts_as_changed():
    there = SimpleNamespace(name="load", base_name="load", code=ALL["load"].code_digest)
    other = SimpleNamespace(name="filter-2", base_name="filter", code="0" * 64)
    unknown = SimpleNamespace(name="paint", base_name="paint", code="0" * 64)
    assert changed_stages(SimpleNamespace(stages=(there, other, unknown))) == ["filter-2", "paint"]
