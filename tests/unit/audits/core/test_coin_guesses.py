import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audits.core.coin_guesses import GUESSES, _tail_scores, guess_coins, needed_for_epsilon, provable
from audits.core.stats import one_run_epsilon

RNG = np.random.default_rng


def coins(n, seed=0):
    return RNG(seed).random(n) < 0.5


def test_certain_scores_nearly_reach_the_ceiling_with_either_sign():
    is_in = coins(600)
    for sign in (1, -1):
        bound = guess_coins({"a": sign * is_in.astype(float), "b": RNG(3).random(600)}, is_in, RNG(1), alpha=0.05)
        assert bound.persons == 480
        assert bound.right == bound.guesses
        ceiling = one_run_epsilon(r=480, v=480, m=480, delta=0.0, alpha=0.05 / 5)  # 20, 50, 100, 200 and all guesses
        assert bound.ceiling == pytest.approx(ceiling)
        assert bound.epsilon > 3


def test_a_few_copied_persons_are_guessed_first_and_weak_attacks_combined():
    is_in, rng = coins(1000), RNG(2)
    copied = is_in & (rng.random(1000) < 0.2)
    bound = guess_coins({f"a{k}": rng.random(1000) + copied for k in range(5)}, is_in, rng, alpha=0.05)
    assert bound.epsilon > 1.5
    assert bound.guesses <= 100
    rng = RNG(2)
    scores = {f"a{k}": rng.normal(size=1000) + 0.8 * is_in for k in range(6)}
    together = guess_coins(scores, is_in, rng, alpha=0.05).epsilon
    assert together > 1.5 * guess_coins({"a0": scores["a0"]}, is_in, rng, alpha=0.05).epsilon > 0


def test_delta_lowers_bound_and_ceiling():
    is_in = coins(500)
    bounds = [guess_coins({"a": is_in * 1.0}, is_in, RNG(1), alpha=0.05, delta=d) for d in (0.0, 1e-6, 1e-4)]
    for key in ("epsilon", "ceiling"):
        values = [getattr(bound, key) for bound in bounds]
        assert values == sorted(values, reverse=True)
        assert values[0] > values[2]


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=40))
def test_tail_scores_rise_with_the_score_and_are_zero_for_equal_scores(scores):
    tail = _tail_scores(np.array(scores, dtype=float))
    assert np.isfinite(tail).all()
    order = np.argsort(scores)
    assert (np.diff(tail[order]) >= 0).all()
    if len(set(scores)) == 1:
        assert tail == pytest.approx(np.zeros(len(scores)))
    slow = [sum(o < s for o in scores) + sum(o == s for o in scores) / 2 for s in scores]
    assert tail == pytest.approx([-math.log(1 - rank / len(scores)) - math.log(2) for rank in slow])


@settings(deadline=None)
@given(st.floats(0.01, 9), st.sampled_from([0.05, 0.01]))
def test_the_needed_number_of_coins_is_the_smallest(limit, alpha):
    r, level = needed_for_epsilon(limit, alpha=alpha), alpha / (len(GUESSES) + 1)
    assert one_run_epsilon(r=r, v=r, m=r, delta=0.0, alpha=level) >= limit - 1e-6
    if r > 1:
        assert one_run_epsilon(r=r - 1, v=r - 1, m=r - 1, delta=0.0, alpha=level) <= limit + 1e-6


def test_needed_coins_and_provable_bounds_for_known_numbers():
    assert [needed_for_epsilon(claim, alpha=0.05) for claim in (1.0, 3.0, 8.0)] == [17, 110, 15797]
    for n in (30, 600, 2_600):
        is_in = coins(n)
        bound = guess_coins({"a": is_in * 1.0}, is_in, RNG(1), alpha=0.05)
        assert provable(n, alpha=0.05) == pytest.approx(bound.ceiling, abs=1e-6)
    assert provable(0, alpha=0.05) == 0
