"""Test statistically whether a mechanism draws its batches and its noise as claimed.

A mechanism is a noisy computation in steps; with sampling, each step uses a random set of persons (batch). The tests
read the log of a dry run, which runs the same code on fictional persons.
"""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from scipy import stats

from audits.core.stats import POWER
from audits.core.types import Int

ALPHA = 1e-6  # significance level of each test
# A dry run must log at least this many steps; if a mechanism without sampling has fewer, the dry run must log all of
# them. With 200 steps, each test below detects the mistakes that its docstring names.
MIN_STEPS = 200
MIN_ORDERED = 1000  # smallest number of coordinates for the test `order`, because its p-value is only approximate
TIE = 1e-7  # two coordinates are tied if their absolute values differ by at most this
MIN_PERSONS = 50  # smallest number of fictional persons in a dry run of a mechanism with sampling


class Participation(NamedTuple):
    """Counts of T batches (one per step) drawn from n persons."""

    sizes: Int  # number of persons in each batch; shape (T,)
    participations: Int  # number of batches that contain each person; shape (n,)
    overlaps: Int  # number of persons in both of two consecutive batches; shape (T - 1,)


def count_participation(batches: Sequence[Sequence[int]], n_persons: int) -> Participation:
    """Return the counts of batches; each batch lists different persons by number, from 0 to `n_persons` - 1."""
    sets = [set(batch) for batch in batches]
    drawn = np.array([person for batch in batches for person in batch], dtype=np.int64)
    return Participation(
        sizes=np.array([len(batch) for batch in batches], dtype=np.int64),
        participations=np.bincount(drawn, minlength=n_persons),
        overlaps=np.array([len(a & b) for a, b in pairwise(sets)], dtype=np.int64),
    )


def poisson_tests(draws: Participation, *, rate: float) -> dict[str, float]:
    """Return p-values for the hypothesis that each person is in each batch independently with probability q.

    q is `rate`; 0 < q < 1. There are n persons and T batches. X_t is the number of persons in batch t, and P_i
    the number of batches with person i. There are four two-sided tests:

    - rate: the sum of all X_t is compared with Bin(n·T, q). The test is exact and detects a probability other than q.
    - sizes: sum over t of (X_t - n·q)² / (n·q·(1 - q)). This sum is too small for batches of fixed size.
    - participations: sum over i of (P_i - T·q)² / (T·q·(1 - q)). This sum is too small if batches are consecutive
      parts of a shuffled list.
    - overlaps: sum over t of the number of persons in both batch t and batch t + 1. This sum is also too small for
      parts of a shuffled list, because no person occurs twice before the end of the list.

    Each of the last three sums is compared with a gamma distribution of the same mean and variance:

        sizes:           mean T,  variance T·(2 + (1 - 6·q·(1 - q)) / (n·q·(1 - q)))
        participations:  mean n,  variance n·(2 + (1 - 6·q·(1 - q)) / (T·q·(1 - q)))
        overlaps:        mean n·(T - 1)·q²,  variance n·((T - 1)·q²·(1 - q²) + 2·(T - 2)·(q³ - q⁴))
    """
    n, steps, q = len(draws.participations), len(draws.sizes), rate
    total = int(draws.sizes.sum())
    chance = stats.binom(n * steps, q)
    return {
        "rate": min(1.0, 2 * float(min(chance.cdf(total), chance.sf(total - 1)))),
        "sizes": _dispersion_p(draws.sizes, n, q),
        "participations": _dispersion_p(draws.participations, steps, q),
        "overlaps": _gamma_p(float(draws.overlaps.sum()), *_overlap_moments(n, steps, q), half_step=0.5),
    }


def noise_tests(noise: Sequence[float], *, degrees: int) -> dict[str, float]:
    """Return p-values for the hypothesis that the logged noise is as large and as variable as claimed.

    `noise` has the size of the noise in each step. With z = (noise of the step) / (its claimed scale), the size is
    the sum of the squared coordinates of z for Gaussian noise, and twice the sum of their absolute values for Laplace
    noise. Under the hypothesis, a size has a chi-squared distribution with `degrees` degrees of freedom.

    - scale: two-sided test of the sum of all sizes. It detects noise that is too large or too small in total.
    - shape: Kolmogorov-Smirnov test of the sizes. It detects noise that varies too little from step to step.
    - repeats: 0 if two steps have the same size, otherwise 1. Continuous noise repeats only if it is reused.
    """
    values = np.asarray(noise, dtype=np.float64)
    total, all_degrees = float(values.sum()), degrees * len(values)
    low, high = float(stats.chi2.cdf(total, all_degrees)), float(stats.chi2.sf(total, all_degrees))
    shape = stats.kstest(stats.chi2.cdf(values, degrees), "uniform").pvalue
    return {
        "scale": min(1.0, 2 * min(low, high)),
        "shape": float(shape),
        "repeats": 0.0 if len(np.unique(values)) < len(values) else 1.0,
    }


def coordinate_tests(coordinates: Sequence[float], *, is_laplace: bool) -> dict[str, float]:
    """Return p-values for the hypothesis that logged coordinates of noise are independent and distributed as claimed.

    The coordinates are the noise divided by its claimed scale. Their claimed distribution is the Laplace distribution
    with scale 1 if `is_laplace`, and otherwise the standard normal distribution.

    - distribution: Kolmogorov-Smirnov test. It detects coordinates without noise, even if all other coordinates have
      too much noise. It also detects a wrong distribution, such as absolute values of noise.
    - order: two-sided test of the correlation of each coordinate with the next, both transformed to normal values. It
      detects sorted noise. With fewer than `MIN_ORDERED` coordinates, the p-value is 1.
    - ties: the absolute values are sorted, and the neighbours that are tied (`TIE`) are counted. For n coordinates,
      the count has about a Poisson distribution with mean n² · `TIE` · ∫ f², where f is the density of an absolute
      value. The test detects one noise value used for several coordinates, and noise in multiples of a large unit.
    """
    z = np.asarray(coordinates, dtype=np.float64)
    claimed = stats.laplace if is_laplace else stats.norm
    scores = stats.norm.ppf(np.clip(claimed.cdf(z), 1e-16, 1 - 1e-16))
    order = float(scores[1:] @ scores[:-1]) / math.sqrt(max(1, len(z) - 1))
    n_ties = int((np.diff(np.sort(np.abs(z))) <= TIE).sum())
    mean_density = 0.5 if is_laplace else 1 / math.sqrt(math.pi)  # ∫ f² of `ties`
    return {
        "distribution": float(stats.kstest(z, claimed.cdf).pvalue),
        "order": 2 * float(stats.norm.sf(abs(order))) if len(z) >= MIN_ORDERED else 1.0,
        "ties": float(stats.poisson.sf(n_ties - 1, len(z) ** 2 * TIE * mean_density)),
    }


def smallest_shortfall(all_degrees: int) -> float:
    """Return the smallest share (at most 1) of the noise whose absence the test `scale` detects with power .8.

        1 - sqrt(max(0, 1 - (z + z')·sqrt(2 / all_degrees)))

    z is the normal quantile of 1 - ALPHA / 2, and z' that of the power. `all_degrees` is the sum of the degrees of
    freedom (see `noise_tests`) of all steps.
    """
    z_total = float(stats.norm.isf(ALPHA / 2) + stats.norm.ppf(POWER))
    return 1 - math.sqrt(max(0.0, 1 - z_total * math.sqrt(2 / all_degrees)))


def _dispersion_p(counts: Int, trials: int, q: float) -> float:
    statistic = float(((counts - trials * q) ** 2).sum()) / (trials * q * (1 - q))
    return _gamma_p(statistic, *_dispersion_moments(len(counts), trials, q), half_step=0.0)


def _dispersion_moments(m: int, trials: int, q: float) -> tuple[float, float]:
    return m, m * (2 + (1 - 6 * q * (1 - q)) / (trials * q * (1 - q)))


def _overlap_moments(n: int, steps: int, q: float) -> tuple[float, float]:
    variance = (steps - 1) * q**2 * (1 - q**2) + 2 * (steps - 2) * (q**3 - q**4)
    return n * (steps - 1) * q**2, n * variance


def _gamma_p(value: float, mean: float, variance: float, *, half_step: float) -> float:
    """Return the two-sided p-value of a sum; `half_step` corrects for continuity: .5 for a count, otherwise 0."""
    fitted = stats.gamma(mean**2 / variance, scale=variance / mean)
    return min(1.0, 2 * float(min(fitted.cdf(value + half_step), fitted.sf(value - half_step))))
