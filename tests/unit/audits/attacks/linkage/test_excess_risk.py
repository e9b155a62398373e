"""The excess of train over control: intervals of means, of their difference, and of the relative excess R."""

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
def test_wilson_mean_of_binary_values_is_wilsons_interval(n, k, confidence):
    k = min(k, n)
    found = wilson_mean(binary(k, n), confidence=confidence)
    assert found == pytest.approx(wilson(k, n, confidence=confidence))


def test_wilson_mean_is_narrower_for_values_with_less_variance():
    halves, whole = np.full(100, 0.5), binary(50, 100)
    halves[:10], halves[10:20] = 1.0, 0.0
    assert halves.mean() == whole.mean()
    narrow, wide = (np.ptp(wilson_mean(v, confidence=0.95)) for v in (halves, whole))
    assert narrow == pytest.approx(wide / math.sqrt(5), rel=0.02)  # a fifth of the variance


@given(st.integers(1, 40), st.integers(0, 40), st.integers(1, 70), st.integers(0, 70))
def test_absolute_excess_of_binary_values_has_newcombes_interval(n1, k1, n2, k2):
    k1, k2 = min(k1, n1), min(k2, n2)
    found = absolute_excess(binary(k1, n1), binary(k2, n2), confidence=0.95)
    assert (found.low, found.high) == pytest.approx(newcombe(k1, n1, k2, n2, confidence=0.95))
    assert found.n == min(n1, n2)


def test_ends_of_relative_excess_solve_their_equation():
    """Each end r of 1 - R solves (q_T - r q_H)^2 = (q_T - b_T)^2 + r^2 (q_H - b_H)^2; b: bounds on that side."""
    train, control = binary(60, 170), binary(31, 120)
    found = relative_excess(train, control, confidence=0.95)
    q_t, q_h = 110 / 170, 89 / 120
    t, h = wilson(110, 170, confidence=0.95), wilson(89, 120, confidence=0.95)
    assert found.value == pytest.approx((60 / 170 - 31 / 120) / (1 - 31 / 120))
    for r, b_t, b_h in ((1 - found.high, t.low, h.high), (1 - found.low, t.high, h.low)):
        assert (q_t - r * q_h) ** 2 == pytest.approx((q_t - b_t) ** 2 + r**2 * (q_h - b_h) ** 2)


@given(st.integers(1, 50), st.integers(0, 50), st.integers(1, 90), st.integers(0, 89))
def test_relative_excess_is_inside_its_interval_and_zero_for_equal_arms(n1, k1, n2, k2):
    k1, k2 = min(k1, n1), min(k2, n2 - 1)
    found = relative_excess(binary(k1, n1), binary(k2, n2), confidence=0.95)
    assert found.low <= found.value <= found.high <= 1
    same = relative_excess(binary(k2, n2), binary(k2, n2), confidence=0.95)
    assert same.value == 0
    assert same.low < 0 < same.high


@pytest.mark.parametrize(
    ("n_t", "a_t", "n_h", "a_h"), [(300, 0.2, 240, 0.2), (150, 0.6, 190, 0.6), (260, 0.5, 210, 0.3)]
)
def test_relative_excess_has_the_stated_coverage(n_t, a_t, n_h, a_h):
    rng, truth = np.random.default_rng(4), (a_t - a_h) / (1 - a_h)
    missed = np.zeros(2)
    for _ in range(600):
        found = relative_excess((rng.random(n_t) < a_t) * 1.0, (rng.random(n_h) < a_h) * 1.0, confidence=0.95)
        missed += [found.low > truth, found.high < truth]
    assert ((missed / 600 > 0.015) & (missed / 600 < 0.085)).all()


def test_needed_and_detectable_excess_are_inverse():
    assert [needed_for_excess(0.05, p) for p in (0.2, 0.5)] == [792, 1237]
    assert needed_for_excess(0.05, 0.2, power=0.9) > 792
    for n in (100, 792, 1097):
        assert needed_for_excess(detectable_excess(n, 0.2), 0.2) in {n, n + 1}


def test_detectable_relative_decreases_with_the_root_of_the_number_of_persons():
    few, many = (detectable_relative(binary(n // 5, n), binary(n // 5, n), confidence=0.95) for n in (500, 2000))
    assert few == pytest.approx(2 * many, rel=0.01)
    assert few == pytest.approx(2.4865 * math.sqrt(0.2 * 0.8 * 2 / 500) / 0.8, rel=0.01)
    assert detectable_relative(np.zeros(90), np.zeros(80), confidence=0.95) > 0


@pytest.mark.parametrize("value", [1.01, -0.01, np.nan])
def test_values_outside_zero_and_one_are_rejected(value):
    with pytest.raises(InputError, match="must be a number from 0 to 1"):
        wilson_mean(np.array([0.0, value, 1.0]), confidence=0.95)


def test_undefined_excess_is_not_measurable():
    with pytest.raises(NotMeasurable, match="at least one person"):
        wilson_mean(np.zeros(0), confidence=0.95)
    with pytest.raises(NotMeasurable, match="every control person"):
        relative_excess(binary(5, 9), np.ones(7), confidence=0.95)
