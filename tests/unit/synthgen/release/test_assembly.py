import json
import re
from dataclasses import replace

import pytest

from audits.attacks.accounting.accountants import joint_epsilon
from audits.core.strictjson import canonical, parse_canonical
from audits.ledger.budgets import Cost, Spending, joint_cost
from audits.verify.statement import Composition
from synthgen.release.assembly import bundle_content, composition_of, page_numbers_of, report_content, stated_models
from synthgen.release.run import load_run


@pytest.fixture(scope="module")
def run(run_project):
    return load_run(run_project.config())


def test_page_reveals_nothing_of_the_source(run):
    public = page_numbers_of(run, run.policy)
    text = json.dumps({name: public[name] for name in ("stages", "filters")})
    private = ["31337", *(name for s in run.record.stages for name in (s.digest, s.folder))]
    assert [value for value in private if value in text] == []
    assert not re.search("seconds|classes|groups|bad_rows|cardiology|replaced", text)


def test_bundle_content_matches_the_run_and_has_the_declared_language(run):
    content = bundle_content(run, run.decide())
    assert len(content.records) == run.record.stage("audit").n_out == 12
    assert [m["role"] for m in content.models] == ["embedder", "decoder", "projector"]
    assert (content.models, content.page) == (stated_models(run), page_numbers_of(run, run.policy))
    assert {side["role"] for side in content.inputs} == {"train", "control"}
    assert tuple(content.languages) == ("und",)
    release = run.config.release.model_copy(update={"languages": ("de", "en-GB")})
    declared = replace(run, config=run.config.model_copy(update={"release": release}))
    assert tuple(bundle_content(declared, declared.decide()).languages) == ("de", "en-GB")


def test_report_shows_requested_and_generated_records(run):
    shown = report_content(run, run.decide(), "0" * 8)
    labels = ("cardiology", "gastroenterology", "pulmonology")
    assert [(label, wanted, made) for label, _, wanted, made in shown.balance] == [(x, 4, 4) for x in labels]
    exact = report_content(run, run.decide(), "0" * 8, private=True)
    assert shown.filters["candidates"] == "20-50"
    assert exact.filters["candidates"] == run.record.stage("filter").n_in
    assert all(isinstance(real, str) for _, real, _, _ in shown.balance)
    assert [row[0] for row in shown.stages] == [stage.name for stage in run.record.stages]


def spending(number, kind="gaussian"):
    noise = {"kind": kind, "noise_multiplier": 20.0 + number, "sampling_rate": 1.0, "steps": 1}
    return Spending(run=str(number), cost=Cost(epsilon=1 / (1 + number), delta=1e-6), mechanisms=(noise,) * 2)


def stated(runs):
    return [Composition.model_validate(parse_canonical(canonical(one))) for one in composition_of(runs, 1e-5)]


@pytest.mark.parametrize("n", [0, 1, 64, 90])
def test_composition_lists_other_runs_without_changing_their_joint_cost(n):
    runs = [spending(number) for number in reversed(range(n))]
    listed = stated(runs)
    assert len(listed) == min(n, 64)
    mechanisms = [mechanism for one in listed for mechanism in one.mechanisms]
    assert joint_epsilon(mechanisms, delta=1e-5) == pytest.approx(joint_cost(runs, 1e-5).epsilon, rel=1e-9)
    assert [one.epsilon for one in listed[:63]] == [1 / (1 + number) for number in range(min(n, 63))]
    if n > 64:
        assert (len(listed[-1].mechanisms), listed[-1].delta) == (1, 1e-5)
        assert listed[-1].epsilon == joint_cost(runs[: n - 63], 1e-5).epsilon


def test_more_runs_without_a_closed_form_than_fit_are_refused():
    runs = [spending(number, "laplace") for number in range(100)]
    with pytest.raises(ValueError, match="at most 64 items"):
        stated(runs)
