"""Statistical tests of the batches and the noise that a dry run logged.

Each test gives a two-sided p-value. For a correct mechanism, each test has a p-value below `ALPHA` once in a million
runs. For an incorrect one the p-value falls below `ALPHA` within the required number of steps.
"""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from audits.core.stats import POWER

Int = NDArray[np.int64]
Float = NDArray[np.float64]

ALPHA = 1e-6
MIN_STEPS = 200
MIN_PERSONS = 50


class Participation(NamedTuple):
    """Three counts of the persons in T batches."""

    sizes: Int  # (T,): persons in each step
    participations: Int  # (n,): steps of each person
    overlaps: Int  # (T - 1,): persons of each step who were also in the step before


def count_participation(batches: Sequence[Sequence[int]], n_persons: int) -> Participation:
    """Count the persons in batches of person numbers; a person who is in a batch twice is counted twice."""
    sets = [set(batch) for batch in batches]
    drawn = np.array([person for batch in batches for person in batch], dtype=np.int64)
    return Participation(
        sizes=np.array([len(batch) for batch in batches], dtype=np.int64),
        participations=np.bincount(drawn, minlength=n_persons),
        overlaps=np.array([len(a & b) for a, b in pairwise(sets)], dtype=np.int64),
    )


def poisson_tests(draws: Participation, *, rate: float) -> dict[str, float]:
    """Test that every person was in every step independently with probability q = `rate`, 0 < q < 1.

    rate: all draws together are Bin(nT, q), exact; detects another rate than the accounted one.
    sizes: sum (X_t - nq)² / (nq(1 - q)) over steps; batches of fixed size have no such spread.
    participations: sum (P_i - Tq)² / (Tq(1 - q)) over persons; passes over a shuffled list have no such spread.
    overlaps: persons in two consecutive steps; a shuffled list repeats nobody before its end.

    The last three are compared with the gamma distribution of the same, exact mean and variance:

        spread of m counts, each Bin(k, q):  mean m,  variance m (2 + (1 - 6q(1 - q)) / (kq(1 - q)))
        overlaps:  mean n(T - 1)q²,  variance n((T - 1)q²(1 - q²) + 2(T - 2)(q³ - q⁴))
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
    """Test that the numbers are independent and chi-squared with these degrees of freedom.

    scale: their sum, chi-squared with the degrees of all steps; detects another size, or steps without noise.
    shape: the Kolmogorov-Smirnov test of all steps; detects noise that is too similar in all steps.
    repeats: 0 if a number occurs twice, because continuous noise never repeats; else 1. Detects reused noise.

    Args:
        noise: |z|² of each step for Gaussian noise in as many coordinates, 2|z|₁ for Laplace noise in half as many.
        degrees: of freedom of each number.
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


def smallest_shortfall(degrees: int) -> float:
    """Return the smallest relative shortfall of the noise that the scale test detects with power .8.

        1 - sqrt(1 - (z + z') sqrt(2 / degrees)),  z of ALPHA / 2, z' of the power; 1 if no shortfall is detected

    `degrees` are the degrees of freedom of all steps together.
    """
    z = float(stats.norm.isf(ALPHA / 2) + stats.norm.ppf(POWER))
    return 1 - math.sqrt(max(0.0, 1 - z * math.sqrt(2 / degrees)))


def _dispersion_p(counts: Int, trials: int, q: float) -> float:
    statistic = float(((counts - trials * q) ** 2).sum()) / (trials * q * (1 - q))
    return _gamma_p(statistic, *_dispersion_moments(len(counts), trials, q), half_step=0.0)


def _dispersion_moments(m: int, trials: int, q: float) -> tuple[float, float]:
    return m, m * (2 + (1 - 6 * q * (1 - q)) / (trials * q * (1 - q)))


def _overlap_moments(n: int, steps: int, q: float) -> tuple[float, float]:
    variance = (steps - 1) * q**2 * (1 - q**2) + 2 * (steps - 2) * (q**3 - q**4)
    return n * (steps - 1) * q**2, n * variance


def _gamma_p(value: float, mean: float, variance: float, *, half_step: float) -> float:
    """Return the two-sided p-value of a gamma distribution; `half_step` is the continuity correction of counts."""
    fitted = stats.gamma(mean**2 / variance, scale=variance / mean)
    return min(1.0, 2 * float(min(fitted.cdf(value + half_step), fitted.sf(value - half_step))))
