"""Estimate the mean of each class and one covariance of all classes by DP queries, and classify points.

A point is a vector of a text, in coordinates along the axes of the public basis.
"""

from dataclasses import dataclass

import numpy as np

from synthgen.core.types import Float64
from synthgen.dp.noised_sums import Query, QueryMechanism
from synthgen.dp.person_rows import PersonRows

# A row contains this constant beside the point: its sum over persons, divided by `COUNT`, is the number of persons. A
# row with this constant and a point of norm 1 has norm 1.04, so clipping shortens it by 4 %.
COUNT = 0.3
WIDE = 128  # number of leading axes whose covariance is queried; the other axes use the public variance
LEADING = 48  # number of leading axes whose covariance is estimated entry by entry
WEIGHT = 0.1  # the constant in a person's row of the query for the covariance
# Public lower limits of the variance of the class means and of the variance within classes, as shares of the variance
# of public text
MIN_SIGNAL, MIN_SPREAD = 0.05, 0.2


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Means:
    """Noised person counts and means of the classes."""

    counts: Float64  # (C,), noised number of persons of each class
    points: Float64  # (C, d), noised means after shrinkage


def query_means(people: PersonRows, variances: Float64, query: Query, mechanism: QueryMechanism) -> Means:
    r"""Return the noised means of the classes.

    A record has one block per class: (`COUNT`, x) for its own class, where x is its point, and zeros for the others.
    The row of a person is the mean over the person's records. The noised sum over persons gives, for each class c, a
    count n_c and a sum of points. The mean z_c = sum / n_c has noise of variance s_c² = (σ / n_c)² per axis, with σ
    the noise multiplier. The overall mean g is the sum of all points divided by the sum of all counts. It is shrunk
    towards 0, the mean of public text, and each z_c is shrunk towards g (see `shrink`):

        μ_c = shrink(g) + shrink(z_c - g)

    A count n_c below 2 σ is replaced by 2 σ.

    Privacy: one Gaussian query; everything else is computed from its result.
    """
    n, c = len(people.points), people.n_classes
    rows = np.column_stack([np.full(n, COUNT), people.points])

    def of_records(at: slice) -> Float64:
        placed = np.zeros((at.stop - at.start, c, rows.shape[1]))
        placed[np.arange(len(placed)), people.classes[at]] = rows[at]
        return placed.reshape(len(placed), -1)

    answer = mechanism(people.mean_rows(of_records), query).reshape(c, -1)
    # below 2 σ, a count is smaller than the standard deviation of its noise, σ / `COUNT`
    counts = np.maximum(answer[:, 0] / COUNT, 2 * query.noise_multiplier)
    sums, sigma = answer[:, 1:], query.noise_multiplier
    overall = sums.sum(axis=0) / counts.sum()
    difference = sums / counts[:, None] - overall
    centre = shrink(overall[None], np.array([c * (sigma / counts.sum()) ** 2]), variances)
    return Means(counts=counts, points=centre + shrink(difference, (sigma / counts) ** 2, variances))


def shrink(seen: Float64, error: Float64, variances: Float64) -> Float64:
    """Estimate true rows from noised rows: multiply each entry by its expected share of signal, float64 (r, d).

        row_ij · κ λ_j / (κ λ_j + s_i²),   κ = max(`MIN_SIGNAL`, Σ_ij (row_ij² - s_i²) / (r · Σ_j λ_j))

    `seen` (r, d) are the noised rows, `error` (r,) is the variance s_i² of each row's noise, and `variances` (d,) are
    the λ of public text. The true rows are assumed to have mean 0 and variance κ λ_j along axis j. The lower limit
    `MIN_SIGNAL` is needed because noise can make the estimate of κ 0 or negative.

    Privacy: computed from noised query results.
    Reference: Efron and Morris, JASA 1973, with variances proportional to the public variances.
    """
    noise = error[:, None]
    kappa = max(MIN_SIGNAL, float((seen**2 - noise).sum()) / (len(seen) * float(variances.sum())))
    return np.asarray(seen * (kappa * variances / (kappa * variances + noise)))


def query_spread(
    people: PersonRows, means: Means, variances: Float64, query: Query, mechanism: QueryMechanism
) -> Float64:
    """Return a square root L of the common covariance L Lᵀ of the classes, float64 (d, d).

    The row of a person is the mean over the person's records of (`WEIGHT`, r rᵀ), divided by its norm, where r is
    x - μ_y on the first `WIDE` axes. So every person has a row of norm 1, and the noise is small for texts that
    resemble one another. The sum of the matrices divided by the sum of the constants is a weighted mean of the
    covariances. The matrix is symmetric, so the row contains only its upper triangle. Off-diagonal entries are
    multiplied by √2, so that the row and the matrix have the same norm.

    The noised matrix is estimated in three parts:

    1. the scaled public variances, also on the other axes. The scale is the ratio of the noised to the public
       variance on the first axes, but at least `MIN_SPREAD`;
    2. on the first `LEADING` axes, the difference from part 1, shrunk by `signal_share`: diagonal and off-diagonal
       entries separately;
    3. the difference from parts 1 and 2, of which `denoise` keeps a matrix of low rank.

    Privacy: one Gaussian query; the means are already noised.
    """
    wide = min(WIDE, len(variances))
    upper = np.triu_indices(wide)
    scaling = np.where(upper[0] == upper[1], 1.0, np.sqrt(2.0))

    def of_records(at: slice) -> Float64:
        residual = (people.points[at] - means.points[people.classes[at]])[:, :wide]
        weights = np.full(len(residual), WEIGHT)
        return np.column_stack([weights, residual[:, upper[0]] * residual[:, upper[1]] * scaling])

    rows = (block / np.linalg.norm(block, axis=1, keepdims=True) for block in people.mean_rows(of_records))
    answer = mechanism(rows, query)
    # below 2 σ, the sum of the constants is hardly larger than its noise
    total = max(float(answer[0]), 2 * query.noise_multiplier) / WEIGHT
    error = query.noise_multiplier / total  # standard deviation of the noise of a diagonal entry
    half = np.zeros((wide, wide))
    half[upper] = answer[1:] / total / scaling
    seen = half + half.T - np.diag(half.diagonal())  # the noised covariance
    scale = max(MIN_SPREAD, float(np.trace(seen)) / float(variances[:wide].sum()))
    prior = scale * variances
    covariance = np.diag(prior[:wide])
    first = min(LEADING, wide)
    excess, diagonal = (seen - covariance)[:first, :first], np.eye(first, dtype=bool)
    for entries, noise in ((diagonal, error), (~diagonal, error / np.sqrt(2))):
        covariance[:first, :first][entries] += excess[entries] * signal_share(excess[entries], noise)
    covariance += denoise(seen - covariance, error)
    values, axes = np.linalg.eigh(covariance)
    root = np.diag(np.sqrt(prior))
    root[:wide, :wide] = axes * np.sqrt(np.maximum(values, 0.1 * prior[wide - 1]))
    return root


def denoise(seen: Float64, error: float) -> Float64:
    """Estimate a symmetric matrix of low rank from its sum with noise, float64 (d, d).

    The noise has standard deviation `error` on the diagonal and error / √2 off the diagonal. The eigenvalues of the
    noise alone are at most about 2 s, with s = error · √(d / 2). An eigenvalue λ with |λ| > 2 s is replaced by
    sign(λ) √(λ² - 4 s²), and any other by 0.

    Privacy: computed from a noised query result.
    Reference: Gavish and Donoho, IEEE Transactions on Information Theory 2017, the shrinkage of singular values with
        the least expected Frobenius loss for square matrices.
    """
    values, axes = np.linalg.eigh(seen)
    shrunk = np.sign(values) * np.sqrt(np.maximum(values**2 - 2 * len(seen) * error**2, 0.0))
    return np.asarray((axes * shrunk) @ axes.T)


def signal_share(seen: Float64, error: float) -> float:
    """Return the share of the mean square of `seen` that noise of standard deviation `error` does not explain."""
    square = float((seen**2).mean())
    return 0.0 if square == 0 else max(0.0, 1 - error**2 / square)


def class_scores(points: Float64, means: Float64, spread: Float64) -> Float64:
    """Return log p(c | x) of each point, float64 (n, C), for equally frequent classes N(μ_c, L Lᵀ).

        log p(c | x) = log softmax_c( μ_cᵀ Σ⁻¹ x - ½ μ_cᵀ Σ⁻¹ μ_c ),   Σ = L Lᵀ

    The points x are (n, d), the means μ (C, d), and `spread`, the invertible square root L, is (d, d).

    Privacy: means and spread are noised query results, so the scores consume no additional budget.
    Reference: linear discriminant analysis; Hastie, Tibshirani and Friedman 2009, section 4.3.
    """
    weights = np.linalg.solve(spread @ spread.T, means.T)
    scores = points @ weights - (means.T * weights).sum(axis=0) / 2
    scores -= scores.max(axis=1, keepdims=True)
    return np.asarray(scores - np.log(np.exp(scores).sum(axis=1, keepdims=True)))
