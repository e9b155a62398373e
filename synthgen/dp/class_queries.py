"""Estimate the mean of each class and one covariance for all classes with DP queries, for the method dp-gaussian.

A point is the vector of a text, in coordinates along the principal axes of public text (`PublicBasis`). A DP query
sums one row (vector) per person, clipped to norm 1, and adds Gaussian noise to each entry. The standard deviation of
the noise is the noise multiplier σ. `query_means` runs the first DP query, and `query_spread` the second. All further
computations use only the noised sums and public numbers, so they consume no additional privacy budget.
"""

from dataclasses import dataclass

import numpy as np

from synthgen.core.types import Float64
from synthgen.dp.noised_sums import Query, QueryMechanism
from synthgen.dp.person_rows import PersonRows

# Constant entry before the point in a row of `query_means`. The sum of these entries over all persons, divided by
# `COUNT`, is the number of persons. A point of norm 1 gives a row of norm √(1 + 0.3²) = 1.04, which is clipped to 1.
COUNT = 0.3
WIDE = 128  # number of first axes whose covariance is queried; all later axes get the scaled public variance
LEADING = 48  # number of first axes that part 2 of the covariance in `query_spread` covers
WEIGHT = 0.1  # constant entry beside the products of residuals in a row of the query for the covariance
MIN_SIGNAL = 0.05  # lower limit of κ in `shrink`; κ is the variance of the true rows divided by the public variance
MIN_SPREAD = 0.2  # lower limit of the scale in `query_spread`: the class variance divided by the public variance


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Means:
    """Noised person counts and means of the classes."""

    counts: Float64  # (C,), noised number of persons of each class
    points: Float64  # (C, d), class means, estimated by `shrink` from noised sums


def query_means(people: PersonRows, variances: Float64, query: Query, mechanism: QueryMechanism) -> Means:
    r"""Return the noised person counts and means of the C classes, estimated by one DP query.

    The vector of a record has one block per class. The block of the record's class is (`COUNT`, x) with the point x;
    all other blocks are zero. The row of a person is the mean over the person's records. The noised sum of the rows
    gives a count n_c and a sum of points for each class c. A count below 2 σ is replaced by 2 σ.

    The noised class mean z_c is the sum of points of class c divided by n_c; its noise has the variance (σ / n_c)² on
    each axis. The noised overall mean g is the sum of all points divided by the sum of all counts. To reduce the
    noise, `shrink` moves g towards 0 (the mean of public text), and each z_c towards g. The results are:

        μ_c = shrink(g) + shrink(z_c - g)

    Privacy: one Gaussian query.
    """
    n, c = len(people.points), people.n_classes
    blocks = np.column_stack([np.full(n, COUNT), people.points])

    def vectors(records: slice) -> Float64:
        placed = np.zeros((records.stop - records.start, c, blocks.shape[1]))
        placed[np.arange(len(placed)), people.classes[records]] = blocks[records]
        return placed.reshape(len(placed), -1)

    answer = mechanism(people.mean_rows(vectors), query).reshape(c, -1)
    # a count below 2 σ is smaller than the standard deviation of the count's noise, which is σ / `COUNT` = 3.3 σ
    counts = np.maximum(answer[:, 0] / COUNT, 2 * query.noise_multiplier)
    sums, sigma = answer[:, 1:], query.noise_multiplier
    overall = sums.sum(axis=0) / counts.sum()
    difference = sums / counts[:, None] - overall
    centre = shrink(overall[None], np.array([c * (sigma / counts.sum()) ** 2]), variances)
    return Means(counts=counts, points=centre + shrink(difference, (sigma / counts) ** 2, variances))


def shrink(noised: Float64, noise_variances: Float64, variances: Float64) -> Float64:
    """Estimate r true rows from r noised rows: multiply each entry by the entry's share of signal, float64 (r, d).

        row_ij · κ λ_j / (κ λ_j + s_i²),   κ = max(`MIN_SIGNAL`, Σ_ij (row_ij² - s_i²) / (r · Σ_j λ_j))

    row_ij are the entries of `noised` (r, d), and s_i² in `noise_variances` (r,) is the variance of the noise in row
    i. λ_j in `variances` (d,) is the variance of public text along axis j. The true rows are assumed to have mean 0
    and variance κ λ_j along axis j. The estimate of κ has a lower limit, because noise can make it negative.

    Reference: Efron and Morris, JASA 1973.
    """
    noise = noise_variances[:, None]
    kappa = max(MIN_SIGNAL, float((noised**2 - noise).sum()) / (len(noised) * float(variances.sum())))
    return np.asarray(noised * (kappa * variances / (kappa * variances + noise)))


def query_spread(
    people: PersonRows, means: Means, variances: Float64, query: Query, mechanism: QueryMechanism
) -> Float64:
    """Return a square root L of the covariance L Lᵀ that all classes share, float64 (d, d), from one DP query.

    For a record with the point x and the class mean μ, the residual r is x - μ on the first `WIDE` axes. The row of a
    person is the mean of (`WEIGHT`, r rᵀ) over the person's records, scaled to norm 1. A row contains only the upper
    triangle of r rᵀ. The off-diagonal entries are multiplied by √2, so that the row has the norm of the whole matrix.

    The noised sum of the rows consists of a number w and a matrix M. If w is below 2 σ, it is replaced by 2 σ. The
    noised covariance is `WEIGHT` · M / w. It estimates a weighted mean of the persons' matrices r rᵀ; the weight of a
    person is the factor that scales the row to norm 1. The result is the sum of three parts:

    1. The public variances times a scale, on the diagonal for all d axes. The scale is the ratio of the noised total
       variance to the public total variance of the first `WIDE` axes, but at least `MIN_SPREAD`.
    2. On the first `LEADING` axes, the difference between the noised covariance and part 1, multiplied by
       `signal_share`. This factor is computed once for all diagonal entries and once for all off-diagonal entries.
    3. On the first `WIDE` axes, the matrix that `denoise` estimates from the noised covariance minus parts 1 and 2.

    Privacy: one Gaussian query.
    """
    wide = min(WIDE, len(variances))
    upper = np.triu_indices(wide)
    scaling = np.where(upper[0] == upper[1], 1.0, np.sqrt(2.0))

    def vectors(records: slice) -> Float64:
        residual = (people.points[records] - means.points[people.classes[records]])[:, :wide]
        weights = np.full(len(residual), WEIGHT)
        return np.column_stack([weights, residual[:, upper[0]] * residual[:, upper[1]] * scaling])

    rows = (block / np.linalg.norm(block, axis=1, keepdims=True) for block in people.mean_rows(vectors))
    answer = mechanism(rows, query)
    total = max(float(answer[0]), 2 * query.noise_multiplier) / WEIGHT
    error = query.noise_multiplier / total  # standard deviation of the noise of a diagonal entry of `noised`
    half = np.zeros((wide, wide))
    half[upper] = answer[1:] / total / scaling
    noised = half + half.T - np.diag(half.diagonal())
    scale = max(MIN_SPREAD, float(np.trace(noised)) / float(variances[:wide].sum()))
    prior = scale * variances
    covariance = np.diag(prior[:wide])
    n_leading = min(LEADING, wide)
    excess, diagonal = (noised - covariance)[:n_leading, :n_leading], np.eye(n_leading, dtype=bool)
    for entries, entry_error in ((diagonal, error), (~diagonal, error / np.sqrt(2))):
        covariance[:n_leading, :n_leading][entries] += excess[entries] * signal_share(excess[entries], entry_error)
    covariance += denoise(noised - covariance, error)
    values, axes = np.linalg.eigh(covariance)
    root = np.diag(np.sqrt(prior))
    # the lower limit for the eigenvalues, a tenth of the smallest variance in `prior[:wide]`, keeps L invertible
    root[:wide, :wide] = axes * np.sqrt(np.maximum(values, 0.1 * prior[wide - 1]))
    return root


def denoise(noised: Float64, error: float) -> Float64:
    """Estimate a symmetric matrix of low rank from `noised`, the sum of this matrix and noise, float64 (d, d).

    The noise has standard deviation `error` on the diagonal and error / √2 off the diagonal. An eigenvalue λ of noise
    alone has |λ| of at most about 2 s, with s = error · √(d / 2). An eigenvalue of `noised` with |λ| > 2 s is
    replaced by sign(λ) √(λ² - 4 s²); all others are replaced by 0.

    Reference: Gavish and Donoho, IEEE Transactions on Information Theory 2017, the shrinkage of singular values with
        the least expected Frobenius loss for square matrices.
    """
    values, axes = np.linalg.eigh(noised)
    shrunk = np.sign(values) * np.sqrt(np.maximum(values**2 - 2 * len(noised) * error**2, 0.0))
    return np.asarray((axes * shrunk) @ axes.T)


def signal_share(noised: Float64, error: float) -> float:
    """Return the share of the mean square of `noised` that noise of standard deviation `error` does not explain."""
    square = float((noised**2).mean())
    return 0.0 if square == 0 else max(0.0, 1 - error**2 / square)


def class_scores(points: Float64, means: Float64, spread: Float64) -> Float64:
    """Return the natural logarithm of the probability of each class c for each point x, float64 (n, C).

        log p(c | x) = log softmax_c( μ_cᵀ Σ⁻¹ x - ½ μ_cᵀ Σ⁻¹ μ_c ),   Σ = L Lᵀ

    The model assumes that all classes are equally frequent, and that class c has the distribution N(μ_c, Σ). The rows
    of `points` (n, d) are the x, the rows of `means` (C, d) are the μ_c, and `spread` (d, d) is the invertible L.

    Reference: linear discriminant analysis; Hastie, Tibshirani and Friedman 2009, section 4.3.
    """
    weights = np.linalg.solve(spread @ spread.T, means.T)
    scores = points @ weights - (means.T * weights).sum(axis=0) / 2
    scores -= scores.max(axis=1, keepdims=True)
    return np.asarray(scores - np.log(np.exp(scores).sum(axis=1, keepdims=True)))
