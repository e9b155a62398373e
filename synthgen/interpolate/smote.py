"""Random oversampling: the vectors of real records again, the baseline interpolation is compared with."""

from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from synthgen.core.seeds import SeedTree
from synthgen.interpolate.base import Float64, Int64, Interpolator, NeighbourInterpolator, TrainRows, Unfit
from synthgen.interpolate.linear import FittedLinear, draw_lambdas, pair_weights
from synthgen.interpolate.neighbourhoods import neighbours_in_any_class, neighbours_in_class


class RandomOversample(Interpolator):
    """Repeat vectors of real records of a class, drawn uniformly with replacement.

        x̃ = x_i

    Privacy: the decoder sees the very vector of one record, so only its information loss stands between a record and
        its paraphrase. A baseline, not a protection.

    Source: the resampling baseline of Chawla et al., JAIR 16 (2002), section 3.
    """

    name: ClassVar[str] = "random-oversample"
    weighted_sums: ClassVar[bool] = True

    @property
    def min_groups(self) -> int:
        """Any record can be repeated."""
        return 1

    @property
    def max_parents(self) -> int:
        """The record itself."""
        return 1

    def fit_rows(self, rows: TrainRows) -> "FittedRandomOversample":
        """Return the method with these rows."""
        return FittedRandomOversample(self, rows)


class FittedRandomOversample(FittedLinear[RandomOversample, Int64]):
    """The numbers of each class's rows, int64 (n_c)."""

    __slots__ = ()

    def fit_class(self, code: int) -> Int64:
        """Return the numbers of the class's rows; there is nothing to learn."""
        return self.rows.of(code)

    def draw(self, code: int, m: int, rng: SeedTree) -> tuple[Int64, Float64]:
        """Return the parent of each of m points; its one weight is 1.

        Random: the child "parent" of `rng`, one draw a point.
        """
        of = self.of_class(code)
        i = of[rng.child("parent").generator().integers(0, len(of), size=m)]
        return i[:, None], np.ones((m, 1))


class Smote(NeighbourInterpolator):
    """Synthetic minority oversampling in the encoder's space, within each class and across persons.

    A vector between two real ones keeps the class's region and belongs to no single record.

        x̃ = x_i + λ (x_nn − x_i),   λ ~ U(0, 1)

    x_i is uniform over the class's records, x_nn uniform over its k nearest (Euclidean) of the same class that belong
    to *other persons*. The result is not brought back to unit length: the bridge normalises its input itself, and
    the segment is what the exposure audit checks.

    Privacy: reads train vectors and labels. A point lies exactly on a line between two real records, so vectors must
        never be released (known attacks recover the parents from them); parents and weights stay in the workspace.
        Choosing neighbours among other persons means no point is a mixture of one person's records.

    Source: Chawla, Bowyer, Hall & Kegelmeyer, "SMOTE: Synthetic Minority Over-sampling Technique", JAIR 16 (2002),
        section 4.2. We depart in excluding rows of the same person and in keeping the parents.
    """

    name: ClassVar[str] = "smote"
    weighted_sums: ClassVar[bool] = True

    def fit_rows(self, rows: TrainRows) -> "FittedSmote":
        """Return the method fitted to these rows."""
        return FittedSmote(self, rows)


class FittedSmote(FittedLinear[Smote, Int64]):
    """The k nearest rows of other persons within each class, int64 (n_c, k), numbered within it."""

    __slots__ = ()

    def fit_class(self, code: int) -> Int64:
        """Search the class's neighbours."""
        return neighbours_in_class(self.rows, code, self.method.k_neighbors)[0]

    def draw(self, code: int, m: int, rng: SeedTree) -> tuple[Int64, Float64]:
        """Return the parents and weights (1 − λ, λ) of m points.

        Random: the children "parent", "neighbour" and "lambda" of `rng`, one draw a point each.
        """
        of, near = self.rows.of(code), self.of_class(code)
        i = rng.child("parent").generator().integers(0, len(of), size=m)
        which = rng.child("neighbour").generator().integers(0, self.method.k_neighbors, size=m)
        lam = draw_lambdas(rng.child("lambda").generator(), m)
        return np.stack([of[i], of[near[i, which]]], axis=1), pair_weights(lam)


class BorderlineSmote(NeighbourInterpolator):
    """SMOTE that starts from the records in danger of being taken for another class.

    Points deep inside a class teach a classifier little; this puts them all where the class meets others.

        m' = how many of the m nearest rows of x_i, of any class, are of other classes
        safe: 0 ≤ m' ≤ m/2      danger: m/2 < m' < m      noise: m' = m
        x̃ = x_i + λ (x_nn − x_i)

    x_i is uniform over the class's records in danger. Kind 1: x_nn is uniform over the k nearest of the same class,
    in danger or not, λ ~ U(0, 1). Kind 2: x_nn is uniform over those k and the one nearest record of another class;
    towards that one λ ~ U(0, 0.5), so the point is nearer to x_i and keeps its label. Distances are Euclidean, and
    rows of the same person are never neighbours. With several classes, each is the minority against all others.

    Privacy: as SMOTE, and narrower: all points hang on the records in danger, often a small part of the class, so
        each of these is a parent more often than under SMOTE. Kind 2 gives a label to a mixture with a record that
        does not have it.

    Source: Han, Wang & Mao, "Borderline-SMOTE: A New Over-Sampling Method in Imbalanced Data Sets Learning", ICIC
        2005, section 3. We depart in excluding rows of the same person, in drawing single points instead of s from
        each record in danger, so that counts are exact, and in keeping the parents. imbalanced-learn 0.14 differs in:

        1. The tie m' = m/2, which an even m can have. The paper's formula counts it as danger, and so does
           imbalanced-learn; the paper's words ask that neighbours of other classes outnumber those of the same. We
           follow the words: at a tie a majority vote of the neighbours does not yet take the record for another
           class. With an odd m there is no difference.
        2. Kind 2. imbalanced-learn draws x_nn from the k nearest rows of any class and multiplies two uniform numbers
           towards other classes (mean weight 1/8). The paper keeps the k nearest of the same class, adds the nearest
           of the others, and takes one number below 0.5 (mean 1/4). We follow the paper: otherwise most points of a
           record in danger, which has more neighbours of other classes by definition, would lean out of its class.
        3. A class without a record in danger, for which imbalanced-learn makes nothing and says nothing; we refuse.
    """

    name: ClassVar[str] = "borderline-smote"
    weighted_sums: ClassVar[bool] = True

    # with fewer than 3, no number is more than half and not all
    m_neighbors: int = Field(10, ge=3, le=1000, description="m, of any class; they decide who is in danger.")
    kind: Literal[1, 2] = Field(1, description="1 stays within the class; 2 also interpolates towards other classes.")

    def fit_rows(self, rows: TrainRows) -> "FittedBorderlineSmote":
        """Return the method fitted to these rows."""
        return FittedBorderlineSmote(self, rows)


class FittedBorderlineSmote(FittedLinear[BorderlineSmote, tuple[Int64, Int64]]):
    """The rows in danger of each class and what each is interpolated with.

    Of each class: the numbers of its rows in danger, int64 (b); and of those each can be interpolated with, int64
    (b, k), for kind 2 int64 (b, k + 1) with the one of another class last.
    """

    __slots__ = ()

    def fit_class(self, code: int) -> tuple[Int64, Int64]:
        """Search the class's neighbours.

        Raises:
            Unfit: if no row is in danger, or one has fewer than m rows of other persons around it.
        """
        of, k, m = self.rows.of(code), self.method.k_neighbors, self.method.m_neighbors
        around, other = neighbours_in_any_class(self.rows, code, m)
        is_danger = in_danger(other)
        if not is_danger.any():
            n_noise = int(other.all(axis=1).sum())
            raise Unfit(
                f"none of its {len(of)} records is in danger: of {m} neighbours, {len(of) - n_noise} records have at "
                f"most half of other classes, {n_noise} have nothing else; use smote, which needs no border, or "
                "another m_neighbors"
            )
        danger = np.flatnonzero(is_danger)
        pool = of[neighbours_in_class(self.rows, code, k, asked=danger)[0]]
        if self.method.kind == 2:
            first = other[danger].argmax(axis=1)  # the nearest of another class; who is in danger has one
            pool = np.column_stack([pool, around[danger, first]])
        return of[danger], pool

    def draw(self, code: int, m: int, rng: SeedTree) -> tuple[Int64, Float64]:
        """Return the parents and weights (1 − λ, λ) of m points.

        Random: the children "parent", "neighbour" and "lambda" of `rng`, one draw a point each.
        """
        danger, pool = self.of_class(code)
        i = rng.child("parent").generator().integers(0, len(danger), size=m)
        which = rng.child("neighbour").generator().integers(0, pool.shape[1], size=m)
        lam = draw_lambdas(rng.child("lambda").generator(), m)
        lam[which == self.method.k_neighbors] /= 2  # the last of kind 2's, of another class
        return np.stack([danger[i], pool[i, which]], axis=1), pair_weights(lam)


def in_danger(other: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which rows are in danger: more than half of their neighbours, but not all, are of other classes.

    Args:
        other: bool (n, m), whether each of the m neighbours is of another class.
    """
    m, count = other.shape[1], other.sum(axis=1)
    danger: NDArray[np.bool_] = (2 * count > m) & (count < m)
    return danger


class Adasyn(NeighbourInterpolator):
    """Adaptive synthetic sampling: each record gets points in proportion to its neighbours of other classes.

        r_i = Δ_i / K,   r̂_i = r_i / Σ r,   ĝ_i = ⌊r̂_i · G' + φ_i⌋,   φ_i ~ U(0, 1),   Σ ĝ_i = G
        x̃ = x_i + λ (x_nn − x_i),   λ ~ U(0, 1)

    Δ_i is how many of the K nearest rows of x_i, of any class, are of other classes; G is the number of points asked
    for; x_nn is uniform over the K nearest of the same class; K is `k_neighbors`. Distances are Euclidean, and rows
    of the same person are never neighbours. With several classes, each is the minority against all others.

    Which record starts which point: the t-th point of record i has the time (t − φ_i) / r̂_i, and points come in the
    order of their times. At the time G' of the G-th point, record i has had the ĝ_i above. So the total is exact,
    asking for more keeps the first, ĝ_i is the paper's r̂_i · G wherever these are whole numbers, and else is off by
    less than one from r̂_i · G', where G' is close to G. The random φ_i matters when G is below the number of records:
    rounding to the nearest would then give all to the records with the greatest r_i and nothing to the others.

    Privacy: as SMOTE, and narrower: records with r_i = 0 are never a first parent, and those among other classes,
        often unusual persons, are one more often.

    Source: He, Bai, Garcia & Li, "ADASYN: Adaptive Synthetic Sampling Approach for Imbalanced Learning", IJCNN 2008,
        section 2. We depart in excluding rows of the same person, in taking G from the counts asked for instead of
        (m_l − m_s) · β, and in keeping the parents. imbalanced-learn 0.14 differs from the paper or from us in:

        1. The partner. The paper chooses x_nn among the rows of the same class within the K nearest of *any* class;
           imbalanced-learn among the K nearest *within* the class. Here we do as imbalanced-learn: a record with
           r_i = 1, which gets the most points, has no partner at all in the paper's choice, and one with a single
           partner would put all of its points on one segment between two persons.
        2. The total. The paper's r̂_i · G are no whole numbers; imbalanced-learn rounds each to the nearest, so the
           total is not G (and is nothing at all where every r̂_i · G is below a half). We round at random as above,
           so that the total is G and the records' shares are r̂_i on average.
    """

    name: ClassVar[str] = "adasyn"
    weighted_sums: ClassVar[bool] = True

    def fit_rows(self, rows: TrainRows) -> "FittedAdasyn":
        """Return the method fitted to these rows."""
        return FittedAdasyn(self, rows)


class FittedAdasyn(FittedLinear[Adasyn, tuple[Int64, Int64, Int64]]):
    """How hard the rows of each class are to tell from others, and what each is interpolated with.

    Of each class: the numbers of its rows with Δ > 0, int64 (b); their Δ, int64 (b); and the numbers of the K nearest
    rows of their class, int64 (b, K).
    """

    __slots__ = ()

    def fit_class(self, code: int) -> tuple[Int64, Int64, Int64]:
        """Search the class's neighbours.

        Raises:
            Unfit: if no row has a neighbour of another class.
        """
        of, k = self.rows.of(code), self.method.k_neighbors
        delta = neighbours_in_any_class(self.rows, code, k)[1].sum(axis=1)
        hard = np.flatnonzero(delta)
        if len(hard) == 0:
            raise Unfit(
                f"none of its {len(of)} records has a record of another class among its {k} nearest, so there "
                "is nowhere to make more points than elsewhere; use smote, which treats all alike"
            )
        partners = neighbours_in_class(self.rows, code, k, asked=hard)[0]
        return of[hard], delta[hard], of[partners]

    def draw(self, code: int, m: int, rng: SeedTree) -> tuple[Int64, Float64]:
        """Return the parents and weights (1 − λ, λ) of m points.

        Random: the child "phase" of `rng`, one draw for each row with Δ > 0; the children "neighbour" and "lambda",
            one draw a point each.
        """
        hard, delta, partners = self.of_class(code)
        i = in_proportion(delta, m, rng.child("phase").generator().random(len(delta)))
        which = rng.child("neighbour").generator().integers(0, self.method.k_neighbors, size=m)
        lam = draw_lambdas(rng.child("lambda").generator(), m)
        return np.stack([hard[i], partners[i, which]], axis=1), pair_weights(lam)


def in_proportion(share: Int64, m: int, phase: Float64) -> Int64:
    """Return m of the numbers from 0 to b − 1, so that each start of them holds every i in proportion to its share.

    The t-th occurrence of i has the time (t − φ_i) / w_i; the m earliest are returned in the order of their times.

    Args:
        share: w, int64 (b), at least 1 each.
        m: how many.
        phase: φ, float64 (b), from 0 up to but without 1.

    Random: none.

    Cost: (m + b) log (m + b) time, m + b numbers of memory.
    """
    # by this time at least m have occurred, because each i is at most one short of its share
    horizon = (m + len(share) + 1) / share.sum()
    n = np.floor(horizon * share + phase).astype(np.int64)
    i = np.repeat(np.arange(len(share)), n)
    t = np.arange(1, len(i) + 1) - np.repeat(np.cumsum(n) - n, n)
    return i[np.argsort((t - phase[i]) / share[i], kind="stable")[:m]]
