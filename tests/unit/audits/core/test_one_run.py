"""The one-run bound on epsilon for mechanisms with known epsilon: at most 5 % of the bounds may exceed it.

Every mechanism treats each person separately, so its epsilon has a closed formula. Every test repeats the whole run,
from the coins to the bound, five hundred times.
"""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, optimize, stats

from audits.attacks.membership.membership_audit import epsilon_bound
from audits.core.coin_guesses import guess_coins
from audits.core.stats import one_run_epsilon

RNG = np.random.default_rng
RUNS, ALPHA = 500, 0.05
MOST = int(RUNS * ALPHA)


def randomised_response(coins, epsilon, rng):
    """Return each coin, flipped with probability 1 / (1 + e^eps); this is exactly epsilon-private."""
    return coins ^ (rng.random(len(coins)) < 1 / (1 + math.exp(epsilon)))


def check_bounds(bound, n, truth, least):
    """Check that few bounds of all runs on n fair coins exceed the truth and that their mean is large enough."""
    bounds = []
    for run in range(RUNS):
        rng = RNG(run)
        bounds.append(bound(rng.random(n) < 0.5, rng))
    assert sum(b > truth for b in bounds) <= MOST
    assert np.mean(bounds) >= least * truth


def gaussian_epsilon(mu, delta):
    """Return the epsilon of a Gaussian mechanism with sensitivity / noise mu at the given delta."""

    def excess(epsilon):
        tail = math.exp(epsilon) * stats.norm.cdf(-epsilon / mu - mu / 2)
        return stats.norm.cdf(-epsilon / mu + mu / 2) - tail - delta

    return optimize.brentq(excess, 0, 50)


@settings(deadline=None, max_examples=60)
@given(st.integers(2, 150), st.floats(0.05, 4), st.sampled_from([0.01, 0.05, 0.2]))
def test_the_exact_probability_of_a_wrong_bound_is_at_most_alpha(r, epsilon, alpha):
    """Sum over all outcomes of randomised response whose bound exceeds the true epsilon."""
    q = 1 / (1 + math.exp(-epsilon))
    wrong = [v for v in range(r + 1) if one_run_epsilon(r=r, v=v, m=r, delta=0.0, alpha=alpha) > epsilon + 1e-7]
    assert sum(stats.binom.pmf(v, r, q) for v in wrong) <= alpha + 1e-9


@pytest.mark.parametrize(("epsilon", "least"), [(0.5, 0.7), (1.0, 0.85), (3.0, 0.85)])
def test_randomised_response_is_bounded_tightly_and_rarely_too_high(epsilon, least):
    def bound(coins, rng):
        right = int((randomised_response(coins, epsilon, rng) == coins).sum())
        return one_run_epsilon(r=len(coins), v=right, m=len(coins), delta=0.0, alpha=ALPHA)

    check_bounds(bound, 1000, epsilon, least)


@pytest.mark.parametrize(("mu", "least"), [(0.5, 0.2), (1.0, 0.3)])
def test_a_gaussian_mechanism_with_delta_is_rarely_bounded_too_high(mu, least):
    r, delta = 200, 1e-6

    def bound(coins, rng):
        seen = mu * coins + rng.normal(size=len(coins)) - mu / 2
        surest = np.argsort(-np.abs(seen))[:r]
        right = int(((seen[surest] > 0) == coins[surest]).sum())
        return one_run_epsilon(r=r, v=right, m=len(coins), delta=delta, alpha=ALPHA)

    check_bounds(bound, 900, gaussian_epsilon(mu, delta), least)


@pytest.mark.parametrize(("mu", "delta"), [(1.0, 1e-5), (0.5, 1e-3)])
def test_the_gaussian_epsilon_follows_the_definition(mu, delta):
    epsilon, x = gaussian_epsilon(mu, delta), np.linspace(-12, 14, 400_001)
    over = stats.norm.pdf(x, mu) - math.exp(epsilon) * stats.norm.pdf(x)
    assert integrate.trapezoid(np.maximum(0, over), x) == pytest.approx(delta, rel=1e-3)


@pytest.mark.parametrize("share", [0.8, pytest.param(0.3, marks=pytest.mark.slow)])
def test_thinning_makes_the_bound_valid_for_unfair_coins(share):
    epsilon, n = 1.0, 1300
    thinned, unthinned = [], []
    for run in range(RUNS):
        rng = RNG(run)
        coins = rng.random(n) < share
        seen = randomised_response(coins, epsilon, rng) + rng.random(n) * 1e-3
        thinned.append(epsilon_bound({"answer": seen}, coins, rng)["epsilon_replacing"])
        top = np.argsort(-seen)[:200]
        unthinned.append(one_run_epsilon(r=200, v=int(coins[top].sum()), m=n, delta=0.0, alpha=ALPHA))
    assert sum(bound > epsilon for bound in thinned) <= MOST
    assert np.mean(thinned) > 0.4 * epsilon
    if share > 0.5:
        assert sum(bound > epsilon for bound in unthinned) > 0.9 * RUNS


@pytest.mark.slow
@pytest.mark.parametrize(("epsilon", "least"), [(0.0, 0.0), (1.5, 0.35)])
def test_guessing_with_learnt_weights_is_rarely_too_high(epsilon, least):
    def bound(coins, rng):
        n, seen = len(coins), randomised_response(coins, epsilon, rng)
        scores = {f"noise{k}": rng.normal(size=n) for k in range(3)}
        scores |= {f"part{k}": -np.where(rng.random(n) < 0.8, seen, 0.5) + 0.1 * rng.normal(size=n) for k in range(2)}
        return guess_coins(scores, coins, rng, alpha=ALPHA).epsilon

    check_bounds(bound, 300, epsilon, least)


def test_guesses_that_depend_on_other_coins_would_give_wrong_bounds():
    """Each guess assumes that the number of inserted persons is even, so all are right in half of the runs."""
    wrong = 0
    for run in range(100):
        coins = RNG(run).random(101) < 0.5
        guess = (coins.sum() - coins) % 2 == 1  # person i from all others
        wrong += one_run_epsilon(r=101, v=int((guess == coins).sum()), m=101, delta=0.0, alpha=ALPHA) > 0
    assert wrong > 30
