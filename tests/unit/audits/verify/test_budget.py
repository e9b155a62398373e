"""Statement, evidence, mechanism log and ledger must agree on a privacy budget."""

import re
import shutil
from types import SimpleNamespace

import pytest

from audits.attacks.accounting import accountants
from audits.core.errors import NotMeasurable, VerifyError
from audits.core.strictjson import canonical, parse
from audits.gate.evidence import AuditState, Evidence, Metric
from audits.verify.budget import check_budget, check_ledger
from audits.verify.contents import METRICS, REPORT_JSON
from audits.verify.statement import Privacy

LIMITS = {"ledgerId": "1" * 32, "maxEpsilon": 3.0, "maxDelta": 1e-5}
BUDGET = {**LIMITS, "delta": 1e-5, "spentBefore": 0.0, "spentAfter": 2.0, "voided": 0}
NO_CLAIM = {"mechanism": "none+empirical", "epsilon": None, "delta": None, "neighbouring": None, "decision": None}
NO_CLAIM |= {"accountant": None, "sampling": None}
LOUD = {"kind": "gaussian", "noise_multiplier": 0.05, "sampling_rate": 1.0, "steps": 500}


@pytest.fixture(scope="module")
def private(releases, tmp_path_factory):
    return releases.bundle(tmp_path_factory.mktemp("private"), releases.DP_POLICY, privacy=releases.DP_PRIVACY)


@pytest.fixture
def bundle(private, tmp_path):
    return shutil.copytree(private, tmp_path / private.name)


def budget(**changes):
    return {"budget": {**BUDGET, **changes}}


def noise(multiplier, **changes):
    """Return a mechanism of another run."""
    return {"kind": "gaussian", "noiseMultiplier": multiplier, "samplingRate": 1.0, "steps": 1, **changes}


# The mechanism of this release has the noise multiplier 2.34. At delta 1e-5, one such mechanism has epsilon 1.6734,
# and two have 2.4650 together.
def other(*multipliers, **changes):
    """Return budget fields that list other releases of the ledger, with one mechanism each."""
    runs = [{"epsilon": 50.0, "delta": 1e-6, "mechanisms": [noise(multiplier)]} for multiplier in multipliers]
    return {"composition": runs, **budget(**changes)}


def claim(bundle, releases, **changes):
    def change(value):
        steps = {"nonPrivateSteps": value["predicate"]["privacy"]["nonPrivateSteps"]}
        value["predicate"]["privacy"] = {**releases.DP_PRIVACY, **steps, **changes}

    releases.edit(bundle, change)


@pytest.mark.parametrize(
    ("before", "after", "others"),
    [
        (0.0, 1.6734, []),
        (1.6734, 2.4650, [2.34]),
        (1.6734, 2.4650, [2.34 * 2**0.5] * 2),  # two mechanisms with √2 times the noise cost as much as one
        (0.5, 3.0, []),  # the ledger may state more epsilon than its listed runs cost
        (0.5, 2.0, [12.0]),
    ],
)
def test_booked_budget_is_accepted(tmp_path, judge, releases, before, after, others):
    stated = {**releases.DP_PRIVACY, **other(*others, spentBefore=before, spentAfter=after, voided=2)}
    found = judge(releases.bundle(tmp_path, releases.DP_POLICY, privacy=stated))
    assert found.ok, found.failure
    (line,) = [check.detail for check in found.checks if check.id == "ledger"]
    voided = "2 reservations voided before noise was drawn"
    assert f"all runs of the ledger together: epsilon {after:.4g} at delta 1e-05; {voided}" in line


LAPLACE = {"composition": [{"epsilon": 0.5, "delta": 1e-6, "mechanisms": [noise(9.0, kind="laplace")]}]}
MANY = {"composition": [{"epsilon": 0.5, "delta": 1e-6, "mechanisms": [noise(1e3, kind="laplace")] * 32}] * 2}
SAMPLED = {"composition": [{"epsilon": 0.5, "delta": 1e-6, "mechanisms": [noise(1e3, samplingRate=1e-9)] * 3}]}
LOUD_RUN = {"composition": [{"epsilon": 0.5, "delta": 1e-6, "mechanisms": [noise(1e-3, steps=10**7)]}]}
SPENT_MORE = "`spentBefore` is below the joint epsilon of all other runs"
WRONG = {
    "epsilon": ({"epsilon": 1.0}, "the claimed epsilon differs from the evidence"),
    "delta": ({"delta": 1e-7}, "the claimed delta differs from the evidence"),
    "unit": ({"unit": "record"}, "the privacy unit is record"),
    "no-ledger": ({"budget": None}, "the statement contains no budget"),
    "not-booked": (budget(spentAfter=1.673), "`spentAfter` is below the joint epsilon of all runs"),
    "not-booked-again": (budget(spentBefore=2.5, spentAfter=2.4), "`spentAfter` is below the stated `spentBefore`"),
    "not-composed": (
        other(2.34, spentBefore=1.6734, spentAfter=2.464),
        "`spentAfter` is below the joint epsilon of all runs",
    ),
    "forgotten-releases": (other(2.34), SPENT_MORE),
    "forgotten-one-of-two-releases": (other(2.34, 9.0, spentBefore=1.6734, spentAfter=2.9), SPENT_MORE),
    "other-accountant": ({**LAPLACE, **budget(spentBefore=0.1, spentAfter=2.5)}, SPENT_MORE),
    "release-with-little-noise": ({**LOUD_RUN, **budget()}, SPENT_MORE),
    "too-many-without-a-closed-form": ({**MANY, **budget()}, "more than 64 mechanisms, and one of these"),
    "delta-too-small": (budget(delta=9e-7, spentAfter=2.9), "is above the stated delta of all runs"),
    "delta-above-the-policy": (budget(delta=2e-5, maxDelta=1.0), "stated limit of delta is above"),
    "delta-above-the-ledger": (budget(maxDelta=9e-6), "the spent delta is above its limit"),
    "overspent": (budget(spentBefore=1.5, spentAfter=3.5), "exceeded"),
    "overspent-by-policy": (budget(maxEpsilon=9.0, spentAfter=3.5), "stated limit of epsilon is above"),
    "voided-more-than-listed": (budget(voided=19), "the statement counts fewer ledger entries than its runs"),
    "sampled": ({**SAMPLED, **budget()}, "all runs together have more than 2 mechanisms that sample persons"),
    "overspent-by-ledger": (budget(maxEpsilon=1.5), "exceeded"),
    "no-claim": (NO_CLAIM, "so the statement must claim an epsilon and a delta"),
    "other-neighbours": ({"neighbouring": "replace-one"}, "adding or removing one person"),
    "no-neighbours": ({"neighbouring": None}, "adding or removing one person"),
}
MALFORMED = {
    "negative-before": budget(spentBefore=-1.0),
    "no-delta": budget(delta=0.0),
    "negative-voids": budget(voided=-1),
    "run-without-mechanisms": {"composition": [{"epsilon": 0.5, "delta": 1e-6, "mechanisms": []}]},
    "run-without-noise": {"composition": [{"epsilon": 0.5, "delta": 1e-6, "mechanisms": [noise(0.0)]}]},
    "negative-release": {"composition": [{"epsilon": -0.5, "delta": 1e-6, "mechanisms": [noise(9.0)]}]},
    "old-fields": budget(deltaBefore=0.0),
}


@pytest.mark.parametrize("case", sorted(MALFORMED))
def test_malformed_budget_is_refused(case, bundle, releases, refused):
    claim(bundle, releases, **MALFORMED[case])
    refused(bundle, 11, "statement")


@pytest.mark.parametrize("case", sorted(WRONG))
def test_wrong_budget_is_refused(case, bundle, releases, refused):
    changes, words = WRONG[case]
    claim(bundle, releases, **changes)
    refused(bundle, 12, "ledger", words)


@pytest.mark.parametrize(
    ("ledgers", "message"),
    [(("2" * 32,), "the trust root does not name the ledger"), ((), "the trust root names no ledger")],
)
def test_ledger_not_named_by_the_root_is_refused(bundle, judge, releases, ledgers, message, refused):
    refused(bundle, 11, "ledger", message, releases.root(ledgers=ledgers))
    named = judge(bundle, releases.root(ledgers=("2" * 32, releases.LEDGER)))
    assert named.ok, named.failure


def test_attempts_and_budget_must_be_in_one_ledger(bundle, releases, refused):
    claim(bundle, releases, **budget(ledgerId="2" * 32))
    refused(
        bundle,
        12,
        "ledger",
        "names different ledgers for the budget and for the audits",
        releases.root(ledgers=("2" * 32, releases.LEDGER)),
    )


def test_ledger_of_attempts_must_be_named_by_a_root_with_ledgers(tmp_path, judge, releases, refused):
    path = releases.bundle(tmp_path)
    assert judge(path).ok
    assert judge(path, releases.root(ledgers=())).ok
    refused(path, 11, "ledger", trust=releases.root(ledgers=("2" * 32,)))


def accounting_files(change, *, evidence=False):
    """Return a change of the accounting in its own file, in the report and optionally in the evidence."""
    files = {"evidence/accounting.json": change, REPORT_JSON: lambda v: change(v["audit"]["results"][-1])}
    return files | ({METRICS: change} if evidence else {})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda details: details["claim"].update(epsilon=1.0), "differs from the mechanism log"),
        (lambda details: details.pop("claim"), "lacks the epsilon and delta"),
        (
            lambda details: details.update(mechanisms=[LOUD]),
            "the recomputed epsilon of the mechanisms exceeds the claim",
        ),
    ],
)
def test_claim_must_match_the_log_and_its_mechanisms(bundle, reissue, refused, change, message):
    reissue(bundle, accounting_files(lambda v: change(v["details"])))
    refused(bundle, 12, "ledger", message)


EXACT, RENYI = 1.89785, 2.03881  # epsilon of the mechanism at the claimed delta, exactly and by Rényi divergences
OTHER = "in the evidence differs from the recomputed cost"


@pytest.mark.parametrize(
    ("name", "epsilon", "message"),
    [
        *(("recomputed", epsilon, "") for epsilon in (EXACT, EXACT * 1.0009)),
        *(("recomputed", epsilon, OTHER) for epsilon in (EXACT * 0.998, EXACT * 1.002, 0.1, 40.0)),
        *(("rdp", epsilon, message) for epsilon, message in ((RENYI, ""), (0.1, OTHER), (1e300, OTHER))),
        *(("prv", epsilon, message) for epsilon, message in ((EXACT, ""), (0.1, OTHER), (3.0, OTHER))),
        ("spent", 2.0, ""),
        ("spent", 1.67, "states less epsilon for all runs than this run costs"),
        ("spent", 2.5, "states epsilon 2.5, but the statement gives only"),
    ],
)
def test_evidence_with_other_epsilons_than_the_log_and_the_ledger_is_refused(
    bundle, judge, reissue, name, epsilon, message
):
    number = {"value": epsilon, "low": epsilon, "high": epsilon, "confidence": 0.95, "n": 1}
    change = accounting_files(lambda v: v["metrics"].update({f"accounting.epsilon_{name}": number}), evidence=True)
    reissue(bundle, change)
    found = judge(bundle)
    assert found.checks[-1].id == ("ledger" if message else "manifest"), found.failure  # the release id is wrong
    assert message in found.failure


def test_audited_total_may_contain_runs_that_were_voided_since(releases):
    policy = releases.policy_of(releases.DP_POLICY)
    content = releases.content(releases.DP_POLICY)
    number = Metric(value=2.5, low=2.5, high=2.5, confidence=0.96, n=1)
    metrics = {**content.evidence.metrics, "accounting.epsilon_spent": number}
    evidence, files = (
        content.evidence.model_copy(update={"metrics": metrics}),
        {REPORT_JSON: canonical({"audit": content.audit_json})},
    )
    check_budget(Privacy.model_validate({**releases.DP_PRIVACY, **budget(voided=1)}), policy, evidence, files)
    with pytest.raises(VerifyError, match=r"states epsilon 2\.5, but the statement gives only"):
        check_budget(Privacy.model_validate({**releases.DP_PRIVACY, **budget()}), policy, evidence, files)


def test_audited_total_above_the_limit_is_refused_although_runs_were_voided(releases):
    with pytest.raises(VerifyError, match="more epsilon for all runs than the policy allows"):
        check_changed(releases, releases.DP_POLICY, {"accounting.epsilon_spent": 50.0}, spent=budget(voided=1))


def test_listed_run_claims_at_least_the_cost_of_its_mechanisms(releases):
    def listed(epsilon):
        gaussian = {"kind": "gaussian", "noiseMultiplier": 2.5, "samplingRate": 1.0, "steps": 1}
        run = {"epsilon": epsilon, "delta": 1e-6, "mechanisms": [gaussian]}
        spent = {**budget(spentBefore=1.9, spentAfter=2.9), "composition": [run]}
        return check_changed(releases, releases.DP_POLICY, {}, spent=spent)

    with pytest.raises(VerifyError, match="another run of the ledger claims less epsilon than its mechanisms cost"):
        listed(0.001)
    assert "epsilon 2.9" in listed(1.9)


def test_listed_run_whose_epsilon_cannot_be_computed_is_refused(releases):
    run = {"epsilon": 1.9, "delta": 1e-310, "mechanisms": [noise(2.5)]}
    spent = {**budget(spentBefore=1.9, spentAfter=2.9), "composition": [run]}
    with pytest.raises(VerifyError, match="E_GATE the epsilon of another run cannot be recomputed"):
        check_changed(releases, releases.DP_POLICY, {}, spent=spent)


@pytest.mark.parametrize("error", [NotMeasurable, ValueError, OverflowError, MemoryError])
def test_budget_is_refused_if_the_epsilon_of_all_runs_cannot_be_computed(releases, monkeypatch, error):
    def fail(*_costs, **_delta):
        raise error("too large")

    monkeypatch.setattr(accountants, "joint_epsilon", fail)
    with pytest.raises(VerifyError, match="E_GATE the joint epsilon of all runs cannot be recomputed: too large"):
        check_changed(releases, releases.DP_POLICY, {})


def test_evidence_with_budget_numbers_is_refused_if_no_budget_is_claimed(releases):
    policy, evidence = releases.policy_of(releases.POLICY), releases.content(releases.POLICY).evidence
    privacy = Privacy(mechanism="none+empirical", unit="group")
    assert check_budget(privacy, policy, evidence, {}) == "no differential privacy is claimed"
    number = Metric(value=2.0, low=2.0, high=2.0, confidence=0.96, n=1)
    for name in ("accounting.epsilon", "accounting.epsilon_spent"):
        changed = evidence.model_copy(update={"metrics": {**evidence.metrics, name: number}})
        with pytest.raises(VerifyError, match=r"E_GATE .* numbers of a privacy budget, but no budget"):
            check_budget(privacy, policy, changed, {})


def check_changed(releases, policy, metrics, *, spent=None, **state):
    """Check the budget of a DP release whose evidence has other metrics (None: removed) or accounting state."""
    content = releases.content(releases.DP_POLICY)
    numbers = {name: metric for name, metric in content.evidence.metrics.items() if name not in metrics}
    numbers |= {k: Metric(value=v, low=v, high=v, confidence=0.96, n=1) for k, v in metrics.items() if v is not None}
    audits = dict(content.evidence.audits)
    audits["accounting"] = audits["accounting"].model_copy(update=state)
    evidence = content.evidence.model_copy(update={"metrics": numbers, "audits": audits})
    privacy = Privacy.model_validate(parse(canonical({**releases.DP_PRIVACY, **(spent or {})})))
    files = {REPORT_JSON: canonical({"audit": content.audit_json})}
    return check_budget(privacy, releases.policy_of(policy), evidence, files)


UNUSABLE = (("fail", "measured"), ("pass", "failed"), ("insufficient", "failed"))


@pytest.mark.parametrize(
    ("metrics", "state", "message"),
    [
        *(({"secret.private": secret}, {}, "the seed of the noise is not secret") for secret in (0, None)),
        ({"accounting.unaccounted_reads": 1}, {}, "some reads of private records is not accounted for"),
        ({"accounting.epsilon": None}, {}, "the claimed epsilon"),
        ({"accounting.delta": None}, {}, "the claimed delta"),
        *(({}, {"verdict": v, "status": s}, "`accounting` did not pass") for v, s in UNUSABLE),
    ],
)
def test_epsilon_with_insufficient_evidence_is_refused(releases, metrics, state, message):
    """Gates of a DP policy also require most of this; a policy without DP rules relies on this check alone."""
    for policy in (releases.POLICY, releases.DP_POLICY):
        with pytest.raises(VerifyError, match=f"E_GATE .*{message}"):
            check_changed(releases, policy, metrics, **state)
    assert "epsilon 2.0" in check_changed(releases, releases.POLICY, {})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda v: v["models"][0].update(trainedOnPrivateData=True),
            "the model of the role .* counts as trained on private data",
        ),
        (lambda v: v["inputs"][0].update(countBucket="200k-500k"), r"must each be at most 1 / \(10 n\)"),
        (lambda v: v["inputs"][0].update(countBucket="0-10"), "one range of the number"),
    ],
)
def test_epsilon_with_a_private_model_or_too_few_persons_is_refused(bundle, judge, releases, change, message):
    releases.edit(bundle, lambda v: change(v["predicate"]))
    found = judge(bundle)
    assert (found.code, found.checks[-1].id) == (12, "ledger")
    assert re.search(message, found.failure)


@pytest.mark.parametrize(
    ("changes", "message"),
    [({}, "`accounting` did not pass"), (NO_CLAIM, "so the statement must claim an epsilon and a delta")],
)
def test_claim_or_ledger_without_accounting_is_refused(tmp_path, releases, changes, message, refused):
    path = releases.bundle(tmp_path)
    claim(path, releases, **changes)
    refused(path, 12, "ledger", message)


def excusing(**changes):
    """Return evidence under which a budget replaces parent recovery, with changed numbers."""
    names = ("method.private", "secret.private", "parent_recovery.lineage", "parent_recovery.records_with_parents")
    numbers = dict(zip(names, (1.0, 1.0, 1.0, 0.0), strict=True))
    numbers |= {"accounting.epsilon": 2.0, "accounting.delta": 1e-6, **changes}
    states = {"parent_recovery": "insufficient", "accounting": "pass"}
    return Evidence(
        metrics={k: Metric(value=v, low=v, high=v, confidence=0.96, n=1) for k, v in numbers.items()},
        audits={k: AuditState(verdict=v, status="measured", confidence=0.96) for k, v in states.items()},
    )


def test_budget_that_replaces_parent_recovery_is_limited_and_booked(releases):
    policy = releases.policy_of(releases.PARENTLESS)
    held = {REPORT_JSON: canonical({"audit": releases.audit_json(dp=True)})}

    def check(evidence, **changes):
        return check_budget(Privacy.model_validate({**releases.DP_PRIVACY, **changes}), policy, evidence, held)

    assert "epsilon 2.0" in check(excusing(), **budget(maxEpsilon=2.5))
    for changes, said in (
        ({"budget": None}, "the statement contains no budget"),
        ({"unit": "record"}, "the privacy unit is record"),
        (budget(maxEpsilon=2.5, spentBefore=0.6, spentAfter=2.6), "exceeded: the spent epsilon"),
        (budget(), "the stated limit of epsilon"),
        (budget(maxEpsilon=2.5, maxDelta=1.0, delta=1.1e-5), "the stated limit of delta"),
        (budget(maxEpsilon=2.5, delta=1.1e-5), "the spent delta"),
    ):
        with pytest.raises(VerifyError, match=f"E_GATE .*{said}"):
            check(excusing(), **changes)
    assert check(excusing(**{"parent_recovery.records_with_parents": 3.0}), budget=None)
    attempts = SimpleNamespace(ledger=SimpleNamespace(id=releases.LEDGER, entries=4))
    predicate = SimpleNamespace(attempts=attempts, privacy=SimpleNamespace(budget=None))
    assert "names" in check_ledger(predicate, policy, excusing(), releases.root())
    with pytest.raises(VerifyError, match="E_TRUST the trust root names no ledger"):
        check_ledger(predicate, policy, excusing(), releases.root(ledgers=()))
    bare, with_parents = releases.root(ledgers=()), excusing(**{"parent_recovery.records_with_parents": 3.0})
    assert check_ledger(predicate, policy, with_parents, bare) == "the trust root names no ledger"


def test_statement_and_evidence_must_agree_on_the_method(releases):
    policy = releases.policy_of(releases.PARENTLESS)
    held = {REPORT_JSON: canonical({"audit": releases.audit_json(dp=True)})}
    without = {"mechanism": "none+empirical", "unit": "group"}
    private, other = (Privacy.model_validate(stated) for stated in (releases.DP_PRIVACY, without))
    for privacy, evidence in ((private, excusing(**{"method.private": 0.0})), (other, excusing())):
        with pytest.raises(VerifyError, match="E_GATE statement and evidence disagree"):
            check_budget(privacy, policy, evidence, held)
