"""Statistics of the audits: intervals, tests, a lower bound on epsilon, sample sizes.

The ends of an interval are one-sided: P[true value > `high`] and P[true value < `low`] are each at most 1 -
confidence. Counts are numbers of persons, unless an audit states a different unit.

A pass depends on intervals at the confidence of the run. A fail depends on tests at fixed significance levels, so
that a higher confidence cannot turn a fail into a pass.

The null hypothesis of some tests is that a value is at most a margin away from its safe value. A table without leaks
almost never fails these tests. The null hypothesis of the other tests, such as `scan_test`, is no effect. A table
without leaks fails such a test with a probability of at most its significance level. Without optional inputs, the
audits make nine tests of no effect at `CHANCE_LEVEL` = 0.01 (five of them in `memorization`), so at most 9 % of
tables without leaks fail one of the nine. Three optional inputs add such tests: vectors of encoders, a mirror table
(output of the generator when trained on control) and a previous release.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import optimize, stats

from audits.core.errors import InputError, NotMeasurable
from audits.core.types import Float

SCAN_GRID = (5, 7, 10, 15, 20, 30, 50, 100, 200, 500, 1000)  # `scan_test` tests these numbers of persons at the top
POWER = 0.8  # statistical power for sample sizes and the smallest detectable leak, if no other is given
PASS_POWER = 0.95  # probability that tables of the required size without leaks pass `neighbours` or `parent_recovery`
FAIL_LEVEL = 0.05  # significance level of the tests against a margin or limit, after correction for multiple testing
CHANCE_LEVEL = FAIL_LEVEL / 5  # significance level of most tests of the hypothesis of no effect
EXPLAINED_LEVEL = 0.01  # significance level of the tests in `exceeds_control` and `exceeds_chance`
_MAX_EPSILON = 50.0  # largest bound that `one_run_epsilon` searches for


class Interval(NamedTuple):
    """An interval with one-sided ends."""

    low: float
    high: float


class Scan(NamedTuple):
    """The result of `scan_test`."""

    p: float  # p-value
    cut: int  # number of persons at the top for which the p-value is smallest; 0 if no number was tested
    n_train_in_cut: int  # number of train persons among the first `cut` persons


def wilson(k: int, n: int, *, confidence: float) -> Interval:
    """Return Wilson's approximate interval (JASA 1927) of the share k / n, for k successes in n trials."""
    _check_count(k, n, confidence)
    return wilson_of_share(k / n, n, confidence=confidence)


def wilson_of_share(p: float, n: float, *, confidence: float) -> Interval:
    """Return Wilson's approximate interval of a share p of n trials; n may be a non-integer effective number."""
    z = float(stats.norm.ppf(confidence))
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return Interval(0.0 if p == 0 else centre - half, 1.0 if p == 1 else centre + half)


def clopper_pearson(k: float, n: float, *, confidence: float) -> Interval:
    """Return Clopper and Pearson's exact interval (Biometrika 1934) of k / n; k and n need not be whole."""
    _check_count(k, n, confidence)
    low = 0.0 if k == 0 else float(stats.beta.ppf(1 - confidence, k, n - k + 1))
    high = 1.0 if k == n else float(stats.beta.ppf(confidence, k + 1, n - k))
    return Interval(low, high)


def newcombe(k1: int, n1: int, k2: int, n2: int, *, confidence: float) -> Interval:
    """Return Newcombe's interval of k1 / n1 - k2 / n2, for k1 successes in n1 trials and k2 successes in n2."""
    first, second = (wilson(k, n, confidence=confidence) for k, n in ((k1, n1), (k2, n2)))
    return newcombe_of_shares(k1 / n1, first, k2 / n2, second)


def newcombe_of_shares(p1: float, first: Interval, p2: float, second: Interval) -> Interval:
    """Return Newcombe's interval of p1 - p2 from the Wilson intervals `first` of p1 and `second` of p2.

    Reference: Newcombe, Statistics in Medicine 1998, method 10.
    """
    (l1, u1), (l2, u2) = first, second
    d = p1 - p2
    return Interval(d - math.hypot(p1 - l1, u2 - p2), d + math.hypot(u1 - p1, p2 - l2))


def scan_test(scores_train: Float, scores_control: Float) -> Scan:
    """Test the hypothesis that the persons with the highest scores are a random draw from train and control.

    An average can hide a few leaked persons; the top of the ranking shows them. All N persons, of whom n_T are in
    train, are sorted by score, highest first. For several numbers m, the test counts the train persons among the
    first m persons. x_m is this count, and M is the set of the tested m. Hypergeom(N, n_T, m) is the number of train
    persons among m random persons. The p-value is p:

        p_m = min(P[Hypergeom(N, n_T, m) >= x_m], P[Hypergeom(N, n_T, m) <= x_m]),  p = min(1, 2 |M| * min_m p_m)

    The second probability detects too few train persons at the top. The cause can be a filter that removes
    synthetic records similar to train. The train persons can then be recognised by their absence from the top.

    M contains each m of `SCAN_GRID` with m <= N. If persons m and m + 1 have the same score, m is raised to include
    all persons with this score. A number m = N is then omitted. If M is empty, the result is `Scan(1.0, 0, 0)`. M
    does not depend on which persons are in train, so the test is valid at every sample size.

    Args:
        scores_train: one score per train person; a higher score means closer to the synthetic table.
        scores_control: one score per control person. A score must not depend on whether the person is in train.

    Raise NotMeasurable if train or control has no person, and InputError if a score is not finite.
    """
    n_train, n_control = _checked_counts(scores_train, scores_control)
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
    """Return a lower bound on epsilon from one run of the generator, if v of r guesses of an attacker are right.

    A fair coin decides for each of m persons whether the generator is trained on this person. An attacker guesses r
    of the coins from the output of the generator. If epsilon is eps, then P[v or more guesses are right] <= p(eps).
    With delta = 0, P[a guess is right] <= q. Bin(r, q) is the number of successes in r trials of probability q:

        q = e^eps / (1 + e^eps),  beta = P[Bin(r, q) >= v],
        a = max_{1<=i<=v} (P[Bin(r, q) >= v - i] - beta) / i,
        p(eps) = min(1, beta + 2 m delta a),  bound = sup{eps >= 0 : p(eps) <= alpha}, or 0 if the set is empty

    Args:
        r: number of guesses, fixed before the guessed coins are revealed.
        v: number of right guesses.
        m: number of persons with independent fair coins.
        delta: delta of the tested claim.
        alpha: largest probability that the bound is wrong.

    Raise InputError if an argument is out of range.

    Reference: Steinke, Nasr and Jagielski, arXiv 2305.08846, the bound for approximate differential privacy.
    """
    if not (1 <= r <= m and 0 <= v <= r and 0 <= delta < 1 and 0 < alpha < 1):
        required = "1 <= r <= m, 0 <= v <= r, 0 <= delta < 1 and 0 < alpha < 1"
        raise InputError(f"the bound requires {required}; got {r=}, {v=}, {m=}, {delta=}, {alpha=}")

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
    """Return `one_run_epsilon` for v = r and delta = 0: max(0, ln(q / (1 - q))), where q^r = alpha."""
    q = alpha ** (1 / r)
    return max(0.0, math.log(q / (1 - q)))


def auc(scores_train: Float, scores_control: Float) -> float:
    """Return the AUC: P[train > control] + P[train = control] / 2 over all pairs of a train and a control score."""
    n_train, n_control = _checked_counts(scores_train, scores_control)
    ranks = stats.rankdata(np.concatenate([scores_train, scores_control]))
    return float((ranks[:n_train].sum() - n_train * (n_train + 1) / 2) / (n_train * n_control))


def auc_error(scores_train: Float, scores_control: Float) -> float:
    """Return the standard error of the AUC: the larger of DeLong's error and the error of a random ranking.

        max(sqrt(var(V_T) / n_T + var(V_H) / n_H),  sqrt((n_T + n_H + 1) / (12 n_T n_H)))

    T is train with n_T persons, and H is control with n_H persons. V_T has, for each person of T, the share of H with
    a lower score plus half the share with an equal score; V_H has, for each person of H, these shares of T. The
    second term is the error of a random ranking without equal scores (Mann and Whitney 1947). We added this term,
    because the first term is 0 if all scores are equal. If T or H has only one person, the result is the second term.

    Reference: DeLong, DeLong and Clarke-Pearson, Biometrics 1988.
    """
    n_train, n_control = _checked_counts(scores_train, scores_control)
    floor = (n_train + n_control + 1) / (12 * n_train * n_control)
    if min(n_train, n_control) < 2:
        return math.sqrt(floor)
    ranks = stats.rankdata(np.concatenate([scores_train, scores_control]))
    v_train = (ranks[:n_train] - stats.rankdata(scores_train)) / n_control
    v_control = (ranks[n_train:] - stats.rankdata(scores_control)) / n_train
    variance = float(np.var(v_train, ddof=1)) / n_train + float(np.var(v_control, ddof=1)) / n_control
    return math.sqrt(max(floor, variance))


def conformal_p(scores: Float, scores_control: Float) -> Float:
    """Return the p-value of each score: (1 + number of control scores >= the score) / (1 + number of control scores).

    The hypothesis is that the person of the score is exchangeable with the control persons.
    """
    ordered = np.sort(scores_control)
    at_least = len(ordered) - np.searchsorted(ordered, scores, side="left")
    return np.asarray((1 + at_least) / (1 + len(ordered)), dtype=np.float64)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return the p-values after Holm's correction (Scand. J. Statist. 1979) for multiple testing, in input order."""
    p, n = np.array(p_values, dtype=np.float64), len(p_values)
    order = np.argsort(p, kind="stable")
    corrected = np.empty(n)
    corrected[order] = np.maximum.accumulate(np.minimum(1.0, (n - np.arange(n)) * p[order]))
    return [float(value) for value in corrected]


def mid_ranks(scores: Float) -> Float:
    """Return the rank of each score as a share in (0, 1), lowest score first; tied scores get their mean rank."""
    return np.asarray((stats.rankdata(scores) - 0.5) / len(scores), dtype=np.float64)


def exceeds_control(train: int, control: int, share: float, *, minimum: int, n_tests: int = 1) -> bool:
    """Return whether there are more matches of train persons than can be explained without a leak.

        train > 0  and  (control < minimum  or  P[Bin(train + control, share) >= train] <= EXPLAINED_LEVEL / n_tests)

    A match is, for example, an identifier of a person that occurs in the synthetic table. If `control` is below
    `minimum`, every match of a train person counts as a leak. Otherwise, matches evidently occur without a leak, so a
    binomial test compares `train` with `control`.

    Args:
        train: number of matches of train persons.
        control: number of matches that the generator cannot have caused, such as matches of control persons.
        share: fraction of train + control that is expected to belong to train persons if there is no leak.
        minimum: smallest value of `control` for which the binomial test decides; 0 if the test always decides.
        n_tests: number of tests that the caller makes in total, for Bonferroni's correction.
    """
    return train > 0 and (
        control < minimum or float(stats.binom.sf(train - 1, train + control, share)) <= EXPLAINED_LEVEL / n_tests
    )


def exceeds_chance(matches: int, expected: float, *, negligible: float) -> bool:
    """Return whether more values match than chance explains.

        expected < negligible   or   P[Poisson(expected) >= matches] <= EXPLAINED_LEVEL

    `matches` is the number of different values, such as record numbers, in both train and the synthetic table. By
    chance, this number has the distribution Poisson(expected). If `expected` is below `negligible`, the result is
    true even if `matches` is 0.
    """
    return expected < negligible or float(stats.poisson.sf(matches - 1, expected)) <= EXPLAINED_LEVEL


def needed_for_zero_events(tau: float, *, confidence: float = 0.95) -> int:
    """Return how many persons without an event prove a rate of at most tau: n >= ln(1 - confidence) / ln(1 - tau)."""
    return math.ceil(math.log(1 - confidence) / math.log1p(-tau))


def needed_for_share(d: float, *, confidence: float = 0.95, power: float = POWER) -> int:
    """Return how many independent rows distinguish a share of 1/2 + d from 1/2: n >= (`z_sum` / (2 d))^2."""
    return math.ceil((z_sum(confidence, power) / (2 * d)) ** 2)


def needed_for_auc(d: float, *, confidence: float = 0.95, power: float = POWER) -> int:
    """Return how many persons each of train and control needs to distinguish an AUC of 1/2 + d from 1/2.

    The number n of persons of each table must satisfy n >= `z_sum`^2 / (6 d^2).
    """
    return math.ceil(z_sum(confidence, power) ** 2 / (6 * d * d))


def detectable_share(n: float, *, confidence: float = 0.95) -> float:
    """Return the smallest deviation of a share from 1/2 that n independent rows detect: `z_sum` / (2 sqrt(n))."""
    return z_sum(confidence, POWER) / (2 * math.sqrt(n))


def detectable_auc(n: float, *, confidence: float = 0.95) -> float:
    """Return the smallest deviation of an AUC from 1/2 that n train persons and n control persons detect.

    The deviation is `z_sum` / sqrt(6 n).
    """
    return z_sum(confidence, POWER) / math.sqrt(6 * n)


def power_of_each(n: int, joint: float = POWER) -> float:
    """Return the power that each of n two-sided tests needs so that all pass with probability `joint` or more."""
    return 1 - (1 - joint) / (2 * n)


def z_sum(confidence: float, power: float) -> float:
    """Return the sum of the standard normal quantiles of the confidence and of the power."""
    return float(stats.norm.ppf(confidence) + stats.norm.ppf(power))


def _checked_counts(scores_train: Float, scores_control: Float) -> tuple[int, int]:
    if len(scores_train) == 0 or len(scores_control) == 0:
        raise NotMeasurable(f"no persons to compare: {len(scores_train)} of train, {len(scores_control)} of control")
    if not (np.isfinite(scores_train).all() and np.isfinite(scores_control).all()):
        raise InputError("the score of a person is not a finite number")
    return len(scores_train), len(scores_control)


def _check_count(k: float, n: float, confidence: float) -> None:
    if n == 0:
        raise NotMeasurable("a proportion requires at least one trial")
    if not 0 <= k <= n:
        raise InputError(f"a proportion needs a count from 0 to the number of trials, got {k} of {n}")
    if not 0 < confidence < 1:
        raise InputError(f"the confidence must be between 0 and 1, got {confidence}")
