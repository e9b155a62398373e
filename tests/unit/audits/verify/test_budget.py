"""A privacy budget must be the same number wherever it stands, and be booked."""

import hashlib
import json
import re
import shutil
import sys
from types import SimpleNamespace

import pytest

from audits.core.errors import VerifyError
from audits.core.strictjson import canonical
from audits.gate.evidence import AuditState, Evidence, Metric
from audits.verify.budget import check_budget, check_ledger
from audits.verify.contents import METRICS, REPORT_JSON
from audits.verify.mechanism import CHECKED, NORMALISER, SAMPLING, check_models_and_delta, check_spent
from audits.verify.statement import Privacy

BUDGET = {
    "ledgerId": "1" * 32,
    "maxEpsilon": 3.0,
    "maxDelta": 1e-5,
    "spentBefore": 0.0,
    "spentAfter": 2.0,
    "deltaBefore": 0.0,
    "deltaAfter": 1e-6,
}


@pytest.fixture(scope="module")
def private(releases, tmp_path_factory):
    return releases.bundle(tmp_path_factory.mktemp("private"), releases.DP_POLICY, privacy=releases.DP_PRIVACY)


@pytest.fixture
def bundle(private, tmp_path):
    return shutil.copytree(private, tmp_path / private.name)


HALF = {**BUDGET, "spentBefore": 0.5, "spentAfter": 2.5}


def other(epsilon=0.5, delta=1e-6):
    return {"release": "r", "epsilon": epsilon, "delta": delta}


def claim(bundle, releases, **changes):
    privacy = {**releases.DP_PRIVACY, **changes}
    releases.edit(bundle, lambda v: v["predicate"].update(privacy=privacy))


@pytest.mark.parametrize(
    ("before", "after", "composition"), [(0.0, 2.0, []), (0.3, 2.3, [0.1, 0.2]), (0.7, 2.7, [0.7]), (0.5, 3.0, [])]
)
def test_a_booked_budget_holds(bundle, judge, releases, before, after, composition):
    others = [{"release": f"r{i}", "epsilon": e, "delta": 4e-6} for i, e in enumerate(composition)]
    deltas = {"deltaBefore": 8e-6, "deltaAfter": 9e-6}
    claim(
        bundle, releases, budget={**BUDGET, "spentBefore": before, "spentAfter": after, **deltas}, composition=others
    )
    found = judge(bundle)
    assert found.ok, found.failure


NO_CLAIM = {"mechanism": "none+empirical", "epsilon": None, "delta": None, "neighbouring": None}
WRONG = {
    "epsilon": ({"epsilon": 1.0}, "the claimed epsilon differs from the evidence"),
    "delta": ({"delta": 1e-7}, "the claimed delta differs from the evidence"),
    "unit": ({"unit": "record"}, "the privacy unit is record"),
    "no-ledger": ({"budget": None}, "the ledger is missing"),
    "not-booked": ({"budget": {**BUDGET, "spentAfter": 1.99}}, "does not contain the epsilon of this release"),
    "not-booked-again": (
        {"budget": {**BUDGET, "spentBefore": 0.5, "spentAfter": 2.4}},
        "does not contain the epsilon",
    ),
    "forgotten-releases": ({"composition": [other(epsilon=0.5)]}, "other releases spent more epsilon"),
    "forgotten-delta": ({"composition": [other(delta=1e-7)], "budget": HALF}, "other releases spent more delta"),
    "negative-before": ({"budget": {**BUDGET, "spentBefore": -1.0}}, "epsilon that is not positive"),
    "negative-release": ({"composition": [other(epsilon=-0.5)]}, "epsilon that is not positive"),
    "empty-delta": ({"composition": [other(delta=0.0)], "budget": HALF}, "delta that is not positive"),
    "negative-delta": ({"budget": {**BUDGET, "deltaBefore": -1e-6}}, "delta that is not positive"),
    "delta-not-booked": ({"budget": {**BUDGET, "deltaBefore": 1e-6}}, "does not contain the delta of this release"),
    "delta-overspent": (
        {"budget": {**BUDGET, "maxDelta": 1.0, "deltaAfter": 1.1e-5}},
        "the delta spent is above its limit",
    ),
    "delta-overspent-by-ledger": ({"budget": {**BUDGET, "maxDelta": 9e-7}}, "the delta spent is above its limit"),
    "overspent": ({"budget": {**BUDGET, "spentBefore": 1.5, "spentAfter": 3.5}}, "exceeded"),
    "overspent-by-policy": ({"budget": {**BUDGET, "maxEpsilon": 9.0, "spentAfter": 3.5}}, "exceeded"),
    "overspent-by-ledger": ({"budget": {**BUDGET, "maxEpsilon": 1.5}}, "exceeded"),
    "no-claim": (NO_CLAIM, "none is claimed"),
    "other-neighbours": ({"neighbouring": "replace-one"}, "add-remove neighbours"),
    "unsaid-neighbours": ({"neighbouring": None}, "add-remove neighbours"),
}


@pytest.mark.parametrize("case", sorted(WRONG))
def test_a_wrong_budget_is_refused(case, bundle, judge, releases):
    changes, words = WRONG[case]
    claim(bundle, releases, **changes)
    found = judge(bundle)
    assert (found.code, found.checks[-1].id) == (12, "ledger"), found.failure
    assert words in found.failure


@pytest.mark.parametrize(
    ("ledgers", "said"),
    [(("2" * 32,), "the trust root does not name the ledger"), ((), "the trust root names no ledger")],
)
def test_a_budget_of_a_ledger_that_the_root_does_not_name_is_none(bundle, judge, releases, ledgers, said):
    found = judge(bundle, releases.root(ledgers=ledgers))
    assert (found.ok, found.code, found.checks[-1].id) == (False, 11, "ledger")
    assert said in found.failure
    held = judge(bundle, releases.root(ledgers=("2" * 32, releases.LEDGER)))
    assert held.ok, held.failure


def test_attempts_and_budget_stand_in_one_ledger(bundle, judge, releases):
    claim(bundle, releases, budget={**BUDGET, "ledgerId": "2" * 32})
    found = judge(bundle, releases.root(ledgers=("2" * 32, releases.LEDGER)))
    assert (found.code, found.checks[-1].id) == (12, "ledger")
    assert "are in different ledgers" in found.failure


def test_a_root_that_names_ledgers_names_them_for_attempts_too_and_one_that_does_not_leaves_them(
    tmp_path, judge, releases
):
    path = releases.bundle(tmp_path)
    assert judge(path).ok
    assert judge(path, releases.root(ledgers=())).ok
    found = judge(path, releases.root(ledgers=("2" * 32,)))
    assert (found.code, found.checks[-1].id) == (11, "ledger")


def rewrite(bundle, releases, name, change):
    value = json.loads((bundle / name).read_bytes())
    change(value)
    (bundle / name).write_bytes(canonical(value))
    names = sorted(p.relative_to(bundle).as_posix() for p in bundle.rglob("*") if p.is_file())
    names = [n for n in names if n != "SHA256SUMS" and not n.startswith("attestation/")]
    sums = (f"{hashlib.sha256((bundle / n).read_bytes()).hexdigest()}  {n}\n" for n in names)
    (bundle / "SHA256SUMS").write_text("".join(sums))
    digest = hashlib.sha256((bundle / METRICS).read_bytes()).hexdigest()
    releases.edit(bundle, lambda v: v["predicate"]["evidence"][0]["digest"].update(sha256=digest))


def other_claim(epsilon):
    def change(result):
        result["details"]["claim"]["epsilon"] = epsilon

    return change


def test_the_log_must_say_the_same(bundle, judge, releases):
    rewrite(bundle, releases, "evidence/accounting.json", other_claim(1.0))
    rewrite(bundle, releases, "report/report.json", lambda v: other_claim(1.0)(v["audit"]["results"][-1]))
    assert "differs from the mechanism's log" in judge(bundle).failure
    for name, of in (
        ("evidence/accounting.json", lambda v: v),
        ("report/report.json", lambda v: v["audit"]["results"][-1]),
    ):
        rewrite(bundle, releases, name, lambda v, of=of: of(v)["details"].pop("claim"))
    assert "does not contain the claim" in judge(bundle).failure


LOUD = {"kind": "gaussian", "noise_multiplier": 0.05, "sampling_rate": 1.0, "steps": 500}
SAMPLED = {"kind": "dp-sgd", "noise_multiplier": 0.7, "sampling_rate": 0.05, "steps": 30}
CHEAP = {**SAMPLED, "noise_multiplier": 3.0}
ALL_HOLD = dict.fromkeys(CHECKED, "holds")
OF_STEPS = {**ALL_HOLD, SAMPLING: "holds", NORMALISER: "holds"}
UNTRUE = {
    "less-noise": ({"mechanisms": [LOUD]}, "exceeds the claim"),
    "less-noise-of-few": ({"mechanisms": [SAMPLED], "checks": OF_STEPS}, "exceeds the claim"),
    "another-read": ({"accounted_reads": [{"epsilon": 0.2, "delta": 1e-9}]}, "exceeds the claim"),
    "all-of-delta": ({"accounted_reads": [{"epsilon": 1e-3, "delta": 1e-6}]}, "exceeds the claim"),
    "no-mechanism": ({"mechanisms": []}, "exceeds the claim"),
    "no-number": ({"mechanisms": [{**CHEAP, "noise_multiplier": None}]}, "does not list what it adds up"),
    "reads-untold": ({"accounted_reads": None}, "does not list what it adds up"),
    "broken-check": ({"checks": {"claim": "holds", "reads": "broken"}}, "not all of its checks hold"),
    "missing-check": ({"checks": {**ALL_HOLD, "claim": "missing"}}, "not all of its checks hold"),
    "no-check": ({"checks": {}}, "not all of its checks hold"),
    "another-check": ({"checks": {"anything": "holds"}}, "lacks these checks: accountants, claim, clipping"),
    "unsampled": ({"mechanisms": [CHEAP], "checks": ALL_HOLD}, "lacks these checks: normaliser, poisson sampling"),
    "each-record": ({"claim_scope": "record"}, "not all of its checks hold"),
    "endless": ({"mechanisms": [{**CHEAP, "steps": 10**9}]}, "does not list what it adds up"),
    "hardly-ever": ({"mechanisms": [{**CHEAP, "sampling_rate": 5e-324}]}, "does not list what it adds up"),
    "too-many": ({"mechanisms": [LOUD] * 65}, "more than 64 mechanisms"),
    "read-by-nobody": ({"unaccounted_reads": ["retries"]}, "not all of its checks hold"),
}


@pytest.mark.parametrize("case", sorted(UNTRUE))
def test_a_claim_that_its_own_accounting_contradicts_is_refused(case, releases):
    changes, words = UNTRUE[case]
    with pytest.raises(VerifyError, match=f"E_GATE .*{words}"):
        check_spent(Privacy.model_validate(releases.DP_PRIVACY), accounted_as(releases, **changes))


@pytest.mark.parametrize(
    "changes", [{}, {"mechanisms": [CHEAP], "checks": OF_STEPS}, {"mechanisms": [{**LOUD, "noise_multiplier": 55.0}]}]
)
def test_a_claim_that_its_accounting_bears_holds(changes, releases):
    check_spent(Privacy.model_validate(releases.DP_PRIVACY), accounted_as(releases, **changes))


def accounted_as(releases, **changes):
    audit = releases.content(releases.DP_POLICY).audit_json
    audit["results"][-1]["details"].update(changes)
    return {REPORT_JSON: canonical({"audit": audit})}


def test_a_whole_bundle_that_claims_less_than_its_mechanisms_cost_does_not_verify(bundle, judge, releases):
    for name, of in (
        ("evidence/accounting.json", lambda v: v),
        ("report/report.json", lambda v: v["audit"]["results"][-1]),
    ):
        rewrite(bundle, releases, name, lambda v, of=of: of(v)["details"].update(mechanisms=[LOUD]))
    found = judge(bundle)
    assert (found.code, found.checks[-1].id) == (12, "ledger")
    assert "the recomputed epsilon of the mechanisms exceeds the claim" in found.failure


@pytest.mark.parametrize(("recomputed", "holds"), [(1.99, True), (2.0001, True), (2.1, False), (40.0, False)])
def test_evidence_that_recomputed_more_than_is_claimed_is_refused(bundle, judge, releases, recomputed, holds):
    number = {"value": recomputed, "low": recomputed, "high": recomputed, "confidence": 0.95, "n": 1}
    for name, of in (
        (METRICS, lambda v: v),
        ("evidence/accounting.json", lambda v: v),
        ("report/report.json", lambda v: v["audit"]["results"][-1]),
    ):
        rewrite(
            bundle,
            releases,
            name,
            lambda v, of=of: of(v)["metrics"].update({"accounting.epsilon_recomputed": number}),
        )
    found = judge(bundle)
    assert found.ok == holds, found.failure
    assert holds or "the recomputed epsilon in the evidence exceeds the claim" in found.failure


@pytest.mark.parametrize(
    ("numbers", "said"),
    [
        ({"secret.private": 0}, "the seed of the noise is not secret"),
        ({"secret.private": None}, "the seed of the noise is not secret"),
        ({"accounting.unaccounted_reads": 1}, "not all reads of persons are accounted for"),
    ],
)
def test_an_epsilon_of_open_noise_or_beside_reads_that_nobody_counted_is_refused(releases, numbers, said):
    content = releases.content(releases.DP_POLICY)
    metrics = {name: one for name, one in content.evidence.metrics.items() if name not in numbers}
    metrics |= {
        name: Metric(value=n, low=n, high=n, confidence=0.96, n=1) for name, n in numbers.items() if n is not None
    }
    evidence = content.evidence.model_copy(update={"metrics": metrics})
    with pytest.raises(VerifyError, match=f"E_GATE .*{said}"):
        check_budget(
            Privacy.model_validate(releases.DP_PRIVACY),
            releases.policy_of(releases.POLICY),
            evidence,
            {REPORT_JSON: canonical({"audit": content.audit_json})},
        )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda v: v["models"][0].update(trainedOnPrivateData=True), "not trained on private data"),
        (lambda v: v["inputs"][0].update(countBucket="200k-500k"), r"delta must be at most 1 / \(10 n\)"),
        (lambda v: v["inputs"][0].update(countBucket="1-500k"), "the number of train persons is not stated"),
        (lambda v: v["inputs"][0].update(countBucket="0-10"), "or too low"),
    ],
)
def test_an_epsilon_beside_a_model_or_a_number_of_persons_that_voids_it_is_refused(
    bundle, judge, releases, change, said
):
    releases.edit(bundle, lambda v: change(v["predicate"]))
    found = judge(bundle)
    assert (found.code, found.checks[-1].id) == (12, "ledger")
    assert re.search(said, found.failure)


def test_an_epsilon_needs_its_models_and_its_persons_where_the_policy_asks_for_neither():
    model, train = (
        SimpleNamespace(trained_on_private_data=False),
        SimpleNamespace(role="train", count_bucket="50-100"),
    )
    for models, inputs, said in (([], [train], "the models are named"), ([model], [], "not stated")):
        predicate = SimpleNamespace(privacy=SimpleNamespace(delta=1e-6), models=models, inputs=inputs)
        with pytest.raises(VerifyError, match=said):
            check_models_and_delta(predicate)
    check_models_and_delta(SimpleNamespace(privacy=SimpleNamespace(delta=1e-6), models=[model], inputs=[train]))


def test_without_the_library_nothing_is_recomputed_and_nothing_passes(releases, monkeypatch):
    monkeypatch.setitem(sys.modules, "dp_accounting", None)
    with pytest.raises(VerifyError, match=r"E_GATE the claimed epsilon cannot be recomputed: .*dp-accounting"):
        check_spent(Privacy.model_validate(releases.DP_PRIVACY), accounted_as(releases))


def test_what_the_log_spent_is_booked(bundle, judge, releases):
    spent = {"value": 2.5, "low": 2.5, "high": 2.5, "confidence": 0.95, "n": 1}
    for name, of in (
        (METRICS, lambda v: v),
        ("evidence/accounting.json", lambda v: v),
        ("report/report.json", lambda v: v["audit"]["results"][-1]),
    ):
        rewrite(bundle, releases, name, lambda v, of=of: of(v)["metrics"].update({"accounting.epsilon_spent": spent}))
    assert "the log of all releases has spent more" in judge(bundle).failure


def test_an_epsilon_without_accounting_is_none(tmp_path, judge, releases):
    path = releases.bundle(tmp_path)
    claim(path, releases)
    found = judge(path)
    assert (found.code, found.checks[-1].id) == (12, "ledger")
    assert "no accounting passed" in found.failure


def test_a_ledger_without_a_claim_is_refused(tmp_path, judge, releases):
    path = releases.bundle(tmp_path)
    claim(path, releases, **NO_CLAIM)
    assert judge(path).checks[-1].id == "ledger"


@pytest.mark.parametrize(("name", "said"), [("epsilon", "the claimed epsilon"), ("delta", "the claimed delta")])
def test_a_claim_without_its_number_in_the_evidence_is_refused(releases, name, said):
    """The gates ask for both numbers as well; here nothing stands before this check."""
    policy = releases.policy_of(releases.POLICY)
    content = releases.content(releases.DP_POLICY)
    metrics = {key: metric for key, metric in content.evidence.metrics.items() if key != f"accounting.{name}"}
    evidence = content.evidence.model_copy(update={"metrics": metrics})
    held = {REPORT_JSON: canonical({"audit": content.audit_json})}
    privacy = Privacy.model_validate(releases.DP_PRIVACY)
    assert "epsilon 2.0" in check_budget(privacy, policy, content.evidence, held)
    with pytest.raises(VerifyError, match=f"E_GATE {said}"):
        check_budget(privacy, policy, evidence, held)


@pytest.mark.parametrize(
    ("verdict", "status"), [("fail", "measured"), ("pass", "failed"), ("insufficient", "failed")]
)
def test_an_accounting_that_did_not_pass_stands_behind_nothing(releases, verdict, status):
    content = releases.content(releases.DP_POLICY)
    state = content.evidence.audits["accounting"].model_copy(update={"verdict": verdict, "status": status})
    evidence = content.evidence.model_copy(update={"audits": {**content.evidence.audits, "accounting": state}})
    held = {REPORT_JSON: canonical({"audit": content.audit_json})}
    privacy = Privacy.model_validate(releases.DP_PRIVACY)
    with pytest.raises(VerifyError, match="no accounting passed"):
        check_budget(privacy, releases.policy_of(releases.DP_POLICY), evidence, held)


def excusing(**changes):
    """Return evidence under which a budget stands in for the question of parents, with numbers changed."""
    numbers = {
        "method.private": 1.0,
        "secret.private": 1.0,
        "parent_recovery.lineage": 1.0,
        "parent_recovery.records_with_parents": 0.0,
        "accounting.epsilon": 2.0,
        "accounting.delta": 1e-6,
        **changes,
    }
    states = {"parent_recovery": "insufficient", "accounting": "pass"}
    return Evidence(
        metrics={k: Metric(value=v, low=v, high=v, confidence=0.96, n=1) for k, v in numbers.items()},
        audits={k: AuditState(verdict=v, status="measured", confidence=0.96) for k, v in states.items()},
    )


def test_a_release_that_a_budget_stands_in_for_is_held_to_that_budget_and_its_ledger(releases):
    policy = releases.policy_of(releases.PARENTLESS)
    held = {REPORT_JSON: canonical({"audit": releases.audit_json(dp=True)})}

    def budget(evidence, **changes):
        return check_budget(Privacy.model_validate({**releases.DP_PRIVACY, **changes}), policy, evidence, held)

    assert "epsilon 2.0" in budget(excusing(), budget=BUDGET)
    for changes, said in (
        ({"budget": None}, "the ledger is missing"),
        ({"unit": "record"}, "the privacy unit is record"),
        ({"budget": {**BUDGET, "spentBefore": 0.6, "spentAfter": 2.6}}, "exceeded: the epsilon spent"),
        ({"budget": {**BUDGET, "maxDelta": 1.0, "deltaBefore": 1e-5, "deltaAfter": 1.1e-5}}, "the delta spent"),
    ):
        with pytest.raises(VerifyError, match=f"E_GATE .*{said}"):
            budget(excusing(), **changes)
    assert budget(excusing(**{"parent_recovery.records_with_parents": 3.0}), budget=None)

    predicate = SimpleNamespace(
        attempts=SimpleNamespace(ledger=SimpleNamespace(id=releases.LEDGER)), privacy=SimpleNamespace(budget=None)
    )
    bare = releases.root(ledgers=())
    assert "names" in check_ledger(predicate, policy, excusing(), releases.root())
    with pytest.raises(VerifyError, match="E_TRUST the trust root names no ledger"):
        check_ledger(predicate, policy, excusing(), bare)
    with_parents = excusing(**{"parent_recovery.records_with_parents": 3.0})
    assert check_ledger(predicate, policy, with_parents, bare) == "the trust root names no ledger"


def test_statement_and_evidence_name_the_same_kind_of_method(releases):
    policy = releases.policy_of(releases.PARENTLESS)
    held = {REPORT_JSON: canonical({"audit": releases.audit_json(dp=True)})}
    private = Privacy.model_validate(releases.DP_PRIVACY)
    none = Privacy.model_validate({"mechanism": "none+empirical", "unit": "group"})
    for privacy, evidence in ((private, excusing(**{"method.private": 0.0})), (none, excusing())):
        with pytest.raises(VerifyError, match="E_GATE statement and evidence disagree"):
            check_budget(privacy, policy, evidence, held)
