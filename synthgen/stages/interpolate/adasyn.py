"""ADASYN: SMOTE that makes more points where a class is harder to tell from others."""

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from synthgen.core.neighbours import nearest
from synthgen.core.seeds import SeedTree
from synthgen.core.types import Embedded
from synthgen.stages.interpolate.base import Float64, Int64, Points, Rows, Sampler, Unfit
from synthgen.stages.interpolate.blend import blended, ends
from synthgen.stages.interpolate.surroundings import surroundings


@dataclass(frozen=True, slots=True)
class Adasyn:
    """Adaptive synthetic sampling: each record gets points in proportion to its neighbours of other classes.

        r_i = Δ_i / K,   r̂_i = r_i / Σ r,   ĝ_i = ⌊r̂_i · G' + φ_i⌋,   φ_i ~ U(0, 1),   Σ ĝ_i = G
        x̃ = x_i + λ (x_nn − x_i),   λ ~ U(0, 1)

    Δ_i is how many of the K nearest rows of x_i, of any class, are of other classes; G is the number of points asked
    for; x_nn is uniform over the K nearest of the same class. Distances are Euclidean, and rows of the same person
    are never neighbours. With several classes, each is the minority against all others.

    Which record starts which point: the t-th point of record i has the time (t − φ_i) / r̂_i, and points come in the
    order of their times. At the time G' of the G-th point, record i has had the ĝ_i above. So the total is exact,
    asking for more keeps the first, ĝ_i is the paper's r̂_i · G wherever these are whole numbers, and else is off by
    less than one from r̂_i · G', where G' is close to G. The random φ_i matters when G is below the number of records:
    rounding to the nearest would then give all to the records with the greatest r_i and nothing to the others.

    Args:
        k_neighbors: K, for both searches; a class needs K + 1 different persons.

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
    max_parents: ClassVar[int] = 2  # the two ends of a segment

    k_neighbors: int = 5

    @property
    def min_groups(self) -> int:
        """One person and the K neighbours, who could all be different."""
        return self.k_neighbors + 1

    def learn(self, rows: Rows) -> "Difficulties":
        """Return how hard these rows are to tell from other classes."""
        return Difficulties(rows, self.k_neighbors)

    def fit(self, x: Embedded) -> Sampler:
        """Return the sampler of these vectors."""
        return Sampler.of(self, x)


@dataclass(frozen=True, slots=True, eq=False)
class Difficulties:
    """Each row's Δ and its neighbours within its class, searched when a class is first asked for.

    Args:
        rows: the train rows.
        k: K.
        found: by class: the numbers of its rows with Δ > 0, int64 (b); their Δ, int64 (b); and the numbers of the K
            nearest rows of their class, int64 (b, K).
    """

    rows: Rows
    k: int
    found: dict[int, tuple[Int64, Int64, Int64]] = field(default_factory=dict)

    def points(self, code: int, m: int, rng: SeedTree) -> Points:
        """Return m points of the class, point i on the segment of its two parents."""
        return blended(self.rows, *self.draw(code, m, rng))

    def draw(self, code: int, m: int, rng: SeedTree) -> tuple[Int64, Float64]:
        """Return their parents and weights (1 − λ, λ).

        Random: the child "phase" of `rng`, one draw for each row with Δ > 0; the children "neighbour" and "lambda",
            one draw a point each.
        """
        if code not in self.found:
            self.found[code] = self._difficulty(code)
        hard, delta, partners = self.found[code]
        i = in_proportion(delta, m, rng.child("phase").generator().random(len(delta)))
        which = rng.child("neighbour").generator().integers(0, self.k, size=m)
        lam = rng.child("lambda").generator().random(m)
        return ends(hard[i], partners[i, which], lam)

    def _difficulty(self, code: int) -> tuple[Int64, Int64, Int64]:
        of = self.rows.of(code)
        delta = surroundings(self.rows, code, self.k)[1].sum(axis=1)
        hard = np.flatnonzero(delta)
        if len(hard) == 0:
            raise Unfit(
                f"none of its {len(of)} records has a record of another class among its {self.k} nearest, so there "
                "is nowhere to make more points than elsewhere; use smote, which treats all alike"
            )
        partners = nearest(self.rows.vectors[of], self.rows.groups[of], self.k, rows=hard)[0]
        return of[hard], delta[hard], of[partners]


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
