from dataclasses import replace

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
    note = "FAIL means that the attack exceeded its own threshold; the policy allows this"
    line = f"verdicts that do not affect the decision: memorization FAIL, linkage FAIL; {note}"
    assert made.summary == ("gates: 1 of 2 passed", line)
    assert decision(outcome("auc", "PASS")).summary == ("gates: 1 of 1 passed",)
    assert made.failures == ("hits: FAIL: r",)
    assert [o.to_gate()["gating"] for o in made.outcomes] == [True, True, False, False]
    assert (len(made.gates), len(made.without_gate)) == (2, 2)


def test_the_gate_of_the_input_checks_names_their_problems_if_it_is_not_met():
    checks = replace(outcome("input-checks", "FAIL"), metric="input_checks.problems.value")
    made = decision(checks, replace(checks, id="met", verdict="PASS"), outcome("hits", "FAIL"))
    named = made.with_problems(["few persons", "two clinics"])
    exact = "r (the number is rounded; exactly 2): few persons; two clinics"
    assert [o.reason for o in named.outcomes] == [exact, "r", "r"]
    assert made.with_problems(["few persons"]).failures[0] == "input-checks: FAIL: r: few persons"
    assert made.with_problems([]) == made
