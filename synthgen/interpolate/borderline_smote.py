"""Borderline-SMOTE: SMOTE from those records of a class that lie on its border."""

from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from synthgen.core.seeds import SeedTree
from synthgen.interpolate.base import Float64, Int64, NeighbourInterpolator, TrainRows, Unfit
from synthgen.interpolate.lambdas import draw_lambdas, pair_weights
from synthgen.interpolate.linear import FittedLinear
from synthgen.interpolate.neighbourhoods import neighbours_in_any_class, neighbours_in_class


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
