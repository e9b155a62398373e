import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from studies.corrected_t import corrected_t
from studies.crossed_t import crossed_t

NONE = np.array([])


def test_by_hand():
    # s² = 0.0002/2, a = (1/3 + 2) · s²; b = 4/3 · 0.0004
    values, influence = np.array([0.6, 0.61, 0.62]), np.array([0.01, -0.01, 0.01, -0.01])
    a, b = (1 / 3 + 2) * 0.0001, 4 / 3 * 0.0004
    found = crossed_t(values, 2.0, influence)
    freedom = (a + b) ** 2 / (a**2 / 2 + b**2 / 3)
    half = stats.t.ppf(0.975, freedom) * math.sqrt(a + b)
    assert (found.folds, found.mean) == (3, pytest.approx(0.61))
    assert (found.low, found.high) == (pytest.approx(0.61 - half), pytest.approx(0.61 + half))


@given(st.lists(st.floats(0, 1), min_size=2, max_size=9), st.floats(0, 4))
def test_without_test_persons_it_is_the_corrected_t(values, ratio):
    x = np.array(values)
    found, usual = crossed_t(x, ratio, NONE), corrected_t(x, ratio)
    assert found.mean == usual.mean
    if usual.low is not None:
        assert (found.low, found.high) == (pytest.approx(usual.low), pytest.approx(usual.high))


def test_draws_that_agree_have_the_interval_of_the_test_persons():
    influence = np.array([0.02, -0.01, -0.01])
    found = crossed_t(np.array([0.5, 0.5]), 1.0, influence)
    half = stats.t.ppf(0.975, 2) * math.sqrt(3 / 2 * 0.0006)
    assert found.high == pytest.approx(0.5 + half)


@pytest.mark.parametrize(
    ("values", "influence"), [([], [0.1, -0.1]), ([0.5], [0.1, -0.1]), ([0.5, 0.5], []), ([0.5, 0.5], [0.0, 0.0])]
)
def test_without_spread_there_is_no_interval(values, influence):
    found = crossed_t(np.array(values), 1.0, np.array(influence))
    assert (found.low, found.high, found.folds) == (None, None, len(values))


def test_the_interval_covers_the_truth_at_its_confidence_and_either_part_alone_does_not():
    """Train and test records are both drawn at random; the true mean over all possible records is 0."""
    rng = np.random.default_rng(5)
    N, n, n_test, J, rounds = 90, 50, 60, 5, 1500
    covered = dict.fromkeys(("both", "draws", "test"), 0)
    for _ in range(rounds):
        pool, test = rng.normal(size=N), rng.normal(size=n_test)
        values = np.array([pool[rng.permutation(N)[:n]].mean() for _ in range(J)]) + test.mean()
        influence = (test - test.mean()) / n_test
        cases = {"both": (values, n / (N - n), influence), "draws": (values, 0.0, NONE)}
        cases["test"] = (values.mean() + 1e-9 * np.arange(J), 0.0, influence)
        for name, case in cases.items():
            found = crossed_t(*case)
            covered[name] += found.low <= 0 <= found.high
    assert 0.93 <= covered["both"] / rounds <= 0.985
    assert covered["draws"] / rounds < 0.8
    assert covered["test"] / rounds < 0.9
