"""The excess of train over control: intervals of means, of their difference, and of the share learnt."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audits.attacks.linkage.excess_risk import (
    absolute_excess,
    detectable_excess,
    detectable_relative,
    needed_for_excess,
    relative_excess,
    wilson_mean,
)
from audits.core.errors import InputError, NotMeasurable
from audits.core.stats import newcombe, wilson


def binary(k, n):
    return np.array([1.0] * k + [0.0] * (n - k))


@given(st.integers(1, 60), st.integers(0, 60), st.sampled_from([0.9, 0.95, 0.99]))
def test_of_noughts_and_ones_it_is_the_interval_of_a_proportion(n, k, confidence):
    k = min(k, n)
    found = wilson_mean(binary(k, n), confidence=confidence)
    assert found == pytest.approx(wilson(k, n, confidence=confidence))


@given(st.integers(1, 40), st.integers(0, 40), st.integers(1, 70), st.integers(0, 70))
def test_the_difference_of_proportions_is_newcombes(n1, k1, n2, k2):
    k1, k2 = min(k1, n1), min(k2, n2)
    found = absolute_excess(binary(k1, n1), binary(k2, n2), confidence=0.95)
    assert (found.low, found.high) == pytest.approx(newcombe(k1, n1, k2, n2, confidence=0.95))
    assert found.n == min(n1, n2)


def test_values_that_scatter_less_have_a_narrower_interval():
    halves, whole = np.full(100, 0.5), binary(50, 100)
    halves[:10], halves[10:20] = 1.0, 0.0
    assert halves.mean() == whole.mean()
    narrow, wide = (np.ptp(wilson_mean(v, confidence=0.95)) for v in (halves, whole))
    assert narrow == pytest.approx(wide / math.sqrt(5), rel=0.02)  # a fifth of the variance


def test_the_ratio_interval_solves_its_equation():
    """Each end r of 1 - R solves (q_T - r q_H)^2 = (q_T - b_T)^2 + r^2 (q_H - b_H)^2, b the bounds on that side."""
    train, control = binary(60, 170), binary(31, 120)
    found = relative_excess(train, control, confidence=0.95)
    q_t, q_h = 110 / 170, 89 / 120
    t, h = wilson(110, 170, confidence=0.95), wilson(89, 120, confidence=0.95)
    assert found.value == pytest.approx((60 / 170 - 31 / 120) / (1 - 31 / 120))
    for r, b_t, b_h in ((1 - found.high, t.low, h.high), (1 - found.low, t.high, h.low)):
        assert (q_t - r * q_h) ** 2 == pytest.approx((q_t - b_t) ** 2 + r**2 * (q_h - b_h) ** 2)


@given(st.integers(1, 50), st.integers(0, 50), st.integers(1, 90), st.integers(0, 89))
def test_the_interval_holds_its_value_and_nothing_is_learnt_where_both_are_equal(n1, k1, n2, k2):
    k1, k2 = min(k1, n1), min(k2, n2 - 1)
    found = relative_excess(binary(k1, n1), binary(k2, n2), confidence=0.95)
    assert found.low <= found.value <= found.high <= 1
    same = relative_excess(binary(k2, n2), binary(k2, n2), confidence=0.95)
    assert same.value == 0
    assert same.low < 0 < same.high


@pytest.mark.parametrize(
    ("n_t", "a_t", "n_h", "a_h"), [(300, 0.2, 240, 0.2), (150, 0.6, 190, 0.6), (260, 0.5, 210, 0.3)]
)
def test_each_end_misses_as_often_as_said(n_t, a_t, n_h, a_h):
    rng, truth = np.random.default_rng(4), (a_t - a_h) / (1 - a_h)
    missed = np.zeros(2)
    for _ in range(600):
        found = relative_excess((rng.random(n_t) < a_t) * 1.0, (rng.random(n_h) < a_h) * 1.0, confidence=0.95)
        missed += [found.low > truth, found.high < truth]
    assert (missed / 600 < 0.085).all()
    assert (missed / 600 > 0.015).all()


def test_numbers_of_persons_for_an_excess():
    assert [needed_for_excess(0.05, p) for p in (0.2, 0.5)] == [792, 1237]
    assert needed_for_excess(0.05, 0.2, power=0.9) > 792


def test_what_can_be_told_shrinks_with_the_root_of_the_number():
    few, many = (detectable_relative(binary(n // 5, n), binary(n // 5, n), confidence=0.95) for n in (500, 2000))
    assert few == pytest.approx(2 * many, rel=0.01)
    assert few == pytest.approx(2.4865 * math.sqrt(0.2 * 0.8 * 2 / 500) / 0.8, rel=0.01)
    assert detectable_relative(np.zeros(90), np.zeros(80), confidence=0.95) > 0


@pytest.mark.parametrize("value", [1.01, -0.01, np.nan])
def test_a_value_outside_nought_and_one_is_refused(value):
    with pytest.raises(InputError, match="between 0 and 1"):
        wilson_mean(np.array([0.0, value, 1.0]), confidence=0.95)


def test_no_persons_are_not_measurable():
    with pytest.raises(NotMeasurable, match="at least one person"):
        wilson_mean(np.zeros(0), confidence=0.95)


def test_where_control_knows_everything_nothing_is_left_to_learn():
    with pytest.raises(NotMeasurable, match="nothing is left to learn"):
        relative_excess(binary(5, 9), np.ones(7), confidence=0.95)


def test_what_is_detectable_is_what_is_needed_the_other_way_round():
    for n in (100, 792, 1097):
        assert needed_for_excess(detectable_excess(n, 0.2), 0.2) in {n, n + 1}
