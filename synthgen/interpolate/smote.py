"""Oversampling methods: SMOTE, Borderline-SMOTE and ADASYN interpolate; random oversampling repeats vectors.

Each method makes new vectors (points) from the vectors of train records with one label (a class). A point starts from
a record x_i. The interpolating methods move it towards a record x_nn of another person, by the share λ of the way.
x_i and x_nn are the parents of the point, with the weights 1 − λ and λ. `fit_class` finds the records that may be
x_i or x_nn, and `draw` draws x_i, x_nn and λ of each point.
"""

from typing import Annotated, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from synthgen.core.seeds import SeedTree
from synthgen.core.types import Float64, Int64
from synthgen.interpolate.base import NeighbourInterpolator, TrainRows, Unfit
from synthgen.interpolate.linear import LinearInterpolator, draw_lambdas, pair_weights
from synthgen.interpolate.neighbourhoods import neighbours_in_any_class, neighbours_in_class


class RandomOversample(LinearInterpolator):
    """Random oversampling: repeat vectors of a class, drawn uniformly with replacement.

    Privacy: the decoder gets the vector of a real record and can paraphrase the record. Use the method only as a
        baseline.
    Reference: the resampling baseline of Chawla et al., JAIR 16 (2002), section 3.
    """

    name: ClassVar[str] = "random-oversample"

    def fit_class(self, rows: TrainRows, code: int) -> Int64:
        """Return the numbers of the n_c rows of the class, int64 (n_c,)."""
        return rows.of(code)

    def draw(self, state: Int64, m: int, rng: SeedTree) -> tuple[Int64, Float64]:
        """Return the parent and the weight 1 of each of m points; the child "parent" of `rng` draws the parents."""
        i = state[rng.child("parent").generator().integers(0, len(state), size=m)]
        return i[:, None], np.ones((m, 1))


class Smote(NeighbourInterpolator, LinearInterpolator):
    """SMOTE within each class, between records of different persons.

        x̃ = x_i + λ · (x_nn − x_i),   λ ~ U(0, 1)

    x_i is drawn uniformly from the records of the class. x_nn is drawn uniformly from the `k_neighbors` records of
    other persons in the class that are nearest to x_i (Euclidean). The point x̃ is not normalized to unit length; the
    decoder normalizes it.

    Privacy: points lie on the line between two real records, and known attacks recover the parents from them. Never
        release vectors, parents or weights.
    Reference: Chawla et al., "SMOTE: Synthetic Minority Over-sampling Technique", JAIR 16 (2002), section 4.2.
    """

    name: ClassVar[str] = "smote"

    def fit_class(self, rows: TrainRows, code: int) -> tuple[Int64, Int64]:
        """Return the rows of the class, int64 (n_c,), and the k rows that can be x_nn for each, int64 (n_c, k)."""
        class_rows = rows.of(code)
        return class_rows, class_rows[neighbours_in_class(rows, code, self.k_neighbors)[0]]

    def draw(self, state: tuple[Int64, Int64], m: int, rng: SeedTree) -> tuple[Int64, Float64]:
        """Return the parents and weights of m points.

        Randomness: the children "parent", "neighbour" and "lambda" of `rng`.
        """
        starts, partners = state
        i = rng.child("parent").generator().integers(0, len(starts), size=m)
        return _pairs(starts[i], partners, i, self.k_neighbors, rng)


class BorderlineSmote(Smote):
    """Borderline-SMOTE: SMOTE that starts only from records near the border of their class ("in danger").

        m' = number of records of other classes among the m records of any class that are nearest to x_i
        safe: 0 ≤ m' ≤ m/2      danger: m/2 < m' < m      noise: m' = m
        x̃ = x_i + λ · (x_nn − x_i)

    m is `m_neighbors`, and k is `k_neighbors`. x_i is drawn uniformly from the records of the class in danger.

    - Kind 1: x_nn is drawn uniformly from the k records of the same class nearest to x_i, and λ ~ U(0, 1).
    - Kind 2: x_nn is drawn uniformly from these k records and the nearest record of any other class. λ ~ U(0, 1) if
      x_nn is of the same class. Otherwise, λ ~ U(0, 0.5), so the point stays closer to x_i.

    Distances are Euclidean. Records of one person are never neighbours.

    Privacy: as SMOTE, but records in danger are parents more often. With kind 2, the label of a parent can differ
        from the label of the point.
    Reference: Han, Wang & Mao, "Borderline-SMOTE: A New Over-Sampling Method in Imbalanced Data Sets Learning", ICIC
        2005, section 3. Unlike in the paper, records of the same person are not neighbours, and exactly the
        requested number of points is made. Differences from imbalanced-learn 0.14:

        1. A record with m' = m/2 is safe, as in the text of the paper. In imbalanced-learn, it is in danger.
        2. Kind 2 follows the paper. imbalanced-learn draws x_nn from the k nearest rows of any class. If x_nn and x_i
           are of different classes, λ in imbalanced-learn is the product of two uniform numbers.
        3. A class without a record in danger is an error; imbalanced-learn silently makes no points.
    """

    name: ClassVar[str] = "borderline-smote"

    # at least 3, because no whole number m' is above m/2 and below m if m is 1 or 2
    m_neighbors: Annotated[int, Field(ge=3, le=1000)] = Field(
        10,
        description="Number of nearest neighbours of any class that decide whether a record is near the border of "
        "its class. Raise the number if no record of a class is near the border.",
    )
    kind: Literal[1, 2] = Field(
        1,
        description="Variant of Borderline-SMOTE: 1 interpolates only within the class, 2 also towards the nearest "
        "record of another class.",
    )

    def fit_class(self, rows: TrainRows, code: int) -> tuple[Int64, Int64]:
        """Return the b rows in danger, int64 (b,), and the rows from which x_nn is drawn, int64 (b, k or k + 1).

        Column k, only for kind 2, is the nearest row of another class. Raise Unfit if no row is in danger, or if,
        for some row of the class, other persons have fewer than m records.
        """
        class_rows, m = rows.of(code), self.m_neighbors
        around, is_other = neighbours_in_any_class(rows, code, m)
        danger = np.flatnonzero(danger_mask(is_other))
        if len(danger) == 0:
            n_noise = int(is_other.all(axis=1).sum())
            raise Unfit(
                f"none of the {len(class_rows)} records of the class is in danger: {len(class_rows) - n_noise} "
                f"records have at most half of their {m} neighbours in other classes, and {n_noise} records have all "
                "neighbours in other classes; use smote, or another m_neighbors"
            )
        pool = class_rows[neighbours_in_class(rows, code, self.k_neighbors, targets=danger)[0]]
        if self.kind == 2:
            pool = np.column_stack([pool, around[danger, is_other[danger].argmax(axis=1)]])
        return class_rows[danger], pool


def danger_mask(is_other: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return for each row whether more than half, but not all, of its m neighbours are in other classes, bool (n,).

    `is_other`, bool (n, m), states which neighbours are in another class.
    """
    m, count = is_other.shape[1], is_other.sum(axis=1)
    return np.asarray((2 * count > m) & (count < m))


class Adasyn(NeighbourInterpolator, LinearInterpolator):
    """ADASYN: more points start from the records that have more neighbours of other classes.

        r_i = Δ_i / K,   r̂_i = r_i / Σ r,   ĝ_i ≈ r̂_i · G
        x̃ = x_i + λ · (x_nn − x_i),   λ ~ U(0, 1)

    K is `k_neighbors`. Δ_i is the number of records of other classes among the K records of any class that are
    nearest to x_i, and Σ r is the sum of r over the records of the class. G is the requested number of points, and
    ĝ_i is the number of points that start from x_i. `in_proportion` rounds the ĝ_i at random to integers with the sum
    G. x_nn is drawn uniformly from the K records of the same class that are nearest to x_i. Distances are Euclidean.
    Records of one person are never neighbours.

    Privacy: as SMOTE, but records that lie among other classes, often of unusual persons, are parents more often.
    Reference: He, Bai, Garcia & Li, "ADASYN: Adaptive Synthetic Sampling Approach for Imbalanced Learning", IJCNN
        2008, section 2. Differences: records of the same person are not neighbours; G is given instead of
        (m_l − m_s) · β; x_nn is among the K nearest records of the class, not of any class.
    """

    name: ClassVar[str] = "adasyn"

    def fit_class(self, rows: TrainRows, code: int) -> tuple[Int64, Int64, Int64]:
        """Return (b rows with Δ > 0, their Δ, the K rows that can be x_nn for each of these rows).

        The three results are int64 (b,), int64 (b,) and int64 (b, K). Raise Unfit if no row has Δ > 0, or if, for
        some row, other persons have fewer than K records.
        """
        class_rows, k = rows.of(code), self.k_neighbors
        delta = neighbours_in_any_class(rows, code, k)[1].sum(axis=1)
        bordering = np.flatnonzero(delta)
        if len(bordering) == 0:
            raise Unfit(
                f"none of the {len(class_rows)} records of the class has a record of another class among its {k} "
                "nearest records, which adasyn requires; use smote"
            )
        return (
            class_rows[bordering],
            delta[bordering],
            class_rows[neighbours_in_class(rows, code, k, targets=bordering)[0]],
        )

    def draw(self, state: tuple[Int64, Int64, Int64], m: int, rng: SeedTree) -> tuple[Int64, Float64]:
        """Return the parents and weights of m points.

        Randomness: the children "phase", "neighbour" and "lambda" of `rng`.
        """
        starts, delta, partners = state
        i = in_proportion(delta, m, rng.child("phase").generator().random(len(delta)))
        return _pairs(starts[i], partners, i, self.k_neighbors, rng)


def _pairs(starts: Int64, partners: Int64, i: Int64, k: int, rng: SeedTree) -> tuple[Int64, Float64]:
    # the parents of point j are `starts[j]` and a row number drawn from row `i[j]` of `partners`
    which = rng.child("neighbour").generator().integers(0, partners.shape[1], size=len(i))
    lam = draw_lambdas(rng.child("lambda").generator(), len(i))
    lam[which == k] /= 2  # column k exists only for kind 2 of Borderline-SMOTE and is the record of another class
    return np.stack([starts, partners[i, which]], axis=1), pair_weights(lam)


def in_proportion(share: Int64, m: int, phase: Float64) -> Int64:
    """Return m numbers from 0 to b − 1, int64 (m,); each number i occurs about m · w_i / Σ w times.

    w_i ≥ 1 is entry i of `share`, (b,), and φ_i in [0, 1) is entry i of `phase`, (b,). The t-th occurrence of i (t =
    1, 2, …) has the time (t − φ_i) / w_i. The m earliest occurrences are returned in the order of their times, so a
    larger m gives the same numbers followed by additional ones.
    """
    # at least m occurrences are before this time, because rounding down removes at most one occurrence of each i
    horizon = (m + len(share) + 1) / share.sum()
    n = np.floor(horizon * share + phase).astype(np.int64)
    i = np.repeat(np.arange(len(share)), n)
    t = np.arange(1, len(i) + 1) - np.repeat(np.cumsum(n) - n, n)
    return i[np.argsort((t - phase[i]) / share[i], kind="stable")[:m]]
