"""ADASYN: SMOTE that makes more points where a class is harder to tell from others."""

from typing import ClassVar

import numpy as np

from synthgen.core.seeds import SeedTree
from synthgen.interpolate.base import Float64, Int64, NeighbourInterpolator, TrainRows, Unfit
from synthgen.interpolate.lambdas import draw_lambdas, pair_weights
from synthgen.interpolate.linear import FittedLinear
from synthgen.interpolate.neighbourhoods import neighbours_in_any_class, neighbours_in_class


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
