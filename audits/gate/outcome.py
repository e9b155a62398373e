"""The decision of a policy on evidence (the metrics and verdicts of the audits), and the outcome of each condition.

A rule compares a metric with a limit. A gate is an outcome that affects the decision: the policy allows a release
only if there is a gate and every gate is PASS. Two kinds of outcomes are shown, but are no gates:

- The verdict of an audit in the policy's list `measured`. If such an audit gave no result, however, its outcome is
  INSUFFICIENT and is a gate, so the release is refused.
- The outcome of a rule that a `dp_substitute` of the policy switches off. A `dp_substitute` lets a
  differential-privacy budget replace the audit `parent_recovery` and rules on it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from audits.gate.evidence import Metric

# WITHHELD: the verdict of a measured audit that is not published; this outcome is never a gate
Outcome = Literal["PASS", "FAIL", "INSUFFICIENT", "WITHHELD"]
Op = Literal["<=", ">="]
PROBLEMS = "input_checks.problems"  # metric: number of problems that the input checks found


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleOutcome:
    """The outcome of one condition: of a rule or an audit, or one of two special gates.

    The gate `dp-consistent-NAME` compares the claimed epsilon with the epsilon that the audit NAME proves; its fields
    are those of a rule. The gate `policy` is added if the policy has no gate of its own.

    If a `dp_substitute` replaces a required audit, `id` stays, but `metric`, `op`, `limit` and `value` state a
    condition of the substitute: no synthetic record may have parents (train records from which it was made).
    """

    id: str  # of a rule: its own id; of the audit NAME: `audit-NAME`
    # of a rule: metric and bound, such as `membership.auc.high`; of an audit: `NAME.passed`, or `NAME.measured` if it
    # is in the list `measured` and has no result; of the gate `policy`: `policy.gates`
    metric: str
    op: Op
    limit: float  # of an audit: 1
    # of a rule: the compared number, or None if the evidence lacks it; of an audit: 1 for PASS, 0 for FAIL or
    # INSUFFICIENT, None if it was not run or its verdict is withheld; of the gate `policy`: 0
    value: float | None
    verdict: Outcome
    reason: str  # one sentence
    why: str  # purpose of the condition, one sentence
    estimate: Metric | None = None  # of a rule: its number with interval and n; None if there is no number
    gating: bool = True  # whether the outcome is a gate

    def to_gate(self) -> dict[str, Any]:
        """Return the entry for the list `gates` of the signed statement."""
        names = ("id", "metric", "op", "value", "verdict", "gating")
        return {"threshold": self.limit, **{name: getattr(self, name) for name in names}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The result of applying a policy to evidence."""

    allowed: bool  # whether there is a gate and every gate passed
    outcomes: tuple[RuleOutcome, ...]  # all outcomes, whether they are gates or not
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
        """Return the decision, with `problems` added to the reason of each rule on `PROBLEMS` that did not pass.

        Privacy: the problems contain exact numbers, so the returned decision must not be published.
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
        """The lines for a terminal: the number of passed gates and, if there are any, the outcomes without a gate."""
        passed = sum(o.verdict == "PASS" for o in self.gates)
        verdicts = [(o.id, o.verdict) for o in self.without_gate]
        return (f"gates: {passed} of {len(self.gates)} passed", *([verdicts_line(verdicts)] if verdicts else []))


def verdicts_line(without_gate: Iterable[tuple[str, str]]) -> str:
    """Return a line that lists outcomes without a gate, given as pairs (id, verdict)."""
    return f"verdicts that do not affect the decision: {verdicts_of(without_gate)}"


def verdicts_of(without_gate: Iterable[tuple[str, str]]) -> str:
    """Return outcomes, given as pairs (id, verdict), in words; if a verdict is FAIL, explain it."""
    pairs = tuple(without_gate)
    verdicts = ", ".join(f"{name.removeprefix('audit-')} {verdict}" for name, verdict in pairs)
    has_failed = any(verdict == "FAIL" for _, verdict in pairs)
    note = "; FAIL means that the attack exceeded its own threshold; the policy allows this" if has_failed else ""
    return f"{verdicts}{note}"
