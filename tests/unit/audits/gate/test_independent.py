"""Independent policies read nothing that was measured on private records."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audits.core.errors import PolicyError
from audits.gate.disclosure import is_withheld, public_evidence, public_report
from audits.gate.evidence import AUDIT_NAMES, AuditState, Evidence, Metric, evidence_from
from audits.gate.independent import is_independent_metric, private_requirements
from audits.gate.policy import Disclosure, decide, parse_policy
from audits.gate.rule import Rule
from audits.gate.shipped import load_policy

DP = "dp: {unit: group, max_epsilon: 3.0, max_delta: 1.0e-5, ledger: required, decision: %s}\n"
POLICY = """
name: alone
version: "1"
intended_use: outside
statement: For tests alone.
required: [accounting]
rules:
  - {id: balance, metric: balance.tv_distance, bound: value, op: "<=", limit: 0.05, why: Balanced.}
"""
INDEPENDENT = parse_policy((POLICY + DP % "independent").encode(), "test")
AUDITED = parse_policy((POLICY + DP % "audited").encode(), "test")
# every kind of number of private records, each with a value that another policy would refuse
PRIVATE = ("memorization.hard_hits", "identifiers.hard_hits", "membership.epsilon_lower_bound", "attempts.number")
PRIVATE += ("utility.tstr_over_trtr", "input_checks.problems", "input_checks.quarantined_rows", "records.quarantined")


def number(value, n=1, confidence=0.96):
    return Metric(value=value, low=value, high=value, confidence=confidence, n=n)


def evidence(private=None, states=None, confidence=0.96, **changes):
    """Return the evidence of a DP run; `private` maps metrics of private records to their values."""
    shown = {"accounting.epsilon": 2.0, "accounting.delta": 1e-6, "accounting.unaccounted_reads": 0.0}
    shown |= {"balance.tv_distance": 0.0, "secret.private": 1.0, "method.private": 1.0, "records.synthetic": 24.0}
    metrics = {name: number(value, confidence=confidence) for name, value in (shown | changes).items()}
    metrics |= {name: number(*given) for name, given in (private or {}).items()}
    accounting = AuditState(verdict="pass", status="measured", confidence=confidence)
    audits = {"accounting": accounting, **(states or {})}
    return Evidence(metrics=metrics, audits=audits, digests={"synthetic": "a" * 64})


def test_metrics_that_depend_only_on_configuration_log_ledger_and_synthetic_table():
    for name in ("accounting.epsilon", "accounting.epsilon_spent", "balance.tv_distance", "records.synthetic"):
        assert is_independent_metric(name)
    for name in (
        *PRIVATE,
        "selftest.membership_wrong",
        "style.gap",
        "parent_recovery.lineage",
        "records.quarantined",
    ):
        assert not is_independent_metric(name)
    for name in ("balance.tv_distance.x", "xbalance.tv_distance", "accounting", "accounting."):
        assert not is_independent_metric(name)


def test_a_policy_with_private_entries_is_refused_with_all_of_them():
    text = POLICY.replace("[accounting]", "[accounting, memorization]") + (
        "  - {id: hits, metric: identifiers.hard_hits, bound: value, op: '<=', limit: 0, why: None found.}\n"
        "  - {id: large, metric: accounting.epsilon, bound: high, op: '<=', limit: 1, min_n: 9, why: Enough.}\n"
        "measured: [membership, neighbours]\nselftest: [memorization]\n"
    )
    with pytest.raises(PolicyError) as caught:
        parse_policy((text + DP % "independent").encode(), "test")
    (problem,) = caught.value.problems
    for named in ("required: memorization", "measured: membership", "measured: neighbours", "selftest: memorization"):
        assert named in problem
    assert "rules: hits (identifiers.hard_hits); rules: large (min_n)" in problem
    assert "balance" not in problem
    assert parse_policy((text + DP % "audited").encode(), "test").is_independent is False


@pytest.mark.parametrize("metric", PRIVATE)
def test_each_rule_on_a_private_number_is_named(metric):
    rule = Rule(id="r", metric=metric, bound="value", op="<=", limit=9, why="w")
    assert [*private_requirements({}, (rule,))] == [f"rules: r ({metric})"]


def test_the_gates_are_those_of_accounting_secret_and_table():
    decision = decide(evidence(), INDEPENDENT)
    assert decision.allowed, decision.failures
    gates = {"audit-accounting", "balance", "dp-epsilon", "dp-delta", "secret-private"}
    assert {gate.id for gate in decision.gates} == gates == set(INDEPENDENT.gates())
    assert not any(is_withheld(gate.metric, INDEPENDENT) for gate in decision.gates)
    assert {"attempts-counted", "dp-consistent-membership"} <= {gate.id for gate in decide(evidence(), AUDITED).gates}


@pytest.mark.parametrize(
    "changes",
    [
        *({"accounting.epsilon": 3.01}, {"accounting.delta": 2e-5}, {"balance.tv_distance": 0.06}),
        *({"secret.private": 0.0}, {"confidence": 0.9}, {"states": {"accounting": None}}),
    ],
)
def test_each_gate_can_refuse(changes):
    failing = AuditState(verdict="fail", status="measured", confidence=0.96)
    changes = changes | ({"states": {"accounting": failing}} if "states" in changes else {})
    assert not decide(evidence(**changes), INDEPENDENT).allowed


STATES = st.fixed_dictionaries(
    {},
    optional={
        name: st.builds(
            AuditState,
            verdict=st.sampled_from(["pass", "fail", "insufficient"]),
            status=st.sampled_from(["measured", "inconclusive", "not_measurable", "failed"]),
            confidence=st.sampled_from([0.96, 0.992]),
        )
        for name in AUDIT_NAMES
        if name != "accounting"
    },
)
NUMBERS = st.dictionaries(
    st.sampled_from(PRIVATE), st.tuples(st.floats(0, 100), st.integers(0, 5000)), max_size=len(PRIVATE)
)


@given(NUMBERS, STATES, st.sampled_from([0.95, 0.96, 0.992]))
def test_law_public_evidence_and_decision_do_not_depend_on_private_records(numbers, states, confidence):
    """`confidence` depends on the number of audits of the same control persons."""
    found, reference = evidence(numbers, states, confidence), evidence()
    public = public_evidence(found, INDEPENDENT)
    assert public.to_bytes() == public_evidence(reference, INDEPENDENT).to_bytes()
    assert public_evidence(public, INDEPENDENT) == public
    outcomes = [(gate.id, gate.verdict) for gate in decide(found, INDEPENDENT).outcomes]
    assert outcomes == [(gate.id, gate.verdict) for gate in decide(public, INDEPENDENT).outcomes]
    assert decide(public, INDEPENDENT) == decide(public_evidence(reference, INDEPENDENT), INDEPENDENT)


def test_public_report_has_the_accounting_alone(releases):
    audit = releases.audit_json(dp=True)
    shown = public_report(audit, INDEPENDENT)
    assert [result["name"] for result in shown["results"]] == ["accounting"]
    assert evidence_from(shown, {}) == public_evidence(evidence_from(audit, {}), INDEPENDENT)


def test_the_owner_sees_everything():
    exact = INDEPENDENT.model_copy(update={"disclosure": Disclosure(publish_exact_counts=True)})
    found = AuditState(verdict="fail", status="measured")
    shown = public_evidence(evidence(None, {"memorization": found}), exact)
    assert shown.audits["memorization"].verdict == "fail"
    assert decide(shown, exact).allowed


def test_strict_dp_is_independent_and_the_others_are_audited():
    assert load_policy("strict-dp").is_independent
    assert not any(load_policy(name).is_independent for name in ("hospital-external", "research"))
