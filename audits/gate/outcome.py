"""How a decision went, gate by gate, and what was measured beside the gates."""

from dataclasses import dataclass
from typing import Any, Literal

from audits.gate.evidence import Metric

Outcome = Literal["PASS", "FAIL", "INSUFFICIENT"]
Op = Literal["<=", ">="]


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleOutcome:
    """How one gate went; or, where it gates nothing, what an audit said.

    Args:
        id: the rule, or `audit-NAME` for an audit that is required or must be measured.
        metric: what was read, with the bound: `membership.auc.high`; for audits `NAME.passed`, or `NAME.measured`
            where it should have been measured and was not; both are 1 or 0.
        op: how value and limit must stand.
        limit: the threshold.
        value: what was found; None where there was nothing.
        verdict: PASS, FAIL, or INSUFFICIENT evidence; of a gate only PASS lets through.
        reason: one sentence, what decided it.
        why: one sentence, what the gate is there for.
        estimate: the whole number with its interval and n; None for audits and where it is missing.
        gating: False for an audit that the policy wants measured and shown; its verdict decides nothing.
    """

    id: str
    metric: str
    op: Op
    limit: float
    value: float | None
    verdict: Outcome
    reason: str
    why: str
    estimate: Metric | None = None
    gating: bool = True

    def to_gate(self) -> dict[str, Any]:
        """Return it as the signed statement writes it."""
        return {
            "id": self.id,
            "metric": self.metric,
            "op": self.op,
            "threshold": self.limit,
            "value": self.value,
            "verdict": self.verdict,
            "gating": self.gating,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Whether the evidence satisfies a policy, gate by gate.

    Args:
        allowed: whether there is a gate, and every gate passed.
        outcomes: the gates, and what was measured beside them, in the policy's order.
        policy_name: of the policy that decided; a report or bundle is made under no other.
        policy_version: its version.
        policy_digest: its digest.
        evidence_digest: of the numbers it was decided on.
    """

    allowed: bool
    outcomes: tuple[RuleOutcome, ...]
    policy_name: str
    policy_version: str
    policy_digest: str
    evidence_digest: str

    @property
    def gates(self) -> tuple[RuleOutcome, ...]:
        """What decided."""
        return tuple(o for o in self.outcomes if o.gating)

    @property
    def measured(self) -> tuple[RuleOutcome, ...]:
        """What was measured and decided nothing, with the verdicts of the audits."""
        return tuple(o for o in self.outcomes if not o.gating)

    @property
    def failures(self) -> tuple[str, ...]:
        """One line for each gate that did not pass."""
        return tuple(f"{o.id}: {o.verdict}: {o.reason}" for o in self.gates if o.verdict != "PASS")

    @property
    def summary(self) -> tuple[str, ...]:
        """How many gates passed, and what the audits said that gate nothing; for a terminal."""
        passed = sum(o.verdict == "PASS" for o in self.gates)
        lines = (f"gates: {passed} of {len(self.gates)} passed",)
        if not self.measured:
            return lines
        said = ", ".join(f"{o.id.removeprefix('audit-')} {o.verdict}" for o in self.measured)
        return (*lines, f"measured, gating nothing: {said}")
