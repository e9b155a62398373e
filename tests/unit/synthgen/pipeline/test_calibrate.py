import json
from dataclasses import replace
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


def test_the_suite_is_climbed_where_the_policy_asks_and_nothing_else_refuses(finished, monkeypatch):
    with_policy(finished, "selftest: [memorization]\n")
    assert any("selftest-memorization: INSUFFICIENT" in f for f in load_run(finished.config()).decide().failures)
    asked = []

    class Climbed:
        def to_json(self):
            cell = {"demand": "must_fail", "outcome": "right"}
            return {"audits": ["memorization"], "cases": [{"case": "verbatim", "audits": {"memorization": cell}}]}

    def fake_suite(inputs, **how):
        asked.append((len(inputs.train), how["audits"]))
        return Climbed()

    monkeypatch.setattr(module, "run_suite", fake_suite)
    run = Pipeline(finished.config()).run()
    assert [audits for _, audits in asked] == [("memorization",)]
    assert run.decide().allowed
    test = read_selftest(run.folder("selftest") / SELFTEST)
    assert run.evidence.digests["selftest"] == test.digest()
    assert run.evidence.metrics["selftest.memorization_wrong"].n == 1
    Pipeline(finished.config()).run()
    assert len(asked) == 1  # kept by its digest
    assert json.loads((run.folder("selftest") / SELFTEST).read_text())["train"] not in run.report(
        run.decide(), release_id="0" * 8
    )


def test_a_release_that_is_refused_anyway_costs_no_suite(finished, monkeypatch):
    with_policy(finished, "selftest: [memorization]\nrequired: [linkage]\n")
    monkeypatch.setattr(module, "run_suite", None)
    run = Pipeline(finished.config()).run()
    assert not any(stage.is_of("selftest") for stage in run.record.stages)
    assert not run.decide().allowed


def test_too_few_persons_for_a_suite_leave_the_gate_closed(finished):
    with_policy(finished, "selftest: [memorization]\n")
    run = Pipeline(finished.config()).run()
    assert not run.decide().allowed


def test_a_policy_for_outside_asks_for_all_six(run_project):
    run = load_run(run_project.config())
    strict = run.decide(load_policy("hospital-external"))
    assert sum(o.id.startswith("selftest-") for o in strict.outcomes) == 6
    assert replace(run).decide().allowed


def test_no_suite_is_due_where_no_policy_asks(run_project):
    run = load_run(run_project.config())
    assert run.decide().allowed
    assert not module.is_due(SimpleNamespace(folder=run.folder("audit")), run.policy)
