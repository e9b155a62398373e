import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from audits.core.errors import InputError, NotMeasurable
from audits.core.stats import (
    auc,
    auc_error,
    clopper_pearson,
    conformal_p,
    detectable_auc,
    detectable_share,
    exceeds_chance,
    exceeds_control,
    holm,
    needed_for_auc,
    needed_for_share,
    needed_for_zero_events,
    newcombe,
    one_run_ceiling,
    one_run_epsilon,
    scan_test,
    wilson,
)

scores = st.lists(st.integers(0, 9), min_size=3, max_size=30).map(lambda v: np.array(v, dtype=np.float64))


def test_wilson_and_newcombe_reproduce_published_intervals():
    # Newcombe 1998 (single proportion), method 3: 81/263 and 15/148 at two-sided 95 %
    assert wilson(81, 263, confidence=0.975) == pytest.approx((0.2553, 0.3662), abs=1e-4)
    assert wilson(15, 148, confidence=0.975) == pytest.approx((0.0624, 0.1605), abs=1e-4)
    assert wilson(0, 20, confidence=0.975) == pytest.approx((0.0, 0.1611), abs=1e-4)
    # Newcombe 1998 (difference), example 56/70 - 48/80, method 10: .0524 to .3339
    assert newcombe(56, 70, 48, 80, confidence=0.975) == pytest.approx((0.0524, 0.3339), abs=1e-4)


def test_clopper_pearson_has_the_stated_tail_at_each_end():
    low, high = clopper_pearson(7, 41, confidence=0.95)
    assert scipy_stats.binom.sf(6, 41, low) == pytest.approx(0.05)
    assert scipy_stats.binom.cdf(7, 41, high) == pytest.approx(0.05)
    assert clopper_pearson(0, 299, confidence=0.95).high < 0.01 <= clopper_pearson(0, 298, confidence=0.95).high
    assert clopper_pearson(13, 13, confidence=0.95).high == 1.0


def test_invalid_proportions_and_scores_are_rejected():
    for interval in (wilson, clopper_pearson):
        with pytest.raises(NotMeasurable, match="at least one trial"):
            interval(0, 0, confidence=0.95)
        with pytest.raises(InputError, match="5 of 3"):
            interval(5, 3, confidence=0.95)
    with pytest.raises(InputError, match="finite"):
        auc(np.array([math.nan]), np.array([1.0]))
    with pytest.raises(NotMeasurable, match="0 of control"):
        scan_test(np.array([1.0]), np.array([]))


def test_scan_is_the_hypergeometric_tail(monkeypatch):
    # the five highest of 3 + 9 persons include all 3 train persons: C(9,2)/C(12,5) = 36/792, one cut, two sides
    train, control = np.array([10.0, 9.0, 8.0]), np.arange(9, dtype=np.float64) / 2 + 3.6
    monkeypatch.setattr("audits.core.stats.SCAN_GRID", (5,))
    assert scan_test(train, control) == (pytest.approx(2 * 36 / 792), 5, 3)


def test_scan_moves_a_cut_below_ties_and_drops_a_cut_of_everyone(monkeypatch):
    assert scan_test(np.zeros(8), np.zeros(5)) == (1.0, 0, 0)
    monkeypatch.setattr("audits.core.stats.SCAN_GRID", (2,))
    assert scan_test(np.array([2.0, 1, 1, 1, 0]), np.array([1.0, 1, 0, 0])).cut == 6


def test_scan_detects_underrepresented_and_a_few_leaked_persons():
    assert scan_test(np.arange(40) / 100, np.arange(30) + 1.0).p < 1e-6
    rng = np.random.default_rng(3)
    train, control = rng.normal(size=700), rng.normal(size=690)
    train[:12] += 10
    assert scan_test(train, control).p < 0.05
    assert auc(train, control) < 0.55


@pytest.mark.parametrize("levels", [0, 12], ids=["continuous", "tied"])
def test_scan_keeps_its_size_when_roles_are_permuted(levels):
    rng = np.random.default_rng(17)
    pooled = rng.normal(size=210) if levels == 0 else rng.integers(levels, size=210).astype(np.float64)
    hits = 0
    for _ in range(400):
        rng.shuffle(pooled)
        hits += scan_test(pooled[:130], pooled[130:]).p <= 0.05
    assert scipy_stats.binom.sf(hits - 1, 400, 0.05) > 1e-3


@given(scores, scores, st.randoms(use_true_random=False))
def test_scan_and_auc_do_not_depend_on_the_order_of_persons(train, control, random):
    again = np.array(random.sample(list(train), len(train)))
    assert scan_test(again, control) == scan_test(train, control)
    assert auc(again, control) == auc(train, control)


@given(scores, scores)
def test_auc_is_the_share_of_pairs(train, control):
    pairs = [1.0 if t > h else 0.5 if t == h else 0.0 for t in train for h in control]
    assert auc(train, control) == pytest.approx(np.mean(pairs))
    assert auc(control, train) == pytest.approx(1 - np.mean(pairs))


def test_one_run_bound_and_ceiling_have_known_values():
    # m=1000, r=100, delta=0, alpha=.05, by accuracy of the guesses
    bounds = [one_run_epsilon(r=100, v=v, m=1000, delta=0.0, alpha=0.05) for v in (70, 80, 90, 95)]
    assert bounds == pytest.approx([0.47, 0.96, 1.63, 2.17], abs=0.005)
    assert one_run_epsilon(r=100, v=55, m=1000, delta=0.0, alpha=0.05) == 0.0
    ceilings = [one_run_ceiling(r, alpha=0.05) for r in (20, 50, 100, 200, 500, 1000)]
    assert ceilings == pytest.approx([1.82, 2.78, 3.49, 4.19, 5.1, 5.8], abs=0.02)
    assert one_run_epsilon(r=20, v=20, m=60, delta=0.0, alpha=0.05) == pytest.approx(ceilings[0])
    assert one_run_ceiling(2, alpha=0.05) == 0.0
    with pytest.raises(InputError, match="r=9"):
        one_run_epsilon(r=9, v=3, m=8, delta=0.0, alpha=0.05)


def test_one_run_bound_is_a_p_value_of_alpha_with_delta_by_the_slow_formula():
    r, v, m, delta, alpha = 60, 55, 400, 1e-4, 0.05
    epsilon = one_run_epsilon(r=r, v=v, m=m, delta=delta, alpha=alpha)
    q = math.exp(epsilon) / (1 + math.exp(epsilon))

    def tail(k):
        return sum(math.comb(r, j) * q**j * (1 - q) ** (r - j) for j in range(max(k, 0), r + 1))

    slack = max((tail(v - i) - tail(v)) / i for i in range(1, v + 1))
    assert tail(v) + 2 * m * delta * slack == pytest.approx(alpha, abs=1e-6)
    assert epsilon < one_run_epsilon(r=r, v=v, m=m, delta=0.0, alpha=alpha)


@settings(deadline=None)
@given(st.integers(1, 80), st.data())
def test_one_run_bound_grows_with_the_right_guesses(r, data):
    v = data.draw(st.integers(0, r - 1))
    fewer, more = (one_run_epsilon(r=r, v=k, m=90, delta=0.0, alpha=0.05) for k in (v, v + 1))
    assert fewer <= more <= one_run_ceiling(r, alpha=0.05) + 1e-6


def test_the_error_of_the_auc_covers_and_has_a_floor():
    rng = np.random.default_rng(5)
    inside = 0
    for _ in range(300):
        train, control = rng.normal(0.5, 1, 61), rng.normal(0, 1, 47)
        half = scipy_stats.norm.ppf(0.95) * auc_error(train, control)
        inside += abs(auc(train, control) - scipy_stats.norm.cdf(0.5 / math.sqrt(2))) <= half
    assert inside > 300 * 0.86  # nominal .90
    assert auc_error(np.zeros(30), np.zeros(20)) == pytest.approx(math.sqrt(51 / (12 * 600)))


def test_conformal_and_holm_p_values():
    assert conformal_p(np.array([0.0, 2.0, 9.0]), np.array([1.0, 2.0, 3.0, 4.0])) == pytest.approx([1.0, 0.8, 0.2])
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []


def test_sample_sizes_and_detectable_effects():
    assert [needed_for_zero_events(t) for t in (0.01, 0.001, 0.0001)] == [299, 2995, 29956]
    assert [needed_for_auc(d) for d in (0.05, 0.03, 0.02)] == [413, 1145, 2577]
    # with z rounded to 1.645 + .841, published tables have 1,717 and 3,863
    assert [needed_for_share(d) for d in (0.05, 0.03, 0.02)] == [619, 1718, 3865]
    assert math.ceil((2.486 / 0.06) ** 2) == 1717
    assert math.ceil((2.486 / 0.04) ** 2) == 3863
    for n in (104, 413, 1717, 15450):
        assert needed_for_share(detectable_share(n)) in {n, n + 1}
        assert needed_for_auc(detectable_auc(n)) in {n, n + 1}
    assert detectable_share(1717, confidence=0.99) > detectable_share(1717)


@pytest.mark.parametrize(
    ("train", "others", "is_leak"),
    [(0, 0, False), (1, 0, True), (1, 1, True), (1, 2, False), (5, 2, False), (12, 2, True), (30, 30, False)],
)
def test_two_matches_of_control_explain_as_many_of_train(train, others, is_leak):
    assert exceeds_control(train, others, 0.5, minimum=2) == is_leak


def test_exceeds_control_equals_the_binomial_tail():
    """P[Bin(9, 1/2) >= 8] = 10 / 512 = .0195, P[Bin(10, 1/2) = 10] = .00098."""
    assert not exceeds_control(8, 1, 0.5, minimum=1)
    assert exceeds_control(10, 0, 0.5, minimum=0)


@pytest.mark.parametrize(
    ("matches", "expected", "is_more"), [(1, 0.04, True), (1, 0.06, False), (2, 0.12, True), (8, 9.0, False)]
)
def test_matches_exceed_chance(matches, expected, is_more):
    assert exceeds_chance(matches, expected, negligible=0.05) is is_more
