"""The result of a decision: the outcome of each gate, and of each audit without a gate."""

from dataclasses import dataclass
from typing import Any, Literal

from audits.gate.evidence import Metric

Outcome = Literal["PASS", "FAIL", "INSUFFICIENT", "WITHHELD"]  # WITHHELD only for an audit without a gate
Op = Literal["<=", ">="]


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleOutcome:
    """The outcome of one gate, or the verdict of an audit without a gate."""

    id: str  # of the rule, or `audit-NAME`
    metric: str  # of a rule, metric and bound: `membership.auc.high`; of an audit: `NAME.passed` or `NAME.measured`
    op: Op
    limit: float
    value: float | None  # 1 or 0 for an audit; None if nothing was measured
    verdict: Outcome
    reason: str  # one sentence
    why: str  # purpose of the gate, one sentence
    estimate: Metric | None = None  # the number with its interval and n; None for audits
    gating: bool = True  # False for an audit that the policy only requires to be measured

    def to_gate(self) -> dict[str, Any]:
        """Return the entry of the signed statement."""
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

    @property
    def gates(self) -> tuple[RuleOutcome, ...]:
        """The outcomes of the gates."""
        return tuple(o for o in self.outcomes if o.gating)

    @property
    def measured(self) -> tuple[RuleOutcome, ...]:
        """The verdicts of the audits without a gate."""
        return tuple(o for o in self.outcomes if not o.gating)

    @property
    def failures(self) -> tuple[str, ...]:
        """One line for each gate that did not pass."""
        return tuple(f"{o.id}: {o.verdict}: {o.reason}" for o in self.gates if o.verdict != "PASS")

    @property
    def summary(self) -> tuple[str, ...]:
        """The number of passed gates and the verdicts of audits without a gate, as lines for a terminal."""
        passed = sum(o.verdict == "PASS" for o in self.gates)
        lines = (f"gates: {passed} of {len(self.gates)} passed",)
        if not self.measured:
            return lines
        verdicts = ", ".join(f"{o.id.removeprefix('audit-')} {o.verdict}" for o in self.measured)
        return (*lines, f"verdicts of audits that the policy does not require: {verdicts}")
