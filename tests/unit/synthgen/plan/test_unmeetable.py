"""Rules that no run can meet are listed with the reason; the rules of shipped policies can be met."""

import pytest

from audits.gate.policy import parse_policy
from audits.gate.shipped import load_policy
from synthgen.plan.unmeetable import rule_problems
from synthgen.release.run import load_run

POLICY = """
name: trial
version: "1"
intended_use: inside
statement: For tests alone.
measured: [memorization]
rules:
"""
RULE = "  - {id: r%d, metric: %s, bound: %s, op: '%s', limit: %s, why: A test.}\n"


def listed(*rules, n_records=48):
    text = POLICY + "".join(RULE % (i, *rule) for i, rule in enumerate(rules))
    return list(rule_problems(parse_policy(text.encode(), "p"), n_records))


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        (("records.synthetik", "value", ">=", 5), "a run measures records.quarantined, records.synthetic"),
        (
            ("memorisation.hard_hits", "value", "<=", 0),
            "no run measures this number; the name of a number must begin with records",
        ),
        (("records.synthetic", "value", "<=", 5), "requests 48 records; request at most 5"),
        (("membership.auc", "high", "<=", -1), "never below 0"),
        (("attempts.number", "value", "<=", 0), "never below 1"),
        (("balance.tv_distance", "value", "<=", -0.1), "never below 0"),
        (("memorization.copied_persons", "low", ">=", 1.5), "never above 1"),
        (("deidentify.recall", "low", ">=", 95), "never above 1"),
    ],
)
def test_a_rule_that_no_run_can_meet_is_listed(rule, reason):
    (problem,) = listed(rule)
    assert problem.startswith(f"rule r0 ({rule[0]} {rule[2]} {rule[3]:g}): ")
    assert reason in problem


def test_rules_that_contradict_each_other_are_listed():
    bounds = [("records.synthetic", "value", ">=", 40), ("records.synthetic", "value", "<=", 50)]
    assert listed(*bounds) == []
    (problem,) = listed(bounds[1], ("records.synthetic", "value", ">=", 51))
    assert problem == "rules r1 and r0 (records.synthetic): no number meets both limits; correct the policy"


@pytest.mark.parametrize("name", ["research", "hospital-external", "strict-dp"])
def test_shipped_policies_have_no_such_rule(name):
    assert list(rule_problems(load_policy(name), 1000)) == []


def test_every_number_of_a_run_can_be_used_in_a_rule(finished):
    names = sorted(set(load_run(finished.config()).evidence.metrics) - {"attempts.number"})
    assert "method.private" in names
    assert [p for p in listed(*((name, "value", "<=", 1e9) for name in names)) if "no run measures" in p] == []
