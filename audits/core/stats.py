"""Statistics of the audits: intervals, the scan test, the one-run bound on epsilon, sample sizes.

Each end of every interval is one-sided at `confidence`: the true value is above `high` with probability at most
1 - confidence, and likewise below `low`. The unit of every count is the person unless an audit says otherwise.

A pass uses the confidence of the run. A fail uses the fixed `FAIL_LEVEL`, so that a higher confidence cannot turn a
fail into a pass. A test against a margin almost never fails a table without leaks. A test of the hypothesis of no
effect (such as `scan_test`) fails it with a probability equal to the significance level. The audits of a release
contain nine such tests at `CHANCE_LEVEL`, so that they fail at most one in eleven releases without leaks.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import optimize, stats

from audits.core.errors import InputError, NotMeasurable
from audits.core.types import Float

SCAN_GRID = (5, 7, 10, 15, 20, 30, 50, 100, 200, 500, 1000)
POWER = 0.8  # statistical power for which sample sizes are computed
PASS_POWER = 0.95  # power instead of POWER for margins that are stricter than the widest allowed margin
FAIL_LEVEL = 0.05  # significance level of every fail, after correction for multiple testing
CHANCE_LEVEL = FAIL_LEVEL / 5  # significance level of tests of the hypothesis of no effect
EXPLAINED_LEVEL = 0.01  # significance level of the test in `exceeds_control`
_MAX_EPSILON = 50.0


class Interval(NamedTuple):
    """An interval whose two ends are each one-sided at the given confidence."""

    low: float
    high: float


class Scan(NamedTuple):
    """Result of the scan test: the p-value, the most extreme cut, and the number of train persons above it."""

    p: float
    cut: int
    n_train_in_cut: int


def wilson(k: int, n: int, *, confidence: float) -> Interval:
    """Return Wilson's score interval of k successes in n trials, for numbers that are displayed.

    Reference: Wilson, JASA 1927.
    """
    _check_count(k, n, confidence)
    return wilson_of_share(k / n, n, confidence=confidence)


def wilson_of_share(p: float, n: float, *, confidence: float) -> Interval:
    """Return Wilson's score interval of a share p of n trials; n may be a fractional effective number."""
    z = float(stats.norm.ppf(confidence))
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return Interval(0.0 if p == 0 else centre - half, 1.0 if p == 1 else centre + half)


def clopper_pearson(k: float, n: float, *, confidence: float) -> Interval:
    """Return the exact interval of k successes in n trials, for verdicts; k and n may be fractional.

    Reference: Clopper and Pearson, Biometrika 1934.
    """
    _check_count(k, n, confidence)
    low = 0.0 if k == 0 else float(stats.beta.ppf(1 - confidence, k, n - k + 1))
    high = 1.0 if k == n else float(stats.beta.ppf(confidence, k + 1, n - k))
    return Interval(low, high)


def newcombe(k1: int, n1: int, k2: int, n2: int, *, confidence: float) -> Interval:
    """Return Newcombe's interval of p1 - p2 for k1 successes in n1 trials and k2 in n2."""
    first, second = (wilson(k, n, confidence=confidence) for k, n in ((k1, n1), (k2, n2)))
    return newcombe_of_shares(k1 / n1, first, k2 / n2, second)


def newcombe_of_shares(p1: float, first: Interval, p2: float, second: Interval) -> Interval:
    """Return the interval of p1 - p2 for two independent proportions with Wilson intervals.

    Reference: Newcombe, Statistics in Medicine 1998, method 10.
    """
    (l1, u1), (l2, u2) = first, second
    d = p1 - p2
    return Interval(d - math.hypot(p1 - l1, u2 - p2), d + math.hypot(u1 - p1, p2 - l2))


def scan_test(scores_train: Float, scores_control: Float) -> Scan:
    """Test the hypothesis that the persons with the highest scores are a random draw from train and control.

    An average can hide a few leaked persons; the top of the ranking shows them. All N persons, n_T of them in train,
    are sorted by their scores. For each m (a cut) of a set M, x is the number of train persons among the first m:

        p_m = min(P[Hypergeom(N, n_T, m) >= x], P[Hypergeom(N, n_T, m) <= x]),  p = min(1, 2 |M| * min_m p_m)

    The second probability detects too few train persons: a filter that removes synthetic records similar to train
    reveals train persons by their absence at the top.

    A cut between equal scores is moved down to include all of them, so the cuts depend only on the pooled scores, and
    the test is exact at every sample size. A cut that includes everyone is dropped. Without a cut, the result is
    (1, 0, 0).

    Args:
        scores_train: one score per train person; a higher score means closer to the synthetic table.
        scores_control: the same for control persons. A score must not depend on whether the person is in train.

    Raise NotMeasurable if train or control has no person, and InputError if a score is not finite.
    """
    n_train, n_control = _arms(scores_train, scores_control)
    n, pooled = n_train + n_control, np.concatenate([scores_train, scores_control])
    order = np.argsort(-pooled, kind="stable")
    descending = pooled[order]
    at_cut = descending[[m - 1 for m in SCAN_GRID if m <= n]]
    cuts = np.unique(n - np.searchsorted(descending[::-1], at_cut, side="left"))
    cuts = cuts[cuts < n]
    if len(cuts) == 0:
        return Scan(1.0, 0, 0)
    x = np.asarray(np.cumsum(order < n_train))[cuts - 1]
    p = np.minimum(stats.hypergeom.sf(x - 1, n, n_train, cuts), stats.hypergeom.cdf(x, n, n_train, cuts))
    best = int(np.argmin(p))
    return Scan(min(1.0, 2 * len(cuts) * float(p[best])), int(cuts[best]), int(x[best]))


def one_run_epsilon(*, r: int, v: int, m: int, delta: float, alpha: float) -> float:
    """Return the lower bound on epsilon from v right guesses among r membership guesses, from one run.

        q = e^eps / (1 + e^eps),  beta = P[Bin(r, q) >= v],
        a = max_{1<=i<=v} (P[Bin(r, q) >= v - i] - beta) / i,
        p(eps) = min(1, beta + 2 m delta a),  bound = sup{eps : p(eps) <= alpha}

    Args:
        r: number of guesses, fixed before the answers are known.
        v: number of right guesses.
        m: number of persons with independent fair coins.
        delta: delta of the claim.
        alpha: largest probability that the bound is wrong.

    Raises:
        InputError: an argument is out of range.

    Reference: Steinke, Nasr and Jagielski, arXiv 2305.08846, the bound for approximate differential privacy.
    """
    if not (1 <= r <= m and 0 <= v <= r and 0 <= delta < 1 and 0 < alpha < 1):
        raise InputError(
            "the one-run bound requires 1 <= r <= m, 0 <= v <= r, 0 <= delta < 1 and 0 < alpha < 1; "
            f"got {r=}, {v=}, {m=}, {delta=}, {alpha=}"
        )

    def excess(epsilon: float) -> float:
        q = 1 / (1 + math.exp(-epsilon))
        beta = float(stats.binom.sf(v - 1, r, q))
        i = np.arange(1, v + 1)
        slack = float(np.max((stats.binom.sf(v - i - 1, r, q) - beta) / i)) if v > 0 and delta > 0 else 0.0
        return beta + 2 * m * delta * slack - alpha

    if excess(0.0) > 0:
        return 0.0
    return float(optimize.brentq(excess, 0.0, _MAX_EPSILON, xtol=1e-9))


def one_run_ceiling(r: int, *, alpha: float) -> float:
    """Return the lower bound from r right guesses with delta 0: eps = ln(q / (1 - q)), q^r = alpha; 0 if q < 1/2."""
    q = alpha ** (1 / r)
    return max(0.0, math.log(q / (1 - q)))


def auc(scores_train: Float, scores_control: Float) -> float:
    """Return P[train > control] + P[train = control] / 2 over all pairs."""
    n_train, n_control = _arms(scores_train, scores_control)
    ranks = stats.rankdata(np.concatenate([scores_train, scores_control]))
    return float((ranks[:n_train].sum() - n_train * (n_train + 1) / 2) / (n_train * n_control))


def auc_error(scores_train: Float, scores_control: Float) -> float:
    """Return the standard error of the AUC: the larger of DeLong's error and the error of a random ranking.

        max(sqrt(var(V_T) / n_T + var(V_H) / n_H),  sqrt((n_T + n_H + 1) / (12 n_T n_H)))

    T is train and H is control. V of a person is the share of persons of the other table with a lower score. The
    second term is the error for exchangeable persons without equal scores (Mann and Whitney 1947). Without it, the
    error would be 0 if all scores are equal.

    Reference: DeLong, DeLong and Clarke-Pearson, Biometrics 1988; the second term is our addition.
    """
    n_train, n_control = _arms(scores_train, scores_control)
    floor = (n_train + n_control + 1) / (12 * n_train * n_control)
    if min(n_train, n_control) < 2:
        return math.sqrt(floor)
    ranks = stats.rankdata(np.concatenate([scores_train, scores_control]))
    v_train = (ranks[:n_train] - stats.rankdata(scores_train)) / n_control
    v_control = (ranks[n_train:] - stats.rankdata(scores_control)) / n_train
    variance = float(np.var(v_train, ddof=1)) / n_train + float(np.var(v_control, ddof=1)) / n_control
    return math.sqrt(max(floor, variance))


def conformal_p(scores: Float, scores_control: Float) -> Float:
    """Return (1 + #{control >= score}) / (1 + n_control) of each score: its exact p-value under exchangeability."""
    ordered = np.sort(scores_control)
    at_least = len(ordered) - np.searchsorted(ordered, scores, side="left")
    return np.asarray((1 + at_least) / (1 + len(ordered)), dtype=np.float64)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return the p-values after Holm's correction for multiple testing, in the given order.

    Reference: Holm, Scandinavian Journal of Statistics 1979.
    """
    p, n = np.array(p_values, dtype=np.float64), len(p_values)
    order = np.argsort(p, kind="stable")
    corrected = np.empty(n)
    corrected[order] = np.maximum.accumulate(np.minimum(1.0, (n - np.arange(n)) * p[order]))
    return [float(value) for value in corrected]


def mid_ranks(scores: Float) -> Float:
    """Return the rank of each score as a share in (0, 1); tied scores get the mean of their ranks."""
    return np.asarray((stats.rankdata(scores) - 0.5) / len(scores), dtype=np.float64)


def exceeds_control(train: int, others: int, share: float, *, minimum: int, n_tests: int = 1) -> bool:
    """Return whether matches of train persons are leaks, judged by the number of matches that cannot be leaks.

        train > 0   and   (others < minimum   or   P[Bin(train + others, share) >= train] <= .01 / n_tests)

    Fewer than `minimum` other matches do not explain the matches of train, so every match of train is a leak. More
    other matches show that strings of this kind occur without a leak, so a binomial test compares the two numbers.

    Args:
        train: number of matches of train persons.
        others: number of matches that the generator cannot have caused, such as matches of control persons.
        share: expected fraction of all matches that are matches of train if there is no leak.
        minimum: smallest number of other matches with which the binomial test is used; 0 if it is always used.
        n_tests: number of tests that are made together, for Bonferroni's correction.
    """
    return train > 0 and (
        others < minimum or float(stats.binom.sf(train - 1, train + others, share)) <= EXPLAINED_LEVEL / n_tests
    )


def exceeds_chance(matches: int, expected: float, *, negligible: float) -> bool:
    """Return whether significantly more values match than chance explains.

        expected < negligible   or   P[Poisson(expected) >= matches] <= .01

    Args:
        matches: number of different values that match.
        expected: number of values that are expected to match by chance (lambda).
        negligible: if `expected` is below this number, chance explains no match.
    """
    return expected < negligible or float(stats.poisson.sf(matches - 1, expected)) <= EXPLAINED_LEVEL


def needed_for_zero_events(tau: float, *, confidence: float = 0.95) -> int:
    """Return how many persons without an event are required to show that the rate of the event is at most tau.

    n >= ln(1 - confidence) / ln(1 - tau)
    """
    return math.ceil(math.log(1 - confidence) / math.log1p(-tau))


def needed_for_share(d: float, *, confidence: float = 0.95, power: float = POWER) -> int:
    """Return how many independent rows distinguish a share of 1/2 + d from 1/2: n >= ((z + z') / (2 d))^2."""
    return math.ceil((z_sum(confidence, power) / (2 * d)) ** 2)


def needed_for_auc(d: float, *, confidence: float = 0.95, power: float = POWER) -> int:
    """Return how many persons per arm distinguish an AUC of 1/2 + d from 1/2: n >= (z + z')^2 / (6 d^2)."""
    return math.ceil(z_sum(confidence, power) ** 2 / (6 * d * d))


def detectable_share(n: float, *, confidence: float = 0.95, power: float = POWER) -> float:
    """Return the least deviation of a share from 1/2 that n independent rows detect: d = (z + z') / (2 sqrt(n))."""
    return z_sum(confidence, power) / (2 * math.sqrt(n))


def detectable_auc(n: float, *, confidence: float = 0.95, power: float = POWER) -> float:
    """Return the least deviation of an AUC from 1/2 that n persons per arm detect: d = (z + z') / sqrt(6 n)."""
    return z_sum(confidence, power) / math.sqrt(6 * n)


def power_of_each(n: int, joint: float = POWER) -> float:
    """Return the power that each of n two-sided tests requires so that all tests together have the joint power."""
    return 1 - (1 - joint) / (2 * n)


def z_sum(confidence: float, power: float) -> float:
    """Return z + z', the sum of the normal quantiles of the confidence and of the power."""
    return float(stats.norm.ppf(confidence) + stats.norm.ppf(power))


def _arms(scores_train: Float, scores_control: Float) -> tuple[int, int]:
    if len(scores_train) == 0 or len(scores_control) == 0:
        raise NotMeasurable(f"no persons to compare: {len(scores_train)} of train, {len(scores_control)} of control")
    if not (np.isfinite(scores_train).all() and np.isfinite(scores_control).all()):
        raise InputError("a person's score is not a finite number")
    return len(scores_train), len(scores_control)


def _check_count(k: float, n: float, confidence: float) -> None:
    if n == 0:
        raise NotMeasurable("a proportion requires at least one trial")
    if not (0 <= k <= n and 0 < confidence < 1):
        raise InputError(f"not a valid proportion: {k} of {n} at confidence {confidence}")
