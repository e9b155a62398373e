"""The stated epsilon, noise, sampling and disclosed audit numbers must agree with the mechanism log."""

import contextlib
import functools
import json
import operator
import sys
from types import SimpleNamespace

import pytest

from audits.core.errors import VerifyError
from audits.core.strictjson import canonical, parse
from audits.verify.contents import REPORT_JSON
from audits.verify.mechanism import (
    CHECKED,
    NORMALISER,
    SAMPLING,
    accounting_details,
    check_mechanism,
    check_models_and_delta,
    check_spent,
    stated_noise,
)
from audits.verify.published import ReportFile, read_published
from audits.verify.statement import Privacy

MEANS = {"kind": "gaussian", "noise_multiplier": 5.5, "sampling_rate": 1, "steps": 1}
SPREAD = {**MEANS, "noise_multiplier": 7.25}
STEPS = {"kind": "dp-sgd", "noise_multiplier": 2.44, "sampling_rate": 0.102, "steps": 200}
MORE = {**STEPS, "sampling_rate": 0.25, "steps": 30}
LOUD = {"kind": "gaussian", "noise_multiplier": 0.05, "sampling_rate": 1.0, "steps": 500}
SAMPLED = {"kind": "dp-sgd", "noise_multiplier": 0.7, "sampling_rate": 0.05, "steps": 30}
CHEAP = SAMPLED | {"noise_multiplier": 3.0}
ALL_HOLD = dict.fromkeys(CHECKED, "holds")
OF_STEPS = dict.fromkeys((*CHECKED, SAMPLING, NORMALISER), "holds")
NOISE = ("sampling", "sampleRate", "steps", "noiseMultiplier")


@pytest.mark.parametrize(
    ("mechanisms", "stated"),
    [
        ((MEANS,), ("none", None, None, 5.5)),
        ((MEANS, MEANS), ("none", None, None, 5.5)),
        ((MEANS, SPREAD), ("none", None, None, None)),
        ((STEPS,), ("poisson", "0.102", 200, 2.44)),
        ((MEANS, STEPS), ("poisson", "0.102", 200, None)),
        ((STEPS, MORE), ("poisson", None, None, 2.44)),
        ((STEPS, {**MORE, "steps": 200}), ("poisson", None, 200, 2.44)),
    ],
)
def test_stated_noise(mechanisms, stated):
    assert stated_noise(mechanisms) == dict(zip(NOISE, stated, strict=True))


def report_with(details):
    return {REPORT_JSON: canonical({"audit": {"results": [{"name": "accounting", "details": details}]}})}


def details(*mechanisms, outside=("input-checks", "release-gate", "audit-numbers")):
    return {"mechanisms": list(mechanisms), "outside_reads": list(outside)}


@pytest.fixture
def stated(releases):
    return lambda **noise: Privacy.model_validate({**releases.DP_PRIVACY, **noise})


@pytest.mark.parametrize("mechanisms", [(MEANS, STEPS), (MEANS,), (STEPS, MORE)])
def test_noise_may_be_stated_fully_or_only_with_its_sampling(releases, stated, mechanisms):
    policy = releases.policy_of(releases.DP_POLICY)
    check_mechanism(stated(**stated_noise(mechanisms)), policy, report_with(details(*mechanisms)))
    sampling = stated_noise(mechanisms)["sampling"]
    check_mechanism(stated(sampling=sampling), policy, report_with(details(*mechanisms)))


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        *(("sampling", "none"), ("sampleRate", "0.1"), ("steps", 199), ("steps", 0)),
        *(("noiseMultiplier", noise) for noise in (0.172, 0.0)),
    ],
)
def test_other_noise_or_sampling_is_refused(releases, stated, name, wrong):
    policy, noise = releases.policy_of(releases.DP_POLICY), stated_noise((MEANS, STEPS))
    with pytest.raises(VerifyError, match=f"E_GATE the statement and the accounting differ in: {name}$"):
        check_mechanism(stated(**{**noise, name: wrong}), policy, report_with(details(MEANS, STEPS)))


@pytest.mark.parametrize("broken", [{}, {"mechanisms": None}, {"mechanisms": [{}]}, {"mechanisms": [3]}])
def test_noise_without_mechanisms_in_the_report_is_refused(releases, stated, broken):
    policy = releases.policy_of(releases.DP_POLICY)
    with pytest.raises(VerifyError, match="must list mechanisms, and reads that the claim does not cover"):
        check_mechanism(stated(sampling="poisson"), policy, report_with(broken))


def test_what_the_policy_publishes_and_decides_by_must_be_declared_in_the_log(releases, stated):
    silent, open_policy = releases.policy_of(releases.DP_POLICY), releases.policy_of(releases.PARENTLESS)
    independent = releases.policy_of(releases.INDEPENDENT_POLICY)
    kinds = ("input-checks", "release-gate", "audit-numbers")
    for policy, needed in ((silent, kinds[:2]), (open_policy, kinds), (independent, kinds[:1])):
        check_mechanism(stated(), policy, report_with(details(MEANS, outside=(*needed, "retries"))))
        for lacking in needed:
            others = [kind for kind in needed if kind != lacking]
            with pytest.raises(VerifyError, match=f"E_GATE the mechanism log must declare .*: {lacking}$"):
                check_mechanism(stated(), policy, report_with(details(MEANS, outside=others)))
    for kind in kinds[1:]:
        message = f"E_GATE a policy with `decision: independent` forbids these reads in the log: {kind}$"
        with pytest.raises(VerifyError, match=message):
            check_mechanism(stated(), independent, report_with(details(MEANS, outside=(kinds[0], kind))))
    for broken in ({}, {"outside_reads": None}, {"outside_reads": 3}):
        with pytest.raises(VerifyError, match="must list mechanisms, and reads that the claim does not cover"):
            check_mechanism(stated(), open_policy, report_with(broken))


def test_the_report_has_one_accounting():
    assert accounting_details(report_with(details(MEANS)))["mechanisms"] == (MEANS,)
    for wrong in (b"{", canonical({"audit": {"results": []}}), canonical({}), canonical([])):
        with pytest.raises(VerifyError, match="does not contain the accounting"):
            accounting_details({REPORT_JSON: wrong})


UNTRUE = {
    "less-noise": ({"mechanisms": [LOUD]}, "exceeds the claim"),
    "less-noise-with-sampling": ({"mechanisms": [SAMPLED], "checks": OF_STEPS}, "exceeds the claim"),
    "further-accounted-read": ({"accounted_reads": [{"epsilon": 0.2, "delta": 1e-9}]}, "exceeds the claim"),
    "read-of-all-delta": ({"accounted_reads": [{"epsilon": 1e-3, "delta": 1e-6}]}, "no epsilon can be computed"),
    "no-mechanism": ({"mechanisms": []}, "no epsilon can be computed"),
    "no-number": ({"mechanisms": [{**CHEAP, "noise_multiplier": None}]}, "does not list valid mechanisms"),
    "reads-not-listed": ({"accounted_reads": None}, "does not list valid mechanisms"),
    "broken-check": ({"checks": {"claim": "holds", "reads": "broken"}}, "not all of its checks hold"),
    "missing-check": ({"checks": {**ALL_HOLD, "claim": "missing"}}, "not all of its checks hold"),
    "no-check": ({"checks": {}}, "not all of its checks hold"),
    "another-check": ({"checks": {"anything": "holds"}}, "lacks these checks: accountants, claim, clipping"),
    "unsampled": ({"mechanisms": [CHEAP], "checks": ALL_HOLD}, "lacks these checks: normaliser, poisson sampling"),
    "claim-per-record": ({"claim_scope": "record"}, "passed, but its claim is not per person"),
    "too-many-steps": ({"mechanisms": [{**CHEAP, "steps": 10**9}]}, "does not list valid mechanisms"),
    "tiny-sampling-rate": ({"mechanisms": [{**CHEAP, "sampling_rate": 5e-324}]}, "does not list valid mechanisms"),
    "too-many-mechanisms": ({"mechanisms": [LOUD] * 65}, "more than 64 mechanisms"),
    "unaccounted-read": ({"unaccounted_reads": ["retries"]}, "passed, but it lists reads that are not accounted for"),
}


@pytest.mark.parametrize("case", sorted(UNTRUE))
def test_claim_that_contradicts_its_accounting_is_refused(case, releases):
    changes, words = UNTRUE[case]
    with pytest.raises(VerifyError, match=f"E_GATE .*{words}"):
        check_spent(Privacy.model_validate(releases.DP_PRIVACY), accounted_as(releases, **changes))


@pytest.mark.parametrize(
    "changes", [{}, {"mechanisms": [CHEAP], "checks": OF_STEPS}, {"mechanisms": [{**LOUD, "noise_multiplier": 55.0}]}]
)
def test_claim_that_its_accounting_supports_is_accepted(changes, releases):
    check_spent(Privacy.model_validate(releases.DP_PRIVACY), accounted_as(releases, **changes))


def accounted_as(releases, **changes):
    audit = releases.content(releases.DP_POLICY).audit_json
    audit["results"][-1]["details"].update(changes)
    return {REPORT_JSON: canonical({"audit": audit})}


def test_epsilon_requires_models_and_persons_under_any_policy():
    model = SimpleNamespace(trained_on_private_data=False, format="safetensors")
    train = SimpleNamespace(role="train", count_bucket="50-100")
    other = SimpleNamespace(role="train", count_bucket="50-10000")  # not a range in which counts are published
    given = (
        ([], [train], "must name its models"),
        *(([model], i, "must give one range") for i in ([], [other], [train] * 2)),
    )
    for models, inputs, said in given:
        privacy = SimpleNamespace(delta=1e-6, budget=None)
        predicate = SimpleNamespace(privacy=privacy, models=models, inputs=inputs)
        with pytest.raises(VerifyError, match=said):
            check_models_and_delta(predicate)
    for total, is_refused in ((None, False), (2e-3, False), (2.1e-3, True)):
        budget = None if total is None else SimpleNamespace(delta=total)
        privacy = SimpleNamespace(delta=1e-6, budget=budget)
        predicate = SimpleNamespace(privacy=privacy, models=[model], inputs=[train])
        if is_refused:
            with pytest.raises(VerifyError, match="the delta of all runs together"):
                check_models_and_delta(predicate)
        else:
            check_models_and_delta(predicate)


def test_missing_accounting_library_is_refused(releases, monkeypatch):
    monkeypatch.setitem(sys.modules, "dp_accounting", None)
    with pytest.raises(VerifyError, match=r"E_GATE the claimed epsilon cannot be recomputed: .*dp-accounting"):
        check_spent(Privacy.model_validate(releases.DP_PRIVACY), accounted_as(releases))


def test_bundle_that_states_other_noise_is_refused(tmp_path, judge, releases, refused):
    true = {"sampling": "none", "noiseMultiplier": 2.34}
    path = releases.bundle(tmp_path, releases.DP_POLICY, privacy={**releases.DP_PRIVACY, **true})
    assert judge(path).ok, judge(path).failure
    releases.edit(path, lambda v: v["predicate"]["privacy"].update(noiseMultiplier=5.0))
    refused(path, 12, "ledger", "the statement and the accounting differ in: noiseMultiplier")


def add_counts_of_persons(report):
    (result,) = [one for one in report["audit"]["results"] if one["name"] == "membership"]
    result["details"] = {"n_train_persons": 77, "train_ids": ["patient-17"]}


@pytest.mark.parametrize(
    "change",
    [
        add_counts_of_persons,
        lambda report: report["audit"].update(input_checks={"counts": {"train": 154}}),
        lambda report: report["audit"].update(inputs={"train": "ab" * 32}),
        lambda report: report["page"]["balance"][0].update(real="200-500"),
        lambda report: report["page"]["stages"].insert(0, {"name": "split", "n_in": "1k-2k", "n_out": "1k-2k"}),
        lambda report: report["audit"]["results"][0].update(reason="of 77 persons that of row 17 was found"),
        lambda report: report["audit"].update(results=7),
        lambda report: report["audit"].update(remark="row 17 of 77 persons was found"),
    ],
)
def test_report_under_dp_with_more_than_verdicts_is_refused(tmp_path, judge, releases, change):
    bundle = releases.bundle(tmp_path, releases.DP_POLICY, privacy=releases.DP_PRIVACY)
    report = json.loads((bundle / REPORT_JSON).read_bytes())
    change(report)
    (bundle / REPORT_JSON).write_bytes(canonical(report))
    if isinstance(report["audit"]["results"], list):
        for result in report["audit"]["results"]:
            (bundle / f"evidence/{result['name']}.json").write_bytes(canonical(result))
    releases.edit(bundle, lambda _: None)
    assert judge(bundle).code == 12


def test_report_with_any_json_at_any_place_is_refused_or_equal(tmp_path, releases):
    bundle = releases.bundle(tmp_path, releases.DP_POLICY, privacy=releases.DP_PRIVACY)
    text, policy = (bundle / REPORT_JSON).read_text(), releases.policy_of(releases.DP_POLICY)
    read = functools.partial(read_published, ReportFile, name="report", policy=policy)
    read(parse(text.encode()))
    places = list(places_in(json.loads(text)))[1:]
    assert len(places) > 80
    for place in places:
        for odd in (3, "a note", ["a note"], {"a": "note"}):
            report = json.loads(text)
            functools.reduce(operator.getitem, place[:-1], report)[place[-1]] = odd
            shown = {}
            with contextlib.suppress(VerifyError):
                shown = read(parse(canonical(report))).model_dump(mode="json", by_alias=True)
            assert "a note" not in json.dumps(shown) or "label" in place


def places_in(value, place=()):
    yield place
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield from places_in(value[key], (*place, key))
