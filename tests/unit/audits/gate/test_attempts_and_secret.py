"""No policy passes by repetition, by a lower confidence, or without a count of attempts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audits.gate.evidence import AuditState, Evidence, Metric
from audits.gate.policy import Policy, decide
from audits.gate.rule import EXTERNAL_RULES, Rule, confidence_of
from audits.gate.shipped import load_policy

CONFIDENCES = st.sampled_from([0.8, 0.9, 0.95, 0.96, 0.99, 0.992, 0.9984, 1.0])
RULE = Rule(id="auc", metric="membership.auc", bound="high", op="<=", limit=0.75, why="w")


def exactly(n):
    return Metric(value=n, low=n, high=n, confidence=1, n=1)


def evidence(attempts=1, secret=1, confidence=0.96, verdict="pass"):
    metrics = {"membership.auc": Metric(value=0.5, low=0.4, high=0.6, confidence=confidence, n=500)}
    more = {"attempts.number": attempts, "secret.private": secret}
    metrics |= {name: exactly(n) for name, n in more.items() if n is not None}
    state = AuditState(verdict=verdict, status="measured", confidence=confidence)
    return Evidence(metrics=metrics, audits={"memorization": state, "membership": state})


def policy(*rules, **changes):
    given_fields = {"name": "t", "version": "1", "intended_use": "outside", "statement": "s", "rules": rules}
    return Policy(**{**given_fields, **changes})


def failed(found, asked):
    return {o.id: o.verdict for o in decide(found, asked).outcomes if o.verdict != "PASS"}


@pytest.mark.parametrize(
    ("changes", "gates"),
    [
        ({}, {}),
        ({"secret": 0}, {"secret-private": "FAIL"}),
        ({"secret": None}, {"secret-private": "INSUFFICIENT"}),
        ({"attempts": None}, {"attempts-counted": "INSUFFICIENT"}),
        ({"attempts": 0}, {"attempts-counted": "FAIL"}),
        ({"attempts": None, "secret": None}, {"secret-private": "INSUFFICIENT", "attempts-counted": "INSUFFICIENT"}),
    ],
)
def test_external_policy_always_has_the_outside_gates(changes, gates):
    assert failed(evidence(**changes), policy(RULE, required=("memorization",))) == gates
    assert failed(evidence(**changes), policy(RULE, required=("memorization",), intended_use="inside")) == {}


def test_policy_cannot_reuse_their_names_or_reward_repetition():
    for rule in EXTERNAL_RULES:
        with pytest.raises(ValueError, match=r"needs its own id, .*; repeated: "):
            policy(RULE.model_copy(update={"id": rule.id}))
    for bound in ("value", "low"):
        with pytest.raises(ValueError, match=r"a rule on attempts\.number needs `op: <=`"):
            policy(RULE, Rule(id="a", metric="attempts.number", bound=bound, op=">=", limit=2, why="w"))
    assert set(policy(RULE).gates()) >= {rule.id for rule in EXTERNAL_RULES}
    assert "attempts-counted" not in policy(RULE, intended_use="inside").gates()
    assert not decide(evidence(), policy()).allowed  # the policy has no gates of its own


def test_secret_with_an_interval_is_insufficient():
    found = evidence()
    wide = Metric(value=1, low=0, high=1, confidence=1, n=1)
    found = found.model_copy(update={"metrics": {**found.metrics, "secret.private": wide}})
    assert failed(found, policy(RULE)) == {"secret-private": "INSUFFICIENT"}


@pytest.mark.parametrize(("attempts", "needed"), [(1, 0.96), (2, 0.992), (3, 0.9984)])
def test_numbers_and_required_verdicts_need_the_confidence_of_the_attempt(attempts, needed):
    assert needed == pytest.approx(confidence_of(attempts, 0.95))
    asked = policy(RULE, required=("memorization",))
    assert failed(evidence(attempts, confidence=confidence_of(attempts, 0.95)), asked) == {}
    less = {"audit-memorization": "INSUFFICIENT", "auc": "INSUFFICIENT"}
    assert failed(evidence(attempts, confidence=needed - 0.0001), asked) == less


def test_verdict_of_unknown_confidence_does_not_pass():
    for verdict, gate in (("pass", "INSUFFICIENT"), ("fail", "FAIL")):
        state = AuditState(verdict=verdict, status="measured")
        found = evidence().model_copy(update={"audits": {"memorization": state}})
        assert failed(found, policy(RULE, required=("memorization",))) == {"audit-memorization": gate}


def test_low_confidence_of_the_run_does_not_pass():
    """A table with eight near copies must not pass at a further attempt or with --confidence .8."""
    for name in ("research", "hospital-external"):
        shipped = load_policy(name)
        rules = {rule.id for rule in shipped.rules if rule.bound != "value" and rule.metric == "membership.auc"}
        assert rules
        assert rules <= set(failed(evidence(confidence=0.8), shipped))


USES = st.sampled_from(["inside", "outside"])
VERDICTS = st.sampled_from(["pass", "fail", "insufficient"])
LIMITS = st.lists(st.integers(1, 5), max_size=1)


@given(st.integers(1, 60), st.integers(1, 60), st.tuples(CONFIDENCES, VERDICTS), USES, LIMITS)
def test_further_attempt_never_turns_refused_into_allowed(first, more, found, use, most):
    confidence, verdict = found
    limits = (Rule(id="most", metric="attempts.number", bound="value", op="<=", limit=n, why="w") for n in most)
    asked = policy(RULE, *limits, required=("memorization",), intended_use=use)
    before = decide(evidence(first, confidence=confidence, verdict=verdict), asked)
    after = decide(evidence(first + more, confidence=confidence, verdict=verdict), asked)
    assert before.allowed or not after.allowed
