"""From a decision to the rows of the report."""

from audits.gate.policy import Decision
from synthgen.report.content import GateRow


def gate_rows(decision: Decision) -> tuple[GateRow, ...]:
    """Return one row per gate, in the decision's order, each with the interval it was decided on."""
    rows = []
    for outcome in decision.outcomes:
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
            )
        )
    return tuple(rows)
