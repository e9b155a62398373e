"""Compute the bars of the report: positions on an axis for gates, and lengths for classes, all from 0 to 100.

A gate is a rule of the policy or the verdict of an audit.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from audits.report.content import BalanceRow, Count, GateRow

_MARGIN = 0.12  # length of the axis beyond the drawn numbers at each end, as a share of (largest - smallest number)


@dataclass(frozen=True, slots=True)
class IntervalBar:
    """The interval, value and limit of one gate as positions on an axis, from 0 (left end) to 100 (right end)."""

    low: float  # position of the lower end of the interval
    high: float  # position of the upper end of the interval
    value: float  # position of the value
    limit: float  # position of the limit
    axis_low: float  # the number at position 0
    axis_high: float  # the number at position 100
    safe_left: bool  # whether the gate allows the numbers to the left of its limit


def interval_bar(gate: GateRow) -> IntervalBar | None:
    """Return the bar of a gate, or None if the gate has no estimate, or a number that is not finite.

    The axis covers the interval, the limit and a margin. It does not extend below 0 if none of these numbers is
    negative, and not above 1 if none exceeds 1.
    """
    if gate.n is None or gate.value is None or gate.low is None or gate.high is None:
        return None
    marks = (gate.low, gate.high, gate.value, gate.limit)
    if not all(math.isfinite(m) for m in marks):
        return None
    span = max(marks) - min(marks)
    margin = _MARGIN * span if span > 0 else (abs(marks[0]) or 1.0) * _MARGIN
    start, end = min(marks) - margin, max(marks) + margin
    if all(m >= 0 for m in marks):
        start = max(start, 0.0)
    if all(m <= 1 for m in marks):
        end = min(end, 1.0)
    low, high, value, limit = (round(100 * (m - start) / (end - start), 3) for m in marks)
    return IntervalBar(low, high, value, limit, start, end, safe_left=gate.op == "<=")


def balance_widths(rows: Sequence[BalanceRow]) -> list[tuple[float, float, float]]:
    """Return for each class the lengths of its bars (real, requested, generated records); the longest bar is 100.

    Privacy: a count that is published as a bucket, such as `10-20`, has a bar of length 0.
    """
    longest = max((count for row in rows for count in row[1:] if isinstance(count, int)), default=0) or 1

    def width(count: Count) -> float:
        return round(100 * count / longest, 3) if isinstance(count, int) else 0.0

    return [(width(real), width(requested), width(generated)) for _, real, requested, generated in rows]
