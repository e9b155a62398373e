import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audits.report.bars import balance_widths, interval_bar


@pytest.fixture(scope="module")
def gate(pages):
    return lambda low, value, high, limit, op="<=": pages.row("g", "a.b", op, limit, (low, value, high), 7, "FAIL")


def test_positions_equal_values_computed_by_hand(gate):
    # the marks span 2 to 10; a margin of 0.96 on each side makes an axis from 1.04 to 10.96, with a width of 9.92
    bar = interval_bar(gate(2, 4, 10, 5, op=">="))
    assert (bar.axis_low, bar.axis_high) == pytest.approx((1.04, 10.96))
    assert (bar.low, bar.value, bar.high, bar.limit) == pytest.approx((9.677, 29.839, 90.323, 39.919))
    assert not bar.safe_left
    shares = interval_bar(gate(0, 0.99, 1, 0.5))  # the axis of shares ends at 0 and 1
    assert (shares.axis_low, shares.axis_high, shares.low, shares.high) == (0, 1, 0, 100)
    zeros = interval_bar(gate(0, 0, 0, 0))
    assert zeros.axis_low == 0 < zeros.axis_high
    assert zeros.low == zeros.limit == 0
    tiny = interval_bar(gate(1e-5, 1e-5, 1e-5, 1e-5))  # a typical delta, equal to its limit
    assert (tiny.axis_low, tiny.axis_high) == pytest.approx((8.8e-6, 1.12e-5))
    assert tiny.value == tiny.limit == 50


@pytest.mark.parametrize("bad", [None, math.nan, math.inf])
def test_exact_fact_or_non_finite_number_has_no_bar(gate, bad):
    assert interval_bar(gate(0.1, bad, 0.3, 0.2)) is None
    assert interval_bar(replace(gate(1, 1, 1, 1), n=None)) is None


@given(st.lists(st.floats(-1e6, 1e6), min_size=3, max_size=3), st.floats(-1e6, 1e6))
def test_marks_lie_on_the_axis_in_order(gate, interval, limit):
    low, value, high = sorted(interval)
    bar = interval_bar(gate(low, value, high, limit))
    assert 0 <= bar.low <= bar.value <= bar.high <= 100
    assert 0 <= bar.limit <= 100


def test_balance_widths_share_one_scale():
    assert (balance_widths([("a", 0, 0, 0)]), balance_widths([])) == ([(0, 0, 0)], [])
    assert balance_widths([("a", 10, 40, 30), ("b", 5, 40, 0)]) == [(25, 100, 75), (12.5, 100, 0)]
