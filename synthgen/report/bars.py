"""Where the marks of a hand-drawn bar stand, as numbers from 0 to 100 along its axis."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from synthgen.report.content import BalanceRow, Count, GateRow

_MARGIN = 0.12  # free space on both sides of the outermost mark, as a share of what the axis spans


@dataclass(frozen=True, slots=True)
class IntervalBar:
    """One gate's interval against its limit, on an axis of its own.

    Args:
        low: position of the interval's lower end.
        high: position of the upper end.
        value: position of the estimate.
        limit: position of the limit.
        axis_low: the number at the left end.
        axis_high: the number at the right end.
        safe_left: whether the allowed side of the limit is on the left.
    """

    low: float
    high: float
    value: float
    limit: float
    axis_low: float
    axis_high: float
    safe_left: bool


def interval_bar(gate: GateRow) -> IntervalBar | None:
    """Return the bar of a gate, or None where no finite number was estimated.

    The axis spans interval and limit with a margin; numbers that are all shares keep it within [0, 1].
    """
    if gate.n is None or gate.value is None or gate.low is None or gate.high is None:
        return None
    marks = (gate.low, gate.high, gate.value, gate.limit)
    if not all(math.isfinite(m) for m in marks):
        return None
    span = max(marks) - min(marks)
    margin = _MARGIN * span if span > 0 else max(abs(marks[0]), 1.0) * _MARGIN
    start, end = min(marks) - margin, max(marks) + margin
    if all(m >= 0 for m in marks):
        start = max(start, 0.0)
    if all(m <= 1 for m in marks):
        end = min(end, 1.0)
    low, high, value, limit = _positions(start, end, marks)
    return IntervalBar(low, high, value, limit, start, end, safe_left=gate.op == "<=")


def _positions(start: float, end: float, marks: Iterable[float]) -> tuple[float, ...]:
    return tuple(round(100 * (m - start) / (end - start), 3) for m in marks)


def balance_widths(rows: Sequence[BalanceRow]) -> list[tuple[float, float, float]]:
    """Return for each label the lengths of its three bars (real, asked for, made), the longest of all being 100.

    Privacy: a bucket has no bar, or its length would be a number.
    """
    longest = max((count for row in rows for count in row[1:] if isinstance(count, int)), default=0)
    if longest == 0:
        return [(0.0, 0.0, 0.0) for _ in rows]

    def width(count: Count) -> float:
        return round(100 * count / longest, 3) if isinstance(count, int) else 0.0

    return [(width(real), width(asked), width(made)) for _, real, asked, made in rows]
