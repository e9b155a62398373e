"""What is asked of the persons: where the classes lie, how wide they are, and what tells one from another."""

from dataclasses import dataclass

import numpy as np

from synthgen.dp.noised_sums import Float64, Query, QueryMechanism
from synthgen.dp.person_rows import PersonRows

COUNT = 0.3  # of a person in the sum of a class's rows; beside a point of norm 1 the clip takes 4 % of both
WIDE = 48  # axes whose covariance is asked for; the others have the public variance
RATE, MOMENTUM = 30.0, 0.9  # of the descent
CONSTANT = 0.3  # the coordinate that carries a class's offset


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Means:
    """Where the classes lie, and how sure that is.

    Args:
        counts: float64 (C,), persons of each class, noised.
        points: float64 (C, d), shrunk.
    """

    counts: Float64
    points: Float64


def query_means(people: PersonRows, variances: Float64, query: Query, mechanism: QueryMechanism) -> Means:
    r"""Return the classes' means.

    A person's row holds, for each class, the mean over the person's records of 1[y = c] · (a, x); the noised sum over
    persons, a count n_c and a sum of points, gives z_c = sum / n_c with noise of variance s_c² per axis. Shrunk
    towards the mean g of all, by what classes differ on each axis of public text:

        μ_c = g + (z_c - g) κλ_j / (κλ_j + s_c²),   κ = max(0, Σ_cj ((z_c - g)_j² - s_c²)) / (C Σ_j λ_j)

    Args:
        people: their coordinates in the public basis.
        variances: float64 (d,), λ: of public text along its axes.
        query: its noise multiplier σ, clip 1; s_c = σ / n_c, and n_c is taken as 2 σ where it is less.
        mechanism: answers it.

    Privacy: one Gaussian query; all else is computed from its answer.
    Source: the shrinkage is empirical Bayes, Efron and Morris, JASA 1973, with the public variances as its shape.
    """
    n, c = len(people.points), people.n_classes
    rows = np.column_stack([np.full(n, COUNT), people.points])

    def of_records(at: slice) -> Float64:
        placed = np.zeros((at.stop - at.start, c, rows.shape[1]))
        placed[np.arange(len(placed)), people.classes[at]] = rows[at]
        return placed.reshape(len(placed), -1)

    answer = mechanism(people.mean_rows(of_records), query).reshape(c, -1)
    counts = np.maximum(
        answer[:, 0] / COUNT, 2 * query.noise_multiplier
    )  # fewer drown in the noise of a count, σ / `COUNT`
    noisy, error = answer[:, 1:] / counts[:, None], (query.noise_multiplier / counts)[:, None] ** 2
    middle = answer[:, 1:].sum(axis=0) / counts.sum()
    apart = noisy - middle
    kappa = max(0.0, float((apart**2 - error).sum())) / (c * float(variances.sum()))
    kept = kappa * variances / (kappa * variances + error)
    return Means(counts=counts, points=middle + apart * kept)


def query_spread(
    people: PersonRows, means: Means, variances: Float64, query: Query, mechanism: QueryMechanism
) -> Float64:
    """Return a square root L of the classes' common covariance, float64 (d, d): x = μ_c + L z, z ~ N(0, I).

    A person's row is the mean over the person's records of (x - μ_y)(x - μ_y)ᵀ on the first `WIDE` axes, its upper
    half with off-diagonals times √2, so that its norm is that of the matrix. What the noise leaves of it is kept (of
    the diagonal beside the public variances, of the rest beside 0); other axes have the public variance, scaled.

    Privacy: one Gaussian query; the means are noised before.
    """
    wide = min(WIDE, len(variances))
    upper = np.triu_indices(wide)
    weight = np.where(upper[0] == upper[1], 1.0, np.sqrt(2.0))

    def of_records(at: slice) -> Float64:
        apart = (people.points[at] - means.points[people.classes[at]])[:, :wide]
        return np.asarray(apart[:, upper[0]] * apart[:, upper[1]] * weight)

    persons = float(means.counts.sum())
    error = query.noise_multiplier * query.clip / persons
    half = np.zeros((wide, wide))
    half[upper] = mechanism(people.mean_rows(of_records), query) / persons / weight
    seen = half + half.T - np.diag(half.diagonal())
    scale = max(0.0, float(np.trace(seen))) / float(variances[:wide].sum())
    off = ~np.eye(wide, dtype=bool)
    prior = scale * variances
    covariance = np.diag(prior)
    beyond = seen.diagonal() - prior[:wide]
    covariance[:wide, :wide][off] = seen[off] * signal_share(seen[off], error / np.sqrt(2))
    covariance[np.arange(wide), np.arange(wide)] += beyond * signal_share(beyond, error)
    values, axes = np.linalg.eigh(covariance)
    return np.asarray(axes * np.sqrt(np.maximum(values, 0.1 * prior[-1])))


def signal_share(seen: Float64, error: float) -> float:
    """Return the share of the numbers' mean square that is not noise."""
    square = float((seen**2).mean())
    return 0.0 if square == 0 else max(0.0, 1 - error**2 / square)


def query_boundary(
    people: PersonRows, means: Means, scales: Float64, query: Query, mechanism: QueryMechanism
) -> Float64:
    """Return the weights W of a softmax classifier, float64 (d + 1, C); see `class_scores`.

        v ← β v + (1/N) mechanism( Σ_p mean over p's records of ∂ loss / ∂ W ),   W ← W - η v,   T steps from 0

    and the mean of the second half of the steps is returned. N is the noised number of persons that is known already.

    Args:
        people: their coordinates.
        means: of the classes, for N alone.
        scales: float64 (d,), by which coordinates are multiplied before they are brought to unit length.
        query: of each step.
        mechanism: answers it.

    Privacy: T Gaussian queries, each of all persons: no sampling, so nothing depends on how batches were drawn.
    Source: Bassily, Smith and Thakurta, FOCS 2014, with whole batches and momentum.
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
    """Return log p(c | x) = log softmax(W'x) of each point, float64 (n, C)."""
    return np.asarray(np.log(np.maximum(_softmax(_inputs(points, scales) @ weights), 1e-30)))


def _inputs(points: Float64, scales: Float64) -> Float64:
    scaled = points * scales
    unit = scaled / np.maximum(np.linalg.norm(scaled, axis=1, keepdims=True), 1e-12)
    return np.column_stack([unit, np.full(len(unit), CONSTANT)])


def _softmax(scores: Float64) -> Float64:
    raised = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))
