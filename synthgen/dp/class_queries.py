"""The DP queries for class means, the common covariance and a classifier between the classes."""

from dataclasses import dataclass

import numpy as np

from synthgen.dp.noised_sums import Float64, Query, QueryMechanism
from synthgen.dp.person_rows import PersonRows

COUNT = 0.3  # entry for the person count in a row. A row with a point of norm 1 has norm 1.04, so clipping costs 4 %
WIDE = 48  # number of leading axes whose covariance is queried; the other axes use the public variance
RATE, MOMENTUM = 30.0, 0.9  # learning rate η and momentum β of gradient descent
CONSTANT = 0.3  # value of the constant coordinate in the classifier's input; its weight is the offset of a class


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Means:
    """Noised person counts and means of the classes."""

    counts: Float64  # (C,), noised number of persons of each class
    points: Float64  # (C, d), noised means after shrinkage


def query_means(people: PersonRows, variances: Float64, query: Query, mechanism: QueryMechanism) -> Means:
    r"""Return the noised means of the classes.

    The row of a person holds, for each class c, the mean over the person's records of 1[y = c] · (`COUNT`, x), where
    x is the record's point and y its class. The noised sum over persons gives a count n_c and a sum of points, so
    z_c = sum / n_c has noise of variance s_c² per axis. Each mean is shrunk towards the overall mean g, along axis j
    by a factor that depends on the public variance λ_j of this axis:

        μ_cj = g_j + (z_c - g)_j · κ λ_j / (κ λ_j + s_c²),   κ = max(0, Σ_cj ((z_c - g)_j² - s_c²)) / (C · Σ_j λ_j)

    Here C is the number of classes, λ are the `variances`, σ is the noise multiplier and s_c = σ / n_c. A count n_c
    below 2 σ is replaced by 2 σ.

    Privacy: one Gaussian query; everything else is computed from its result.
    Reference: empirical Bayes shrinkage, Efron and Morris, JASA 1973, with variances proportional to the public ones.
    """
    n, c = len(people.points), people.n_classes
    rows = np.column_stack([np.full(n, COUNT), people.points])

    def of_records(at: slice) -> Float64:
        placed = np.zeros((at.stop - at.start, c, rows.shape[1]))
        placed[np.arange(len(placed)), people.classes[at]] = rows[at]
        return placed.reshape(len(placed), -1)

    answer = mechanism(people.mean_rows(of_records), query).reshape(c, -1)
    # a smaller count is below the standard deviation of its own noise, σ / `COUNT`
    counts = np.maximum(answer[:, 0] / COUNT, 2 * query.noise_multiplier)
    noisy, error = answer[:, 1:] / counts[:, None], (query.noise_multiplier / counts)[:, None] ** 2
    overall = answer[:, 1:].sum(axis=0) / counts.sum()
    difference = noisy - overall
    kappa = max(0.0, float((difference**2 - error).sum())) / (c * float(variances.sum()))
    kept = kappa * variances / (kappa * variances + error)
    return Means(counts=counts, points=overall + difference * kept)


def query_spread(
    people: PersonRows, means: Means, variances: Float64, query: Query, mechanism: QueryMechanism
) -> Float64:
    """Return a square root L of the classes' common covariance, float64 (d, d): x = μ_c + L · z, z ~ N(0, I).

    The row of a person is the mean over the person's records of (x - μ_y)(x - μ_y)ᵀ on the first `WIDE` axes. The
    matrix is symmetric, so the row holds only its upper triangle. Off-diagonal entries are multiplied by √2, so that
    the row and the matrix have the same norm. The noised diagonal is shrunk towards the scaled public variances, and
    the off-diagonal entries towards 0. The other axes use the scaled public variances.

    Privacy: one Gaussian query; the means are already noised.
    """
    wide = min(WIDE, len(variances))
    upper = np.triu_indices(wide)
    weight = np.where(upper[0] == upper[1], 1.0, np.sqrt(2.0))

    def of_records(at: slice) -> Float64:
        residual = (people.points[at] - means.points[people.classes[at]])[:, :wide]
        return np.asarray(residual[:, upper[0]] * residual[:, upper[1]] * weight)

    persons = float(means.counts.sum())
    error = query.noise_multiplier * query.clip / persons
    half = np.zeros((wide, wide))
    half[upper] = mechanism(people.mean_rows(of_records), query) / persons / weight
    seen = half + half.T - np.diag(half.diagonal())
    scale = max(0.0, float(np.trace(seen))) / float(variances[:wide].sum())
    off = ~np.eye(wide, dtype=bool)
    prior = scale * variances
    covariance = np.diag(prior)
    excess = seen.diagonal() - prior[:wide]
    covariance[:wide, :wide][off] = seen[off] * signal_share(seen[off], error / np.sqrt(2))
    covariance[np.arange(wide), np.arange(wide)] += excess * signal_share(excess, error)
    values, axes = np.linalg.eigh(covariance)
    return np.asarray(axes * np.sqrt(np.maximum(values, 0.1 * prior[-1])))


def signal_share(seen: Float64, error: float) -> float:
    """Return the share of the mean square of `seen` that is not explained by noise of standard deviation `error`."""
    square = float((seen**2).mean())
    return 0.0 if square == 0 else max(0.0, 1 - error**2 / square)


def query_boundary(
    people: PersonRows, means: Means, scales: Float64, query: Query, mechanism: QueryMechanism
) -> Float64:
    """Return the weights W of a softmax classifier, float64 (d + 1, C); see `class_scores`.

        v ← β v + (1/N) mechanism( Σ_p mean over p's records of ∂ loss / ∂ W ),   W ← W - η v,   T steps from 0

    The result is the mean of W over the second half of the steps. η is `RATE`, β is `MOMENTUM`, T is the query's
    number of steps, and N is the noised number of persons from the class means. The coordinates of a point are
    multiplied by `scales`, float64 (d,), and the result is scaled to unit length, before the classifier reads it.

    Privacy: T Gaussian queries over all persons, without sampling.
    Reference: Bassily, Smith and Thakurta, FOCS 2014, but with all persons in each step, and momentum.
    """
    inputs = _inputs(people.points, scales)
    weights = np.zeros((inputs.shape[1], people.n_classes))
    velocity, averaged = np.zeros_like(weights), np.zeros_like(weights)
    persons = float(means.counts.sum())
    for step in range(query.steps):

        def of_records(at: slice, weights: Float64 = weights) -> Float64:
            error = _softmax(inputs[at] @ weights)
            error[np.arange(len(error)), people.classes[at]] -= 1
            return np.asarray((inputs[at][:, :, None] * error[:, None, :]).reshape(len(error), -1))

        gradient = mechanism(people.mean_rows(of_records), query).reshape(weights.shape) / persons
        velocity = MOMENTUM * velocity + gradient
        weights = weights - RATE * velocity
        if step >= query.steps // 2:
            averaged += weights / (query.steps - query.steps // 2)
    return averaged


def class_scores(points: Float64, weights: Float64, scales: Float64) -> Float64:
    """Return log p(c | x) = log softmax(Wᵀ x') of each point, float64 (n, C); x' is the classifier's input for x."""
    return np.asarray(np.log(np.maximum(_softmax(_inputs(points, scales) @ weights), 1e-30)))


def _inputs(points: Float64, scales: Float64) -> Float64:
    scaled = points * scales
    unit = scaled / np.maximum(np.linalg.norm(scaled, axis=1, keepdims=True), 1e-12)
    return np.column_stack([unit, np.full(len(unit), CONSTANT)])


def _softmax(scores: Float64) -> Float64:
    exponentials = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(exponentials / exponentials.sum(axis=1, keepdims=True))
