"""Embedding distances of the re-embedded candidate: to the latent it was decoded from, and to its class."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from synthgen.core.errors import DataError
from synthgen.core.types import Candidate, FilterOutcome
from synthgen.filter.base import FilterContext, FittedFilter, outcome

RECONSTRUCTION_QUANTILE = 0.95
CLASS_TAIL = 0.01
MIN_RECONSTRUCTIONS = 20  # fewer cannot say where a 5 % tail begins


@dataclass(frozen=True, slots=True)
class LatentDistance:
    """Keep a candidate whose text lies within [low, high] of its latent, by cosine distance.

        distance = 1 − cos(e(text), latent)

    A text far from its latent is not what was interpolated: the decoder wandered off.

    `high: auto` is learned on real text sent through the decoder (see `Reconstructions`): the 95 % quantile of
    1 − cos(e(reconstruction), vector) over train records, but no more than the median of 1 − cos(e(reconstruction),
    vector of another
    record), so that a decoder which ignores its vector cannot set itself a bound that everything passes.

    `low: auto` is 0, no bound, on purpose. A latent lies between train vectors, so a lower bound drops the text that
    came out closest to train persons: a similarity filter against train, which tells who was in train by the hole it
    leaves. Copies are the copy rule's business. A number given by the user is obeyed.

    Args:
        low: the least distance, or auto.
        high: the largest distance, or auto.

    Privacy: reads train vectors and reconstructions for one quantile.
    """

    name: ClassVar[str] = "latent_distance"
    low: float | Literal["auto"] = "auto"
    high: float | Literal["auto"] = "auto"

    def fit(self, context: FilterContext) -> FittedFilter:
        """Return it with low and high; the score is a candidate's cosine distance to its latent.

        Raises:
            DataError: if high is auto and there are too few reconstructions.
        """
        low = 0.0 if self.low == "auto" else self.low
        high = reconstruction_bound(context) if self.high == "auto" else self.high

        def judge(candidates: Sequence[Candidate]) -> list[FilterOutcome]:
            return [_within(self.name, distance, low, high) for distance in latent_distances(candidates, context)]

        return FittedFilter(self.name, {"low": low, "high": high}, judge)


@dataclass(frozen=True, slots=True)
class ClassDistance:
    """Keep a candidate whose text lies within the distances that real text has to its class's centre, on both sides.

        distance = 1 − cos(e(text), centre),   centre = the mean of the class's unit train vectors

    Too far is another subject; too near is the generic text a decoder falls back to. Cross-fitted: the centre of a
    candidate leaves out the folds of its parents' persons, and the centre of an reconstruction leaves out its
    record's fold.
    Bounds are the 1 % and 99 % quantiles of the reconstructions' distances.

    Privacy: the centre is a mean over the persons of at least the other folds of the class; no single record is
        compared with.
    """

    name: ClassVar[str] = "class_distance"

    def fit(self, context: FilterContext) -> FittedFilter:
        """Return it with low and high; the score is the distance to the class's centre without the parents' folds.

        Raises:
            DataError: if there are too few reconstructions.
        """
        rows = context.reconstruction_rows
        own = tuple(frozenset({int(fold)}) for fold in context.folds[rows])
        distances = _to_centres(context, context.reconstruction_vectors, list(context.labels[rows]), own)
        distances = _enough(distances[~np.isnan(distances)])
        low, high = (float(q) for q in np.quantile(distances, [CLASS_TAIL, 1 - CLASS_TAIL]))

        def judge(candidates: Sequence[Candidate]) -> list[FilterOutcome]:
            folds = [context.parent_folds[context.row(c)] for c in candidates]
            distances = _to_centres(context, context.vectors, [c.label for c in candidates], folds)
            return [
                outcome(self.name, passed=False, score=2, reason="class_not_learned")
                if np.isnan(distance)
                else _within(self.name, distance, low, high)
                for distance in distances
            ]

        return FittedFilter(self.name, {"low": low, "high": high}, judge)


def latent_distances(candidates: Sequence[Candidate], context: FilterContext) -> NDArray[np.float64]:
    """Return float64 (c), the cosine distance of each candidate's text to its latent, 0 to 2."""
    rows = [context.row(c) for c in candidates]
    cosine = np.einsum("ij,ij->i", context.vectors.astype(np.float64), context.targets[rows].astype(np.float64))
    distances: NDArray[np.float64] = np.maximum(1 - cosine, 0)  # rounding puts equal vectors a hair below 0
    return distances


def reconstruction_bound(context: FilterContext) -> float:
    """Return the largest distance to its latent that a candidate may have, learned from reconstructions.

    Raises:
        DataError: if there are too few.
    """
    targets = context.train[context.reconstruction_rows].astype(np.float64)
    cosine = context.reconstruction_vectors.astype(np.float64) @ targets.T  # (reconstruction, record)
    own = _enough(1 - cosine.diagonal())
    others = 1 - cosine[~np.eye(len(cosine), dtype=bool)]
    return float(min(np.quantile(own, RECONSTRUCTION_QUANTILE), np.median(others)))


def _to_centres(
    context: FilterContext, vectors: NDArray[np.float32], labels: Sequence[str], left_out: Sequence[frozenset[int]]
) -> NDArray[np.float64]:
    """Return the distance of each row to its class's centre without some folds; NaN where nothing is left."""
    classes = {label: i for i, label in enumerate(np.unique(context.labels))}
    n_folds = int(context.folds.max(initial=0)) + 1
    sums = np.zeros((len(classes), n_folds, vectors.shape[1]))  # (classes, folds, d)
    number = np.array([classes[label] for label in context.labels], dtype=np.int64)
    np.add.at(sums, (number, context.folds), context.train.astype(np.float64))
    distances = np.full(len(labels), np.nan)
    centres: dict[tuple[int, frozenset[int]], NDArray[np.float64]] = {}
    for i, (label, folds) in enumerate(zip(labels, left_out, strict=True)):
        if label not in classes:
            continue
        key = (classes[label], folds)
        if key not in centres:
            centres[key] = sums[key[0], [f for f in range(n_folds) if f not in folds]].sum(axis=0)
        length = float(np.linalg.norm(centres[key]))
        if length > 0:
            distances[i] = max(0.0, 1 - float(vectors[i].astype(np.float64) @ centres[key]) / length)
    return distances


def _within(name: str, distance: float, low: float, high: float) -> FilterOutcome:
    side = "far" if distance > high else "near"
    return outcome(name, passed=low <= distance <= high, score=distance, reason=f"{name}_{side}")


def _enough(distances: NDArray[np.float64]) -> NDArray[np.float64]:
    if len(distances) < MIN_RECONSTRUCTIONS:
        raise DataError(
            f"distance bounds cannot be learned from {len(distances)} reconstructions, needs {MIN_RECONSTRUCTIONS}",
            hint="Give more records, or set filter.embedding_distance to null.",
        )
    return distances
