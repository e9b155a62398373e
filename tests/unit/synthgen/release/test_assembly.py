import json
import re
from dataclasses import replace

import pytest
from markupsafe import escape

from audits.attacks.accounting.accountants import joint_epsilon
from audits.core.report import read_report
from audits.core.strictjson import canonical, parse_canonical
from audits.gate.disclosure import floor_of, public_count
from audits.gate.shipped import load_policy
from audits.ledger.budgets import Cost, Spending, joint_cost
from audits.report.numbers import excerpt
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
    assert len(shown.samples) == 10
    assert {label for label, _ in shown.samples} <= {*labels}
    assert shown.intended_use == run.policy.intended_use
    assert [row[0] for row in shown.stages] == [stage.name for stage in run.record.stages]


def test_the_source_is_counted_exactly_on_the_private_page_only(run):
    train = run.record.stage("split").classes["train"]
    source = report_content(run, run.decide(), "0" * 8).source
    exact = report_content(run, run.decide(), "0" * 8, private=True).source
    assert exact.records == sum(train.values())
    assert source.records == public_count(exact.records, run.policy)
    assert source.persons == floor_of(exact.persons)
    assert (source.is_least, source.is_declared, source.has_persons) == (True, False, True)


def test_records_of_a_refused_run_are_on_the_private_page_only(run):
    refused = replace(run, policy=run.policy.model_copy(update={"required": ("canaries",)}))
    content = report_content(refused, refused.decide(), None)
    assert (content.verdict, content.samples) == ("refused", ())
    private = report_content(refused, refused.decide(), None, private=True)
    assert len(private.samples) == 10
    assert private.samples == report_content(run, run.decide(), "0" * 8).samples
    texts = [escape(excerpt(text)) for _, text in private.samples]
    page = refused.report(refused.decide(), private=True)
    assert [text for text in texts if text not in page] == []
    page = refused.report(refused.decide())
    assert [text for text in texts if text in page] == []


def test_the_private_page_names_the_problems_of_the_input_checks(run):
    strict = replace(run, policy=load_policy("research"))
    pages = [report_content(strict, strict.decide(), None, private=private) for private in (False, True)]
    public, private = (next(gate.reason for gate in page.gates if gate.id == "input-checks") for page in pages)
    problems = read_report((run.folder("audit") / "audit.json").read_bytes()).input_checks["problems"]
    assert problems
    assert public == "9 <= 0 does not hold"
    assert private == f"{len(problems)} <= 0 does not hold: {'; '.join(problems)}"


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
