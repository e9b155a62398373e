"""From a decision to the rows of the report."""

from collections.abc import Iterable

from audits.gate.outcome import RuleOutcome
from synthgen.report.content import GateRow


def gate_rows(outcomes: Iterable[RuleOutcome]) -> tuple[GateRow, ...]:
    """Return one row per outcome, in their order, each with the interval it was decided on."""
    rows = []
    for outcome in outcomes:
        estimate = outcome.estimate
        rows.append(
            GateRow(
                id=outcome.id,
                metric=outcome.metric,
                op=outcome.op,
                limit=outcome.limit,
                value=outcome.value if estimate is None else estimate.value,
                low=outcome.value if estimate is None else estimate.low,
                high=outcome.value if estimate is None else estimate.high,
                n=None if estimate is None else estimate.n,
                verdict=outcome.verdict,
                reason=outcome.reason,
                why=outcome.why,
                gating=outcome.gating,
            )
        )
    return tuple(rows)
