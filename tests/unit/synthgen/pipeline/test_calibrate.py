import json
from types import SimpleNamespace

from audits.gate.shipped import load_policy
from audits.selftest.bound import read_selftest
from synthgen.pipeline import calibrate as module
from synthgen.pipeline.calibrate import SELFTEST
from synthgen.pipeline.pipeline import Pipeline
from synthgen.release.run import load_run


def with_policy(project, text):
    file = project.folder / "lenient.yaml"
    file.write_text(file.read_text() + text)


def test_the_suite_runs_if_the_policy_requires_it_and_all_other_gates_pass(finished, monkeypatch):
    with_policy(finished, "selftest: [memorization]\n")
    assert any("selftest-memorization: INSUFFICIENT" in f for f in load_run(finished.config()).decide().failures)
    calls, cell = [], {"demand": "must_fail", "outcome": "right"}
    result = {"audits": ["memorization"], "cases": [{"case": "verbatim", "audits": {"memorization": cell}}]}
    suite = SimpleNamespace(to_json=lambda: result)
    monkeypatch.setattr(module, "run_suite", lambda _inputs, **options: calls.append(options["audits"]) or suite)
    run = Pipeline(finished.config()).run()
    assert calls == [("memorization",)]
    assert run.decide().allowed
    test = read_selftest(run.folder("selftest") / SELFTEST)
    assert run.evidence.digests["selftest"] == test.digest()
    assert run.evidence.metrics["selftest.memorization_wrong"].n == 1
    Pipeline(finished.config()).run()
    assert len(calls) == 1  # the stored result is reused
    train_digest = json.loads((run.folder("selftest") / SELFTEST).read_text())["train"]
    assert train_digest not in run.report(run.decide(), release_id="0" * 8)


def test_the_suite_does_not_run_if_another_gate_fails(finished, monkeypatch):
    with_policy(finished, "selftest: [memorization]\nrequired: [linkage]\n")
    monkeypatch.setattr(module, "run_suite", None)
    run = Pipeline(finished.config()).run()
    assert not any(stage.is_of("selftest") for stage in run.record.stages)
    assert not run.decide().allowed


def test_too_few_persons_for_the_suite_refuse_the_release(finished):
    with_policy(finished, "selftest: [memorization]\n")
    run = Pipeline(finished.config()).run()
    assert not run.decide().allowed


def test_only_the_external_policy_requires_the_suite(run_project):
    run = load_run(run_project.config())
    strict = run.decide(load_policy("hospital-external"))
    assert sum(o.id.startswith("selftest-") for o in strict.outcomes) == 6
    assert run.decide().allowed
    assert not module.is_due(SimpleNamespace(folder=run.folder("audit")), run.policy)
