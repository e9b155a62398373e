from types import SimpleNamespace

from synthgen.core.made_by import AUDITS, LIBRARIES
from synthgen.core.stage import StageContext
from synthgen.pipeline import job
from synthgen.pipeline.pipeline import STAGES, Pipeline
from synthgen.pipeline.stages import ALL, changed_stages


def test_every_stage_reads_all_declared_inputs(project, monkeypatch):
    """`StageContext` enforces in every run that a stage reads nothing else."""
    contexts = []
    monkeypatch.setattr(job, "StageContext", lambda *given: contexts.append(StageContext(*given)) or contexts[-1])
    Pipeline(project.config()).run()
    unused = {}
    for context in contexts:
        unused.setdefault(context.stage.name, []).append(context.unused())
    assert set(STAGES) <= set(unused)
    assert {name: found for name, found in unused.items() if set.intersection(*map(set, found))} == {}


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
