"""Measure with nearest neighbours whether synthetic records are closer to train than to control.

In shapes, P is the number of compared persons and m the number of synthetic rows.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from audits.core.holdout import Arms, person_scores
from audits.core.two_sided import NormalShare
from audits.core.types import Estimate, Float, Int, Rng
from audits.embeddings.encoders import Encoded
from audits.embeddings.similarity import Float32, Matrix, highest, similarity_blocks
from audits.gate.coarse import coarsen

LOCAL_NEIGHBOURS = 5  # number of nearest reference rows whose mean similarity `crowding` subtracts
MIN_BIN = 10  # smallest count, other than 0, in a bin of a published histogram
BINS_PER_UNIT = 40  # number of histogram bins in a distance of 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Share(NormalShare):
    """A share of synthetic rows, such as those nearest to train, with its standard error.

    The error is the standard deviation of the share if persons are assigned to train or control at random.
    """

    @property
    def n(self) -> int:
        """Effective number of rows: the number of independent rows for which a share of 1/2 has this error."""
        return int(0.25 / self.error**2) if self.error > 0 else 0

    def estimate(self, confidence: float, *, less: float = 0.0) -> Estimate:
        """Return the share minus `less`, with its normal interval."""
        low, high = self.ends(confidence)
        value = min(max(self.value, low), high)  # rounding may put the value slightly outside the interval
        return Estimate(value=value - less, low=low - less, high=high - less, confidence=confidence, n=self.n)


def share_of_train(nearest: Int, included: list[Int], people: Arms) -> Share:
    """Return the share of synthetic rows whose nearest person is in train, as the mean over random draws of persons.

    `included` has the persons of each draw (`balanced_draws`). `nearest` has, for each draw, the nearest drawn person
    of each synthetic row (`nearest_person_of_rows`). In one draw, a class c has 2n persons, n of them in train, and
    w_i is the share of synthetic rows whose nearest person is i. If the roles (train or control) are permuted within
    classes, the variance of the share is exactly

        sum_c  2n/(4(2n-1)) * sum_i (w_i - mean(w))^2

    So rows near the same person do not count as independent. The error is the square root of the mean variance.
    """
    n_persons, m = len(people.is_train), nearest.shape[1]
    value, variance = 0.0, 0.0
    for nearest_persons, drawn in zip(nearest, included, strict=True):
        weight = np.bincount(nearest_persons, minlength=n_persons) / m
        value += float(weight[people.is_train].sum())
        classes, weights = people.person_class[drawn], weight[drawn]
        size = np.bincount(classes)
        mean = np.bincount(classes, weights) / np.maximum(size, 1)
        spread = np.bincount(classes, (weights - mean[classes]) ** 2)
        variance += float((spread * size / (4 * np.maximum(size - 1, 1))).sum())
    # rounding may make the sum slightly larger than 1
    return Share(value=min(1.0, value / len(nearest)), error=math.sqrt(variance / len(nearest)))


def balanced_draws(people: Arms, repeats: int, rng: Rng) -> list[Int]:
    """Return for each repeat equally many train and control persons of each class, drawn without replacement.

    Without the balance, `share_of_train` would be about 0.75 if train had three times as many persons as control and
    nothing leaked.
    """
    members = [
        [np.flatnonzero((people.person_class == c) & (people.is_train == role)) for role in (True, False)]
        for c in range(people.n_classes)
    ]
    drawn = []
    for _ in range(repeats):
        chosen = [rng.choice(arm, size=min(map(len, arms)), replace=False) for arms in members for arm in arms]
        drawn.append(np.sort(np.concatenate(chosen)))
    return drawn


def nearest_person_of_rows(synthetic: Matrix, real: Matrix, people: Arms, included: list[Int], rng: Rng) -> Int:
    """Return for each repeat and synthetic row the person with the nearest record, as int64 (repeats, m).

    Ties are broken at random. A synthetic row with similarity 0 to all records gets the person of a random record.
    """
    columns = rng.permutation(len(people.row_person))
    owner = people.row_person[columns]
    kept = [np.flatnonzero(np.isin(owner, drawn)) for drawn in included]
    nearest = np.empty((len(included), synthetic.shape[0]), dtype=np.int64)
    for rows, similarities in similarity_blocks(synthetic, real[columns]):
        for r, columns_kept in enumerate(kept):
            candidates = similarities[:, columns_kept] if len(columns_kept) < len(owner) else similarities
            best = np.argmax(candidates, axis=1)
            no_match = candidates[np.arange(len(best)), best] == 0
            best[no_match] = rng.integers(len(columns_kept), size=int(no_match.sum()))
            nearest[r, rows] = owner[columns_kept[best]]
    return nearest


def stack_arms(encoded: Encoded) -> Matrix:
    """Return the rows of train and then control as one matrix."""
    train, control = encoded.train, encoded.control
    if isinstance(train, sparse.csr_matrix) and isinstance(control, sparse.csr_matrix):
        return sparse.csr_matrix(sparse.vstack([train, control]))
    return np.vstack([np.asarray(train), np.asarray(control)])


def crowding(encoded: Encoded, people: Arms) -> dict[str, Float]:
    """Return by name two proximity scores of each person, as float64 arrays of shape (P,).

        nearest_x = max_s cos(x, s),  crowding_x = nearest_x - mean of the 5 highest cos(x, reference)

    x is a record, and s a synthetic row. A person's score is the maximum over the person's records. The similarity to
    the reference is subtracted so that common texts do not look copied. If all texts follow one template, the
    subtraction can hide that rows similar to train persons were removed; `nearest` may still show this removal.
    """
    real = stack_arms(encoded)
    nearest = highest(real, encoded.synthetic, 1)[:, 0]
    local = highest(real, encoded.reference, LOCAL_NEIGHBOURS).mean(axis=1)
    scores = {"nearest": nearest, "crowding": nearest - local}
    return {name: person_scores(score, people.row_person) for name, score in scores.items()}


def two_nearest_distances(encoded: Encoded, people: Arms, included: Int) -> tuple[Float32, Float32]:
    """Return the cosine distances of each synthetic row to its two nearest train rows and two nearest control rows.

    Both results have the shape (m, 2). Only rows of the `included` persons are searched.
    """
    real, is_included = stack_arms(encoded), np.isin(people.row_person, included)
    is_train = people.is_train[people.row_person]
    to_train, to_control = (
        np.maximum(0, 1 - highest(encoded.synthetic, real[np.flatnonzero(is_included & in_arm)], 2))
        for in_arm in (is_train, ~is_train)
    )
    return to_train, to_control


def nndr_ratio(to_train: Float32, to_control: Float32) -> float | None:
    """Return the 10 % quantile of the nearest-neighbour distance ratio (NNDR) for train, divided by that for control.

    The NNDR of a synthetic row is (distance to the nearest row) / (distance to the second nearest row). Rows whose
    second distance is 0 are omitted. If no rows remain, the quantile is 0. If the quantile for control is 0, the
    result is None.
    """
    quantiles = []
    for distances in (to_train, to_control):
        distinct = distances[distances[:, -1] > 0]
        quantiles.append(float(np.quantile(distinct[:, 0] / distinct[:, -1], 0.1)) if len(distinct) > 0 else 0.0)
    return quantiles[0] / quantiles[1] if quantiles[1] > 0 else None


def distance_histogram(
    train: NDArray[np.floating], control: NDArray[np.floating]
) -> dict[str, list[float] | list[int]]:
    """Return histograms, with the same bins, of the cosine distances of synthetic rows to train and to control.

    `train` has the distance of each synthetic row to the nearest train row, and `control` to the nearest control row.
    With too few rows, the histograms are empty.

    Privacy: each count is 0 or at least 10, so that no bin shows a single person. The edges are multiples of 1/40, so
        that they do not show the distance of a record.
    """
    both = np.concatenate([train, control])
    first = math.floor(float(both.min()) * BINS_PER_UNIT)
    last = max(first + 1, math.ceil(float(both.max()) * BINS_PER_UNIT))
    fine = (np.arange(first, last + 1) / BINS_PER_UNIT).tolist()
    n_train, n_control = (np.histogram(distances, bins=fine)[0].tolist() for distances in (train, control))
    bins = coarsen(fine, n_train, n_control, MIN_BIN)
    edges = [bin_.low for bin_ in bins] + [bin_.high for bin_ in bins[-1:]]
    return {"edges": edges, "train": [int(b.train) for b in bins], "control": [int(b.control) for b in bins]}
