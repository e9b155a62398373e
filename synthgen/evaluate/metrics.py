"""Accuracy, recall and F1 under many weightings of the test persons at once."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audits.core.types import Estimate

Float64 = NDArray[np.float64]
Index = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scores:
    """The metrics of one classifier, row 0 unweighted, row b under the b-th weighting of the persons.

    Args:
        accuracy: (B).
        macro_f1: (B), the plain mean over classes.
        weighted_f1: (B), the mean over classes weighted by their test records.
        recall: (B, C).
        f1: (B, C).
    """

    accuracy: Float64
    macro_f1: Float64
    weighted_f1: Float64
    recall: Float64
    f1: Float64


def person_weights(n_persons: int, n_draws: int, rng: np.random.Generator) -> Float64:
    """Return float64 (n_draws + 1, n_persons): ones, then draws of the Bayesian bootstrap.

        w ~ Exp(1) for each person, which normalised is a flat Dirichlet

    Whole persons are weighted, so records of one person are not taken for independent. No weight is zero, so no class
    is ever lost from a draw, which happens to the ordinary bootstrap when a class has few persons.

    Source: Rubin, "The Bayesian Bootstrap", Annals of Statistics 9 (1981).
    """
    return np.vstack([np.ones((1, n_persons)), rng.exponential(size=(n_draws, n_persons))])


def scores(truth: Index, predicted: Index, person: Index, weights: Float64, n_classes: int) -> Scores:
    """Return the metrics under every weighting.

        recall_c = hits_c / support_c,   F1_c = 2 hits_c / (support_c + predicted_c)

    Args:
        truth: int64 (n), 0 to C − 1; every class occurs.
        predicted: int64 (n), 0 to C − 1, or −1 for a class the test records do not have.
        person: int64 (n), the column of `weights` of each record.
        weights: float64 (B, persons), above 0.
        n_classes: C.

    Cost: three products of (B, n) with (n, C).
    """
    of_records = weights[:, person]  # (B, n)
    classes = np.arange(n_classes)
    is_true = (truth[:, None] == classes).astype(np.float64)  # (n, C)
    is_predicted = (predicted[:, None] == classes).astype(np.float64)
    support = of_records @ is_true  # (B, C)
    hits = of_records @ (is_true * is_predicted)
    f1 = 2 * hits / (support + of_records @ is_predicted)
    return Scores(
        accuracy=hits.sum(axis=1) / support.sum(axis=1),
        macro_f1=f1.mean(axis=1),
        weighted_f1=(f1 * support).sum(axis=1) / support.sum(axis=1),
        recall=hits / support,
        f1=f1,
    )


def estimate(draws: Float64, n: int, confidence: float, *, largest: float | None = None) -> Estimate:
    """Return a value with its interval: percentiles of the bootstrap, never narrower than n persons allow.

    A bootstrap of persons who all agree has no width, however few they are. Zero disagreements among n persons leave
    room for a share of 1 − α^(1/n) (the exact form of the "rule of three"), so the interval reaches at least that far
    on both sides. It always holds the value, also where the bootstrap is biased (the minimum over classes is). Of B
    draws no end is surer than 1 - 1/B, and no more is stated.

    Args:
        draws: float64 (B), the value first, then the bootstrap.
        n: persons.
        confidence: two-sided, 0.95 for a 95 % interval; each end is then one-sided 0.975.
        largest: the upper limit of the quantity, 1 for shares; the lower is 0.
    """
    alpha = (1 - confidence) / 2
    value = float(draws[0])
    low, high = (float(q) for q in np.quantile(draws[1:], [alpha, 1 - alpha]))
    edge = 1 - alpha ** (1 / n)
    low, high = max(0.0, min(low, value - edge)), max(high, value + edge)
    if largest is not None:
        high = min(high, largest)
    return Estimate(value=value, low=low, high=high, confidence=1 - max(alpha, 1 / (len(draws) - 1)), n=n)
