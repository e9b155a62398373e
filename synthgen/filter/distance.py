"""Filter generated texts (candidates) by their cosine distance to their latent and to the centre of their class.

The latent of a text is the vector from which it was decoded.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from synthgen.core.errors import DataError
from synthgen.core.types import Candidate
from synthgen.filter.base import FilterContext, FittedFilter, scored

RECONSTRUCTION_QUANTILE = 0.95  # share of the reconstructions that are within the limit of `LatentDistance`
CLASS_TAIL = 0.01  # share of reconstructions beyond each of the two limits of `ClassDistance`
MIN_RECONSTRUCTIONS = 20  # smallest number of reconstructions from which limits are learned


@dataclass(frozen=True, slots=True)
class LatentDistance:
    """Keep a candidate whose distance from its latent is at most `high`.

        distance = 1 − cos(e(text), latent),   e(text) = the embedded text

    If a text is far from its latent, the decoder did not follow the latent. With `auto`, the limit is learned from
    reconstructions (train records decoded from their own vectors). It is the 95 % quantile of the distances of
    reconstructions to their own records, but at most the median distance to other records.

    Privacy: `auto` reads train vectors and reconstructions. There is no lower limit, because a lower limit would
        reject the texts closest to train persons and so reveal who is in train.
    """

    name: ClassVar[str] = "latent_distance"
    high: float | Literal["auto"] = "auto"

    def fit(self, context: FilterContext) -> FittedFilter:
        """Return the filter; raise DataError if `high` is auto and there are too few reconstructions."""
        high = reconstruction_bound(context) if self.high == "auto" else self.high
        reasons = ("", f"{self.name}_far")
        return scored(
            self.name,
            {"high": high},
            lambda candidates: latent_distances(candidates, context),
            high=high,
            reasons=reasons,
        )


@dataclass(frozen=True, slots=True)
class ClassDistance:
    """Keep a candidate whose text is about as far from the centre of its class as reconstructions are.

        distance = 1 − cos(e(text), centre),   centre = the mean of the class's unit train vectors

    A text too far from the centre has a subject unusual for the class. A text too near to the centre is the generic
    text of a decoder that ignores the vector. The limits are the 1 % and 99 % quantiles of the distances of
    reconstructions (train records decoded from their own vectors). For a candidate, the centre omits the folds
    (groups of train persons) that contain a parent (a train record from which the latent was made). For a
    reconstruction, it omits the fold of the reconstructed record.

    Privacy: the centre is a mean over many persons; no candidate is compared with a single record.
    """

    name: ClassVar[str] = "class_distance"

    def fit(self, context: FilterContext) -> FittedFilter:
        """Return the filter; raise DataError if there are too few reconstructions."""
        rows = context.reconstruction_rows
        folds_of_records = tuple(frozenset({int(fold)}) for fold in context.folds[rows])
        labels = list(context.labels[rows])
        distances = _centre_distances(context, context.reconstruction_vectors, labels, folds_of_records)
        distances = _require_enough(distances[~np.isnan(distances)])
        low, high = (float(q) for q in np.quantile(distances, [CLASS_TAIL, 1 - CLASS_TAIL]))

        def distances_of(candidates: Sequence[Candidate]) -> NDArray[np.float64]:
            folds = [context.parent_folds[context.row(c)] for c in candidates]
            return _centre_distances(context, context.vectors, [c.label for c in candidates], folds)

        bounds, reasons = {"low": low, "high": high}, (f"{self.name}_near", f"{self.name}_far")
        # 2 is the largest cosine distance
        return scored(self.name, bounds, distances_of, **bounds, reasons=reasons, unknown=2)


def latent_distances(candidates: Sequence[Candidate], context: FilterContext) -> NDArray[np.float64]:
    """Return the cosine distance (0 to 2) of each candidate's text to its latent, float64 (c,)."""
    rows = [context.row(c) for c in candidates]
    cosine = np.einsum("ij,ij->i", context.vectors.astype(np.float64), context.targets[rows].astype(np.float64))
    return np.asarray(np.maximum(1 - cosine, 0))  # rounding can give slightly negative values


def reconstruction_bound(context: FilterContext) -> float:
    """Return the limit of `LatentDistance` for `auto`; raise DataError if there are too few reconstructions."""
    targets = context.train[context.reconstruction_rows].astype(np.float64)
    cosine = context.reconstruction_vectors.astype(np.float64) @ targets.T  # (reconstruction, record)
    to_own = _require_enough(1 - cosine.diagonal())
    to_others = 1 - cosine[~np.eye(len(cosine), dtype=bool)]
    return float(min(np.quantile(to_own, RECONSTRUCTION_QUANTILE), np.median(to_others)))


def _centre_distances(
    context: FilterContext, vectors: NDArray[np.float32], labels: Sequence[str], left_out: Sequence[frozenset[int]]
) -> NDArray[np.float64]:
    # Returns the distance of each vector to the centre of its class, float64 (vectors,). The folds in `left_out` are
    # omitted from the centre. A distance is NaN if all train records of the class are in these folds.
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
            # the sum has the direction of the mean, and the cosine depends only on the direction
            centres[key] = sums[key[0], [f for f in range(n_folds) if f not in folds]].sum(axis=0)
        if (length := float(np.linalg.norm(centres[key]))) > 0:
            distances[i] = max(0.0, 1 - float(vectors[i].astype(np.float64) @ centres[key]) / length)
    return distances


def _require_enough(distances: NDArray[np.float64]) -> NDArray[np.float64]:
    if len(distances) < MIN_RECONSTRUCTIONS:
        raise DataError(
            "the limits of the filters latent_distance and class_distance are learned from reconstructions (train "
            f"records decoded from their own vectors). At least {MIN_RECONSTRUCTIONS} reconstructions are "
            f"needed, but there are {len(distances)}",
            hint="Add train records, or set filter.embedding_distance to null, which turns both filters off.",
        )
    return distances
