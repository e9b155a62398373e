import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from audits.core.stats import needed_for_auc
from audits.gate.evidence import AuditState, Evidence, Metric
from audits.gate.rule import Rule, compare, confidence_of

METRIC = Metric(value=0.5, low=0.4, high=0.6, confidence=0.95, n=500)


def rule(**changes):
    given_fields = {"id": "auc", "metric": "membership.auc", "bound": "high", "op": "<=", "limit": 0.75, "why": "w"}
    return Rule(**{**given_fields, **changes})


@pytest.mark.parametrize(("op", "bound"), [("<=", "low"), (">=", "high")])
def test_rule_compares_the_pessimistic_end(op, bound):
    with pytest.raises(ValueError, match="compares the better end of the interval"):
        rule(op=op, bound=bound)


@pytest.mark.parametrize("changes", [{"high": math.nan}, {"low": -math.inf}, {"value": math.nan}])
def test_number_that_is_not_finite_is_insufficient(changes):
    found = Evidence.model_construct(metrics={"membership.auc": METRIC.model_copy(update=changes)}, audits={})
    assert compare(found, rule(), 0.95).verdict == "INSUFFICIENT"


@pytest.mark.parametrize(
    ("changes", "confidence", "verdict", "reason"),
    [
        ({}, 0.95, "PASS", "0.6 <= 0.75 holds"),
        ({"limit": 0.6}, 0.95, "PASS", "holds"),
        ({"limit": 0.5999999}, 0.95, "FAIL", "does not hold"),
        ({"bound": "low", "op": ">=", "limit": 0.4}, 0.95, "PASS", "holds"),
        ({"min_n": 500}, 0.95, "PASS", "holds"),
        ({"min_n": 501}, 0.95, "INSUFFICIENT", "based on 500 persons or records; at least 501 are needed"),
        ({"metric": "membership.tpr"}, 0.95, "INSUFFICIENT", "the evidence has no number for membership.tpr"),
        ({"bound": "value"}, 0.95, "INSUFFICIENT", "has an interval"),
        ({}, 0.951, "INSUFFICIENT", "at least 0.951 is needed at this attempt"),
    ],
)
def test_comparison_states_its_result_or_what_is_missing(changes, confidence, verdict, reason):
    outcome = compare(Evidence(metrics={"membership.auc": METRIC}, audits={}), rule(**changes), confidence)
    assert outcome.verdict == verdict
    assert reason in outcome.reason


@pytest.mark.parametrize(
    ("changes", "state", "verdict"),
    [
        ({}, {"verdict": "insufficient"}, "PASS"),  # the interval includes the uncertainty
        ({}, {"verdict": "insufficient", "status": "inconclusive"}, "INSUFFICIENT"),
        ({}, {"verdict": "insufficient", "status": "failed"}, "INSUFFICIENT"),
        ({"bound": "value"}, {"verdict": "pass"}, "PASS"),
        ({"bound": "value"}, {"verdict": "fail"}, "PASS"),
        ({"bound": "value"}, {"verdict": "insufficient"}, "INSUFFICIENT"),
        ({"bound": "value", "op": ">=", "limit": 0}, {"verdict": "insufficient"}, "INSUFFICIENT"),
        ({"bound": "value", "metric": "parent_recovery.lineage"}, {"verdict": "insufficient"}, "PASS"),
        ({"bound": "value", "metric": "parent_recovery.lineage"}, {"status": "inconclusive"}, "INSUFFICIENT"),
    ],
)
def test_number_of_an_audit_without_a_verdict_is_no_evidence(changes, state, verdict):
    asked = rule(**changes)
    exact = Metric(value=0, low=0, high=0, confidence=1.0, n=500) if asked.bound == "value" else METRIC
    audit = AuditState(**{"verdict": "pass", "status": "measured", "confidence": 0.95, **state})
    found = Evidence(metrics={asked.metric: exact}, audits={asked.metric.split(".")[0]: audit})
    assert compare(found, asked, 0.95).verdict == verdict


def test_confidence_and_needed_persons_equal_values_computed_by_hand():
    assert [confidence_of(j, 0.95) for j in (1, 2, 3)] == pytest.approx([0.96, 0.992, 0.9984])
    for confidence, factor in ((confidence_of(1, 0.95), 1.09), (0.975, 1.27)):
        assert needed_for_auc(0.05, confidence=confidence) / needed_for_auc(0.05) == pytest.approx(factor, abs=0.01)


@given(st.floats(0.8, 0.999), st.integers(1, 40))
def test_all_attempts_together_spend_at_most_alpha(confidence, tries):
    spent = sum(1 - confidence_of(j, confidence) for j in range(1, tries + 1))
    assert spent <= (1 - confidence) * (1 + 1e-9)
    assert confidence_of(tries, confidence) < confidence_of(tries + 1, confidence) or tries > 15


def test_repeated_attempts_rarely_pass_by_luck():
    """Compute the probability that one of six attempts passes if the leak of the table is exactly at the limit."""

    def luck(confidence):  # P[the upper end of its interval lies below the limit]
        return stats.norm.cdf(-stats.norm.ppf(confidence))

    plain = 1 - (1 - luck(0.95)) ** 6
    spent = 1 - math.prod(1 - luck(confidence_of(j, 0.95)) for j in range(1, 7))
    assert (plain, spent) == (pytest.approx(0.265, abs=0.001), pytest.approx(0.05, abs=0.001))
