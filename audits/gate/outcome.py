"""The result of applying a policy to evidence: outcomes of gates, and outcomes without a gate.

A gate is a condition for the release: the policy allows a release only if there is a gate and every gate has the
outcome PASS. An outcome without a gate is shown, but does not affect the decision. There are two kinds:

- the verdict of an audit in the list `measured` of the policy. Such an audit must be measured. If it is not, its
  outcome is a gate with INSUFFICIENT, and the release is refused.
- the outcome of a rule that has no effect, because the `dp_substitute` of the policy applies and lists the rule.

The section `dp_substitute` lets a differential-privacy budget replace the audit `parent_recovery`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from audits.gate.evidence import Metric

# WITHHELD: the audit was measured, and its verdict is not published; only for an audit without a gate
Outcome = Literal["PASS", "FAIL", "INSUFFICIENT", "WITHHELD"]
Op = Literal["<=", ">="]
PROBLEMS = "input_checks.problems"  # metric: number of problems that the input checks found


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleOutcome:
    """The outcome of one rule or one audit.

    If a `dp_substitute` replaces a required audit, the outcome of the audit has the fields of a rule: the number of
    synthetic records with parents must be 0.
    """

    id: str  # id of the rule, or `audit-NAME`
    # for a rule, metric and bound, such as `membership.auc.high`; for an audit, `NAME.passed`, or `NAME.measured` if
    # the policy requires only that the audit is measured, and it was not
    metric: str
    op: Op
    limit: float
    # for a rule, the compared number, or None if the evidence lacks it; for an audit, 1 for PASS and 0 for FAIL or
    # INSUFFICIENT, or None if the audit was not run or its verdict is withheld
    value: float | None
    verdict: Outcome
    reason: str  # one sentence
    why: str  # purpose of the gate, one sentence
    estimate: Metric | None = (
        None  # for a rule, the number with its interval and n, if the evidence has it; else None
    )
    gating: bool = True  # whether the outcome is a gate, that is, affects the decision

    def to_gate(self) -> dict[str, Any]:
        """Return the entry for the list `gates` of the signed statement."""
        names = ("id", "metric", "op", "value", "verdict", "gating")
        return {"threshold": self.limit, **{name: getattr(self, name) for name in names}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The result of applying a policy to evidence."""

    allowed: bool  # whether there is a gate and every gate passed
    outcomes: tuple[RuleOutcome, ...]  # with and without a gate, in the order of the policy
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
        """Return the decision with the input problems added to the reason of the gate that counts them.

        Privacy: the problems contain exact numbers, so the returned decision is for private outputs only.
        """

        def with_list(o: RuleOutcome) -> RuleOutcome:
            if not problems or o.verdict == "PASS" or not o.metric.startswith(f"{PROBLEMS}."):
                return o
            n = len(problems)
            exact = "" if o.value in {None, n} else f" (the number is rounded; exactly {n})"
            return replace(o, reason=f"{o.reason}{exact}: {'; '.join(problems)}")

        return replace(self, outcomes=tuple(map(with_list, self.outcomes)))

    @property
    def failures(self) -> tuple[str, ...]:
        """One line for each gate that did not pass."""
        return tuple(f"{o.id}: {o.verdict}: {o.reason}" for o in self.gates if o.verdict != "PASS")

    @property
    def summary(self) -> tuple[str, ...]:
        """The number of passed gates and the outcomes without a gate, as lines for a terminal."""
        passed = sum(o.verdict == "PASS" for o in self.gates)
        verdicts = [(o.id, o.verdict) for o in self.without_gate]
        return (f"gates: {passed} of {len(self.gates)} passed", *([verdicts_line(verdicts)] if verdicts else []))


def verdicts_line(without_gate: Iterable[tuple[str, str]]) -> str:
    """Return the text of `verdicts_of` after the words "verdicts that do not affect the decision"."""
    return f"verdicts that do not affect the decision: {verdicts_of(without_gate)}"


def verdicts_of(without_gate: Iterable[tuple[str, str]]) -> str:
    """Return outcomes, given as pairs (id, verdict), in words; if there is a FAIL, add what FAIL means."""
    given = tuple(without_gate)
    verdicts = ", ".join(f"{name.removeprefix('audit-')} {verdict}" for name, verdict in given)
    has_failed = any(verdict == "FAIL" for _, verdict in given)
    note = "; FAIL means that the attack exceeded its own threshold; the policy allows this" if has_failed else ""
    return f"{verdicts}{note}"
