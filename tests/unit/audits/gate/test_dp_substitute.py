"""A DP budget replaces the audit parent_recovery only if no synthetic record has parents."""

import pytest

from audits.core.errors import PolicyError
from audits.gate.disclosure import public_evidence
from audits.gate.dp_substitute import METHOD, PARENTS, DpSubstitute, reasons_against
from audits.gate.evidence import AuditState, Evidence, Metric
from audits.gate.policy import Policy, budget_caps, decide, parse_policy
from audits.gate.rule import Rule
from audits.gate.shipped import load_policy

LIMITS = {"max_epsilon": 3.0, "max_delta": 1e-5}
GIVEN = {
    "instead_of": ("parent_recovery",),
    "rules": ("parent-recovery-margin",),
    "required": ("accounting",),
    **LIMITS,
}


def rule(name, metric, op="<=", limit=0.1):
    return Rule(id=name, metric=metric, bound="value", op=op, limit=limit, why="w")


RULES = (
    rule("ledger", "parent_recovery.lineage", ">=", 1),
    rule("parent-recovery-margin", "parent_recovery.margin"),
    rule("hits", "memorization.hard_hits", limit=0),
)
FIELDS = {"name": "t", "version": "1", "intended_use": "inside", "statement": "s", "rules": RULES}
POLICY = Policy(**FIELDS, required=("memorization", "parent_recovery"), dp_substitute=DpSubstitute(**GIVEN))


NUMBERS = {METHOD: 1.0, "secret.private": 1.0, PARENTS: 0.0, "parent_recovery.lineage": 1.0}
NUMBERS |= {"parent_recovery.margin": 0.2, "memorization.hard_hits": 0.0, "membership.epsilon_lower_bound": 0.1}
NUMBERS |= {"accounting.epsilon": 2.0, "accounting.delta": 1e-6}


def found(changes=None, *, states=None):
    """Return the evidence of a clean release of a DP method, with changed or removed numbers and verdicts."""
    numbers = {**NUMBERS, **(changes or {})}
    metrics = {k: Metric(value=v, low=v, high=v, confidence=0.96, n=900) for k, v in numbers.items() if v is not None}
    verdicts = {"memorization": "pass", "parent_recovery": "insufficient", "accounting": "pass", **(states or {})}
    crashed = {"verdict": "insufficient", "status": "failed"}
    audits = {
        name: AuditState(confidence=0.96, **(crashed if v == "crashed" else {"verdict": v, "status": "measured"}))
        for name, v in verdicts.items()
        if v is not None
    }
    return Evidence(metrics=metrics, audits=audits)


def outcome(decision, name):
    (one,) = [one for one in decision.outcomes if one.id == name]
    return one


def test_clean_release_of_a_dp_method_passes():
    decision = decide(found(), POLICY)
    assert decision.allowed, decision.failures
    one = outcome(decision, "audit-parent-recovery")
    assert (one.verdict, one.metric, one.value, one.limit) == ("PASS", f"{PARENTS}.value", 0.0, 0.0)
    assert "does not apply: no record has a parent" in one.reason
    gates = {gate.id for gate in decision.gates}
    assert gates >= {"audit-accounting", "dp-epsilon", "dp-delta", "dp-consistent-membership"}
    assert [o.id for o in decision.without_gate] == ["parent-recovery-margin"]
    assert {o.id for o in decision.outcomes} <= set(POLICY.gates())
    assert budget_caps(found(), POLICY) == POLICY.dp_substitute
    assert decide(public_evidence(found(), POLICY), POLICY).allowed


# changes of the clean release, and the reason of the refusal
LEAKY = {
    "a method that mixes and hides its parents": (found({METHOD: 0.0}), "no differentially private method"),
    "the same method without an accounting": (
        found({METHOD: 0.0, "accounting.epsilon": None, "accounting.delta": None}, states={"accounting": None}),
        "no differentially private method",
    ),
    "a log beside an unknown method": (found({METHOD: None}), "no differentially private method"),
    **{
        f"accounting {state}": (found(states={"accounting": state}), "the accounting did not pass")
        for state in (None, "insufficient", "fail", "crashed")
    },
    "one record with parents": (found({PARENTS: 1.0}), "synthetic records have parents"),
    "parents not counted": (found({PARENTS: None}), "synthetic records have parents"),
    "no lineage": (found({"parent_recovery.lineage": 0.0}), "the lineage of the records is missing"),
    "too large an epsilon": (found({"accounting.epsilon": 3.01}), "more than epsilon 3 was spent"),
    "too large a sum of epsilons": (found({"accounting.epsilon_spent": 3.5}), "more than epsilon 3 was spent"),
    "no epsilon": (found({"accounting.epsilon": None}), "more than epsilon 3 was spent"),
    "too large a delta": (found({"accounting.delta": 2e-5}), "delta is above 1e-05"),
    **{
        f"parent recovery {state}": (found(states={"parent_recovery": state}), f"the audit {reason}")
        for state, reason in (
            ("fail", "has the status measured and the verdict fail"),
            ("crashed", "has the status failed"),
            (None, "was not run"),
        )
    },
}


@pytest.mark.parametrize("case", LEAKY)
def test_leaky_release_is_refused_with_the_reason(case):
    evidence, reason = LEAKY[case]
    for given in (evidence, public_evidence(evidence, POLICY)):
        decision = decide(given, POLICY)
        assert not decision.allowed
        one = outcome(decision, "audit-parent-recovery")
        assert one.verdict != "PASS"
        assert reason in one.reason


def test_only_the_audit_of_parents_is_replaced():
    for changes, states in (
        ({"memorization.hard_hits": 1.0}, {}),
        ({}, {"memorization": "insufficient"}),
        ({"membership.epsilon_lower_bound": 2.5}, {}),
        ({"membership.epsilon_lower_bound": None}, {}),
    ):
        decision = decide(found(changes, states=states), POLICY)
        assert outcome(decision, "audit-parent-recovery").verdict == "PASS"
        assert not decision.allowed


def test_records_with_parents_need_the_audit_and_no_budget():
    evidence = found(
        {METHOD: 0.0, PARENTS: 900.0, "parent_recovery.margin": 0.05, "accounting.epsilon": None},
        states={"parent_recovery": "pass", "accounting": None},
    )
    plain = POLICY.model_copy(update={"dp_substitute": None})
    assert decide(evidence, POLICY).outcomes == decide(evidence, plain).outcomes
    assert decide(evidence, POLICY).allowed
    assert budget_caps(evidence, POLICY) is None
    assert not decide(found(), plain).allowed


def test_accounting_needs_the_confidence_and_parents_an_exact_number():
    evidence = found()
    low = evidence.audits["accounting"].model_copy(update={"confidence": 0.9})
    changed = evidence.model_copy(update={"audits": {**evidence.audits, "accounting": low}})
    assert outcome(decide(changed, POLICY), "audit-accounting").verdict == "INSUFFICIENT"
    wide = Metric(value=0.0, low=0.0, high=0.5, confidence=0.96, n=900)
    changed = evidence.model_copy(update={"metrics": {**evidence.metrics, PARENTS: wide}})
    assert reasons_against(changed, POLICY.dp_substitute) == ("synthetic records have parents",)


@pytest.mark.parametrize(
    ("changes", "more", "message"),
    [
        ({"required": ("memorization",)}, {}, "an audit that the list `required` of the policy lacks"),
        *(({}, {"rules": (name,)}, f"may list only rules .*; remove: {name}") for name in ("hits", "ledger")),
        ({}, {"rules": ("nowhere",)}, "lists ids that no rule of the policy has: nowhere"),
        ({}, {"required": ("canaries",)}, "must list the audit accounting"),
        ({}, {"required": ("accounting", "memorization")}, "the policy already has .*; remove: memorization"),
        ({"measured": ("accounting",)}, {}, "the policy already has .*; remove: accounting"),
        ({}, {"instead_of": ("membership",)}, "parent_recovery"),
        (
            {"rules": (*POLICY.rules, rule("dp-epsilon", "memorization.tau"))},
            {},
            "needs its own id, .*; repeated: dp-epsilon",
        ),
        ({"dp": {"unit": "group", "ledger": "required", **LIMITS}}, {}, "dp and dp_substitute: both limit"),
    ],
)
def test_inconsistent_substitute_is_refused(changes, more, message):
    fields = {**dict(POLICY), **changes, "dp_substitute": {**GIVEN, **more}}
    with pytest.raises(ValueError, match=message):
        Policy(**fields)


def test_only_hospital_external_has_a_substitute():
    external = load_policy("hospital-external")
    assert external.version == "8"
    given = external.dp_substitute
    assert (given.instead_of, given.required) == (("parent_recovery",), ("accounting",))
    dp = load_policy("strict-dp")
    assert (given.max_epsilon, given.max_delta) == (dp.dp.max_epsilon, dp.dp.max_delta)
    assert dp.dp_substitute is load_policy("research").dp_substitute is None
    with pytest.raises(PolicyError, match="mistake"):
        parse_policy(external.to_bytes().replace(b'of":["parent_recovery"]', b'of":["memorization"]'), "p")
