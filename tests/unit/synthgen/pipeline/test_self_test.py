"""The calibration suite as a stage of a run: when it runs, its shards, and its effect on the decision."""

import json
from types import SimpleNamespace

import pytest

from audits.core.errors import InputError
from audits.gate.shipped import load_policy
from audits.selftest.bound import read_selftest
from synthgen.pipeline import self_test
from synthgen.pipeline.pipeline import Pipeline
from synthgen.release.run import load_run


def with_policy(project, text):
    file = project.folder / "lenient.yaml"
    file.write_text(file.read_text() + text)


def run_until_third_case(finished, monkeypatch):
    """Run the suite with a replaced `run_case`, which is interrupted at its third call; return the list of calls."""
    calls, cell = [], SimpleNamespace(audit="memorization", demand="must_fail", outcome="right")
    monkeypatch.setattr(self_test, "make_populations", lambda *_: (["a population"], ()))

    def run_case(case, _populations, audits, **_):
        calls.append((case.name, audits))
        if len(calls) == 3:
            raise KeyboardInterrupt
        return SimpleNamespace(cells=(cell,))

    monkeypatch.setattr(self_test, "run_case", run_case)
    with pytest.raises(KeyboardInterrupt):
        Pipeline(finished.config()).run()
    return calls


def test_the_suite_runs_if_the_policy_requires_it_and_all_other_gates_pass(finished, monkeypatch):
    with_policy(finished, "selftest: [memorization]\n")
    assert any("selftest-memorization: INSUFFICIENT" in f for f in load_run(finished.config()).decide().failures)
    case_names = [case.name for case in self_test.CASES]
    calls = run_until_third_case(finished, monkeypatch)
    run = Pipeline(finished.config()).run()  # continues with the interrupted case
    assert calls == [(name, ("memorization",)) for name in (*case_names[:3], *case_names[2:])]
    assert run.decide().allowed
    test = read_selftest(run.folder("selftest") / self_test.SELFTEST)
    assert run.evidence.digests["selftest"] == test.digest()
    assert run.evidence.metrics["selftest.memorization_wrong"].n == len(case_names)
    Pipeline(finished.config()).run()
    assert len(calls) == len(case_names) + 1  # the stored result is reused
    train_digest = json.loads((run.folder("selftest") / self_test.SELFTEST).read_text())["train"]
    assert train_digest not in run.report(run.decide(), release_id="0" * 8)


def test_the_suite_does_not_run_if_another_gate_fails(finished, monkeypatch):
    with_policy(finished, "selftest: [memorization]\nrequired: [linkage]\n")
    monkeypatch.setattr(self_test, "run_case", None)
    run = Pipeline(finished.config()).run()
    assert not any(stage.is_of("selftest") for stage in run.record.stages)
    assert not run.decide().allowed


def test_too_few_persons_for_the_suite_refuse_the_release(finished):
    with_policy(finished, "selftest: [memorization]\n")
    run = Pipeline(finished.config()).run()
    assert not run.decide().allowed


def test_a_case_that_cannot_be_built_refuses_the_release(finished, monkeypatch):
    with_policy(finished, "selftest: [memorization]\n")
    cell = SimpleNamespace(audit="memorization", demand="must_fail", outcome="right")
    monkeypatch.setattr(self_test, "make_populations", lambda *_: (["a population"], ()))

    def run_case(case, *_, **__):
        if case.name == "verbatim":
            raise InputError("the case cannot be built")
        return SimpleNamespace(cells=(cell,))

    monkeypatch.setattr(self_test, "run_case", run_case)
    run = Pipeline(finished.config()).run()
    assert read_selftest(run.folder("selftest") / self_test.SELFTEST).audits == {}
    assert any("selftest-memorization: INSUFFICIENT" in failure for failure in run.decide().failures)


def test_a_shard_without_a_demanded_verdict_is_computed_again(finished, monkeypatch):
    with_policy(finished, "selftest: [memorization]\n")
    calls = run_until_third_case(finished, monkeypatch)
    (shards,) = (finished.folder / "ws" / "stages").glob("selftest-*.shards")
    (first, _), (second, _) = calls[:2]
    (shards / f"{first}.json").write_text("{}")
    (shards / f"{second}.json").write_text('{"memorization": ')
    Pipeline(finished.config()).run()
    assert {first, second} <= {name for name, _ in calls[3:]}


def test_only_the_external_policy_requires_the_suite(run_project):
    run = load_run(run_project.config())
    strict = run.decide(load_policy("hospital-external"))
    assert sum(o.id.startswith("selftest-") for o in strict.outcomes) == 6
    assert run.decide().allowed
    assert not self_test.needs_selftest(SimpleNamespace(folder=run.folder("audit")), run.policy)
