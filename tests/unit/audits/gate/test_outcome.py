from audits.gate.outcome import Decision, RuleOutcome


def outcome(name, verdict, *, gating=True):
    return RuleOutcome(
        id=name, metric="a.b", op=">=", limit=1, value=1, verdict=verdict, reason="r", why="w", gating=gating
    )


def decision(*outcomes):
    return Decision(
        allowed=False, outcomes=outcomes, policy_name="p", policy_version="1", policy_digest="d", evidence_digest="e"
    )


def test_the_summary_counts_gates_alone():
    beside = (
        outcome("audit-memorization", "FAIL", gating=False),
        outcome("audit-linkage", "INSUFFICIENT", gating=False),
    )
    made = decision(outcome("auc", "PASS"), outcome("hits", "FAIL"), *beside)
    assert made.summary == (
        "gates: 1 of 2 passed",
        "measured, gating nothing: memorization FAIL, linkage INSUFFICIENT",
    )
    assert decision(outcome("auc", "PASS")).summary == ("gates: 1 of 1 passed",)


def test_only_gates_fail_a_release():
    made = decision(outcome("hits", "FAIL"), outcome("audit-memorization", "FAIL", gating=False))
    assert made.failures == ("hits: FAIL: r",)
    assert [o.to_gate()["gating"] for o in made.outcomes] == [True, False]
    assert (len(made.gates), len(made.measured)) == (1, 1)
