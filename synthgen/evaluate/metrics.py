"""Compute accuracy, recall and F1 of a classifier, with bootstrap intervals over the test persons."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audits.core.types import Estimate
from synthgen.core.types import Float64

Index = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scores:
    """The metrics of one classifier on C classes, under each of B weightings of the test persons.

    Row 0 of each array is the unweighted result, in which each person has the weight 1. The other rows are bootstrap
    draws, from which `estimate` computes intervals.
    """

    accuracy: Float64  # (B,)
    macro_f1: Float64  # (B,), mean over classes
    weighted_f1: Float64  # (B,), mean over classes, weighted by the number of test records of each class
    recall: Float64  # (B, C)
    f1: Float64  # (B, C)
    of_subgroups: Mapping[tuple[str, str], Float64]  # by attribute and value: the accuracy on the subgroup, (B,)


def person_weights(n_persons: int, n_draws: int, rng: np.random.Generator) -> Float64:
    """Return weights of persons, float64 (n_draws + 1, n_persons): a row of ones, then Bayesian bootstrap draws.

    The weights of a draw are independent and from Exp(1). No weight is zero, so every draw contains every class. In
    the ordinary bootstrap, a draw can miss a class of few persons.

    Reference: Rubin, "The Bayesian Bootstrap", Annals of Statistics 9 (1981).
    """
    return np.vstack([np.ones((1, n_persons)), rng.exponential(size=(n_draws, n_persons))])


def scores(
    truth: Index,
    predicted: Index,
    person: Index,
    weights: Float64,
    n_classes: int,
    subgroups: Mapping[tuple[str, str], NDArray[np.bool_]] | None = None,
) -> Scores:
    """Return the metrics under every row of `weights`; row 0 must be all ones, as in the result of `person_weights`.

        recall_c = hits_c / support_c,   F1_c = 2 · hits_c / (support_c + predicted_c)

    support_c is the sum of the weights of the records of class c, predicted_c of the records predicted as class c,
    and hits_c of the records for which both hold.

    Args:
        truth: int64 (n,), class of each record, 0 to C − 1; every class occurs.
        predicted: int64 (n,), 0 to C − 1, or −1 for a class that is not in the test records.
        person: int64 (n,), for each record the column of its person in `weights`.
        weights: float64 (B, persons), above 0.
        n_classes: C.
        subgroups: by attribute and value, which records are in the subgroup, bool (n,); no subgroup may be empty.
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
        of_subgroups={
            name: of_records[:, rows] @ (truth == predicted)[rows] / of_records[:, rows].sum(axis=1)
            for name, rows in (subgroups or {}).items()
        },
    )


def estimate(draws: Float64, n: int, confidence: float, *, largest: float | None = None) -> Estimate:
    """Return a value with its interval: quantiles of the bootstrap draws, widened for few persons.

    If all n persons have the same value, the bootstrap interval has no width, although the true share of persons with
    a different value can be up to 1 − α^(1/n) at the one-sided error level α (exact "rule of three"). The interval
    therefore extends by at least 1 − α^(1/n) on both sides of the value.

    Args:
        draws: float64 (B,), the value first, then B − 1 bootstrap draws.
        n: number of persons.
        confidence: two-sided confidence, for example 0.95. The result states the one-sided confidence of each end,
            for example 0.975, but at most 1 − 1 / (B − 1).
        largest: upper limit of the interval, 1 for shares; None sets no upper limit. The lower limit is 0.
    """
    alpha = (1 - confidence) / 2
    value = float(draws[0])
    low, high = (float(q) for q in np.quantile(draws[1:], [alpha, 1 - alpha]))
    edge = 1 - alpha ** (1 / n)
    low, high = max(0.0, min(low, value - edge)), max(high, value + edge)
    high = high if largest is None else min(high, largest)
    return Estimate(value=value, low=low, high=high, confidence=1 - max(alpha, 1 / (len(draws) - 1)), n=n)
