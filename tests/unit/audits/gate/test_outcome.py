from audits.gate.outcome import Decision, RuleOutcome


def outcome(name, verdict, *, gating=True):
    fields = {"id": name, "metric": "a.b", "op": ">=", "limit": 1, "value": 1, "verdict": verdict}
    return RuleOutcome(**fields, reason="r", why="w", gating=gating)


def decision(*outcomes):
    return Decision(
        allowed=False, outcomes=outcomes, policy_name="p", policy_version="1", policy_digest="d", evidence_digest="e"
    )


def test_only_gates_are_counted_and_can_fail():
    shown = (outcome("audit-memorization", "FAIL", gating=False), outcome("audit-linkage", "FAIL", gating=False))
    made = decision(outcome("auc", "PASS"), outcome("hits", "FAIL"), *shown)
    assert made.summary == (
        "gates: 1 of 2 passed",
        "verdicts of audits that the policy does not require: memorization FAIL, linkage FAIL",
    )
    assert decision(outcome("auc", "PASS")).summary == ("gates: 1 of 1 passed",)
    assert made.failures == ("hits: FAIL: r",)
    assert [o.to_gate()["gating"] for o in made.outcomes] == [True, True, False, False]
    assert (len(made.gates), len(made.measured)) == (2, 2)
