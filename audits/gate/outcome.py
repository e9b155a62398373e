"""The result of applying a policy to evidence: the decision, and the outcome of each rule and audit.

The evidence consists of the metrics and verdicts of the audits. A rule compares a metric with a limit. A gate is a
condition for the release: the policy allows a release only if there is a gate and every gate has the outcome PASS.
Two kinds of outcomes have no gate; they are shown, but do not affect the decision:

- The verdict of an audit in the list `measured` of the policy. But if such an audit gave no result, there is a gate
  for it with the outcome INSUFFICIENT, so the release is refused.
- The outcome of a rule that a `dp_substitute` of the policy switches off. A `dp_substitute` lets a
  differential-privacy budget replace the audit `parent_recovery`, and lists the rules that have no gate if it
  applies.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from audits.gate.evidence import Metric

# WITHHELD: the audit was measured, but its verdict is not published; only an audit without a gate has this outcome
Outcome = Literal["PASS", "FAIL", "INSUFFICIENT", "WITHHELD"]
Op = Literal["<=", ">="]
PROBLEMS = "input_checks.problems"  # name of a metric: number of problems that the input checks found


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleOutcome:
    """The outcome of one rule or one audit.

    If a `dp_substitute` replaces a required audit, the outcome keeps the id of the audit, but `metric`, `op`, `limit`
    and `value` state a condition of the substitute: no synthetic record may have parents (train records from which it
    was made).
    """

    # the id depends on what has this outcome:
    # - rule: the id of the rule
    # - audit NAME: `audit-NAME`
    # - comparison of the claimed epsilon with the epsilon that the audit NAME proves: `dp-consistent-NAME`; its other
    #   fields are as for a rule
    # - gate that is added if the policy has no gate of its own: `policy`
    id: str
    # the metric depends on what has this outcome:
    # - rule: metric and bound, such as `membership.auc.high`
    # - audit in `measured` without a result: `NAME.measured`
    # - every other audit: `NAME.passed`
    # - gate `policy`: `policy.gates`
    metric: str
    op: Op
    limit: float  # for an audit, 1
    # the value depends on what has this outcome:
    # - rule: the compared number, or None if the evidence lacks it
    # - audit: 1 for PASS, 0 for FAIL or INSUFFICIENT, or None if the audit was not run or its verdict is withheld
    # - gate `policy`: 0
    value: float | None
    verdict: Outcome
    reason: str  # one sentence
    why: str  # purpose of the rule or of the requirement on the audit, one sentence
    estimate: Metric | None = None  # for a rule, its number with interval and n; None if there is no number
    gating: bool = True  # whether the outcome is a gate, that is, affects the decision

    def to_gate(self) -> dict[str, Any]:
        """Return the entry for the list `gates` of the signed statement."""
        names = ("id", "metric", "op", "value", "verdict", "gating")
        return {"threshold": self.limit, **{name: getattr(self, name) for name in names}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The result of applying a policy to evidence."""

    allowed: bool  # whether there is a gate and every gate passed
    outcomes: tuple[RuleOutcome, ...]  # with and without a gate, in the order in which `decide` lists them
    policy_name: str
    policy_version: str
    policy_digest: str
    evidence_digest: str

    def __repr__(self) -> str:
        passed = f"{sum(o.verdict == 'PASS' for o in self.gates)} of {len(self.gates)} gates passed"
        return f"Decision({self.policy_name} {'allows' if self.allowed else 'refuses'} the release, {passed})"

    @property
    def gates(self) -> tuple[RuleOutcome, ...]:
        """The outcomes of the gates."""
        return tuple(o for o in self.outcomes if o.gating)

    @property
    def without_gate(self) -> tuple[RuleOutcome, ...]:
        """The outcomes that do not affect the decision."""
        return tuple(o for o in self.outcomes if not o.gating)

    def with_problems(self, problems: Sequence[str]) -> "Decision":
        """Return the decision, with the input problems in the reason of each rule on `PROBLEMS` that did not pass.

        Privacy: the problems contain exact numbers, so the returned decision is for private outputs only.
        """

        def with_problem_list(o: RuleOutcome) -> RuleOutcome:
            if not problems or o.verdict == "PASS" or not o.metric.startswith(f"{PROBLEMS}."):
                return o
            n = len(problems)
            exact_number = "" if o.value in {None, n} else f" (the number is rounded; exactly {n})"
            return replace(o, reason=f"{o.reason}{exact_number}: {'; '.join(problems)}")

        return replace(self, outcomes=tuple(map(with_problem_list, self.outcomes)))

    @property
    def failures(self) -> tuple[str, ...]:
        """One line for each gate that did not pass."""
        return tuple(f"{o.id}: {o.verdict}: {o.reason}" for o in self.gates if o.verdict != "PASS")

    @property
    def summary(self) -> tuple[str, ...]:
        """The lines for a terminal: the number of passed gates, and the outcomes without a gate if there are any."""
        passed = sum(o.verdict == "PASS" for o in self.gates)
        verdicts = [(o.id, o.verdict) for o in self.without_gate]
        return (f"gates: {passed} of {len(self.gates)} passed", *([verdicts_line(verdicts)] if verdicts else []))


def verdicts_line(without_gate: Iterable[tuple[str, str]]) -> str:
    """Return a line that lists outcomes without a gate, given as pairs (id, verdict)."""
    return f"verdicts that do not affect the decision: {verdicts_of(without_gate)}"


def verdicts_of(without_gate: Iterable[tuple[str, str]]) -> str:
    """Return outcomes, given as pairs (id, verdict), in words; if an outcome is FAIL, explain what FAIL means."""
    pairs = tuple(without_gate)
    verdicts = ", ".join(f"{name.removeprefix('audit-')} {verdict}" for name, verdict in pairs)
    has_failed = any(verdict == "FAIL" for _, verdict in pairs)
    note = "; FAIL means that the attack exceeded its own threshold; the policy allows this" if has_failed else ""
    return f"{verdicts}{note}"
