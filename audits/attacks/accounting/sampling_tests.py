"""Were batches drawn and was noise added as claimed? Tests on what a dry run logged.

Each test gives a two-sided p-value. A mechanism that does what it says gets a p-value below `ALPHA` once in a million
runs, for each test; one that does not gets there within the steps asked for.
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
    """Who took part, counted three ways.

    Args:
        sizes: persons in each step; (T,).
        participations: steps of each person; (n,).
        overlaps: persons in each step that were in the step before as well; (T - 1,).
    """

    sizes: Int
    participations: Int
    overlaps: Int


def count_participation(batches: Sequence[Sequence[int]], n_persons: int) -> Participation:
    """Return the three counts of batches of person numbers; a person who stands twice in a batch counts twice."""
    sets = [set(batch) for batch in batches]
    drawn = np.array([person for batch in batches for person in batch], dtype=np.int64)
    return Participation(
        sizes=np.array([len(batch) for batch in batches], dtype=np.int64),
        participations=np.bincount(drawn, minlength=n_persons),
        overlaps=np.array([len(a & b) for a, b in pairwise(sets)], dtype=np.int64),
    )


def poisson_tests(draws: Participation, *, rate: float) -> dict[str, float]:
    """Return the p-values that every person was in every step with chance q = `rate`, independently.

    rate: all draws together are Bin(nT, q), exact; shows another rate than the one accounted for.
    sizes: sum (X_t - nq)² / (nq(1 - q)) over steps; batches of fixed size have none of this spread.
    participations: sum (P_i - Tq)² / (Tq(1 - q)) over persons; passes over a shuffled list have none of it.
    overlaps: persons in two steps running; a shuffled list repeats nobody until it is through.

    The last three are compared with the gamma distribution of the same mean and variance, which are exact:

        spread of m counts, each Bin(k, q):  mean m,  variance m (2 + (1 - 6q(1 - q)) / (kq(1 - q)))
        overlaps:  mean n(T - 1)q²,  variance n((T - 1)q²(1 - q²) + 2(T - 2)(q³ - q⁴))

    Args:
        draws: of at least two steps.
        rate: the chance, in (0, 1).
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
    """Return the p-values that each number is chi-squared with these degrees of freedom, independently.

    scale: their sum, chi-squared with the degrees of all steps; shows noise of another size, or none in some steps.
    shape: Kolmogorov and Smirnov's test of all steps; shows noise that is the same, or too much alike, in every step.
    repeats: 0 where a number stands twice, as a continuous quantity never does: noise that was used again; else 1.

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
    """Return by which share the noise must fall short for the scale test to see it, with power .8.

        1 - sqrt(1 - (z + z') sqrt(2 / degrees)),  z of ALPHA / 2, z' of the power; 1 where no shortfall is seen

    Args:
        degrees: of freedom of all steps together.
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
    """Return the two-sided p-value under the gamma distribution of that mean and variance.

    `half_step` is the continuity correction of a whole number.
    """
    fitted = stats.gamma(mean**2 / variance, scale=variance / mean)
    return min(1.0, 2 * float(min(fitted.cdf(value + half_step), fitted.sf(value - half_step))))
