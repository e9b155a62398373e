import math

import pytest

from audits.gate.evidence import AuditState, Evidence, Metric
from audits.gate.rule import Rule, compare

METRIC = Metric(value=0.5, low=0.4, high=0.6, confidence=0.95, n=500)


def rule(**changes):
    given_fields = {"id": "auc", "metric": "membership.auc", "bound": "high", "op": "<=", "limit": 0.75, "why": "w"}
    return Rule(**{**given_fields, **changes})


@pytest.mark.parametrize(("op", "bound"), [("<=", "low"), (">=", "high")])
def test_rule_compares_the_pessimistic_end(op, bound):
    with pytest.raises(ValueError, match="pessimistic end"):
        rule(op=op, bound=bound)


@pytest.mark.parametrize("changes", [{"high": math.nan}, {"low": -math.inf}, {"value": math.nan}])
def test_number_that_is_not_finite_is_insufficient(changes):
    found = Evidence.model_construct(metrics={"membership.auc": METRIC.model_copy(update=changes)}, audits={})
    assert compare(found, rule(), 0.95).verdict == "INSUFFICIENT"


@pytest.mark.parametrize(
    ("changes", "confidence", "verdict", "reason"),
    [
        ({}, 0.95, "PASS", "0.6 <= 0.75 holds"),
        ({"limit": 0.55}, 0.95, "FAIL", "does not hold"),
        ({"bound": "low", "op": ">=", "limit": 0.4}, 0.95, "PASS", "holds"),
        ({"min_n": 501}, 0.95, "INSUFFICIENT", "based on 500 units"),
        ({"metric": "membership.tpr"}, 0.95, "INSUFFICIENT", "the number is missing"),
        ({"bound": "value"}, 0.95, "INSUFFICIENT", "has an interval"),
        ({}, 0.96, "INSUFFICIENT", "at least 0.96 is needed at this attempt"),
    ],
)
def test_comparison_states_its_result_or_what_is_missing(changes, confidence, verdict, reason):
    outcome = compare(Evidence(metrics={"membership.auc": METRIC}, audits={}), rule(**changes), confidence)
    assert outcome.verdict == verdict
    assert reason in outcome.reason


@pytest.mark.parametrize(
    ("changes", "state", "verdict"),
    [
        ({}, {"verdict": "insufficient"}, "PASS"),  # the interval covers what too few persons leave open
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
