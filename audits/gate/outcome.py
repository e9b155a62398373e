"""The result of applying a policy to evidence: outcomes of gates, and verdicts of audits without a gate.

A gate is a condition for the release. An audit without a gate must be measured, but its verdict decides nothing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from audits.gate.evidence import Metric

Outcome = Literal["PASS", "FAIL", "INSUFFICIENT", "WITHHELD"]  # WITHHELD only for an audit without a gate
Op = Literal["<=", ">="]
PROBLEMS = "input_checks.problems"  # metric: number of problems that the input checks found


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleOutcome:
    """The outcome of one gate, or the verdict of an audit without a gate."""

    id: str  # id of the rule, or `audit-NAME`
    metric: str  # for a rule, metric and bound: `membership.auc.high`; for an audit, `NAME.passed` or `NAME.measured`
    op: Op
    limit: float
    value: float | None  # for an audit, 1 if it passed, else 0; None if nothing was measured
    verdict: Outcome
    reason: str  # one sentence
    why: str  # purpose of the gate, one sentence
    estimate: Metric | None = None  # the number with its interval and n; None if the verdict of an audit is read
    gating: bool = True  # whether the outcome affects the decision

    def to_gate(self) -> dict[str, Any]:
        """Return the entry for the list `gates` of the signed statement."""
        names = ("id", "metric", "op", "value", "verdict", "gating")
        return {"threshold": self.limit, **{name: getattr(self, name) for name in names}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The result of applying a policy to evidence."""

    allowed: bool  # whether there is a gate and every gate passed
    outcomes: tuple[RuleOutcome, ...]  # gates, and audits without a gate, in the order of the policy
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
    def measured(self) -> tuple[RuleOutcome, ...]:
        """The verdicts of the audits without a gate."""
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
        """The number of passed gates and the verdicts of audits without a gate, as lines for a terminal."""
        passed = sum(o.verdict == "PASS" for o in self.gates)
        verdicts = [(o.id, o.verdict) for o in self.measured]
        return (f"gates: {passed} of {len(self.gates)} passed", *([verdicts_line(verdicts)] if verdicts else []))


def verdicts_line(measured: Iterable[tuple[str, str]]) -> str:
    """Return one line with the verdicts of audits without a gate, given as pairs (`audit-NAME`, verdict)."""
    return f"verdicts that do not affect the decision: {verdicts_of(measured)}"


def verdicts_of(measured: Iterable[tuple[str, str]]) -> str:
    """Return verdicts, given as pairs (`audit-NAME`, verdict), in words; if there is a FAIL, add what FAIL means."""
    given = tuple(measured)
    verdicts = ", ".join(f"{name.removeprefix('audit-')} {verdict}" for name, verdict in given)
    has_failed = any(verdict == "FAIL" for _, verdict in given)
    note = "; FAIL means that the attack exceeded its own threshold; the policy allows this" if has_failed else ""
    return f"{verdicts}{note}"
