"""Borderline-SMOTE: SMOTE from those records of a class that lie on its border."""

from dataclasses import dataclass, field
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from synthgen.core.errors import ConfigError
from synthgen.core.neighbours import nearest
from synthgen.core.seeds import SeedTree
from synthgen.core.types import Embedded
from synthgen.stages.interpolate.base import Float64, Int64, Points, Rows, Sampler, Unfit
from synthgen.stages.interpolate.blend import blended, ends
from synthgen.stages.interpolate.surroundings import surroundings


@dataclass(frozen=True, slots=True)
class BorderlineSmote:
    """SMOTE that starts from the records in danger of being taken for another class.

    Points deep inside a class teach a classifier little; this puts them all where the class meets others.

        m' = how many of the m nearest rows of x_i, of any class, are of other classes
        safe: 0 ≤ m' ≤ m/2      danger: m/2 < m' < m      noise: m' = m
        x̃ = x_i + λ (x_nn − x_i)

    x_i is uniform over the class's records in danger. Kind 1: x_nn is uniform over the k nearest of the same class,
    in danger or not, λ ~ U(0, 1). Kind 2: x_nn is uniform over those k and the one nearest record of another class;
    towards that one λ ~ U(0, 0.5), so the point is nearer to x_i and keeps its label. Distances are Euclidean, and
    rows of the same person are never neighbours. With several classes, each is the minority against all others.

    Args:
        k_neighbors: k; a class needs k + 1 different persons.
        m_neighbors: m, at least 3: with fewer, no number is more than half and not all.
        kind: 1 stays within the class; 2 also interpolates towards other classes.

    Raises:
        ConfigError: for an m or a kind that cannot be; both are named.

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
    max_parents: ClassVar[int] = 2  # the two ends of a segment

    k_neighbors: int = 5
    m_neighbors: int = 10
    kind: Literal[1, 2] = 1

    def __post_init__(self) -> None:
        problems = [f"m_neighbors: {self.m_neighbors}, must be at least 3"] if self.m_neighbors < 3 else []
        problems += [f"kind: {self.kind!r}, must be 1 or 2"] if self.kind not in (1, 2) else []
        if problems:
            raise ConfigError("borderline-smote cannot work with these options", problems=problems)

    @property
    def min_groups(self) -> int:
        """One person and the k neighbours, who could all be different."""
        return self.k_neighbors + 1

    def learn(self, rows: Rows) -> "Borders":
        """Return the borders of these rows."""
        return Borders(rows, self)

    def fit(self, x: Embedded) -> Sampler:
        """Return the sampler of these vectors."""
        return Sampler.of(self, x)


@dataclass(frozen=True, slots=True, eq=False)
class Borders:
    """The rows in danger of each class and what each is interpolated with, searched when a class is first asked for.

    Args:
        rows: the train rows.
        method: the method.
        found: by class: the numbers of its rows in danger, int64 (b); and of those each can be interpolated with,
            int64 (b, k), for kind 2 int64 (b, k + 1) with the one of another class last.
    """

    rows: Rows
    method: BorderlineSmote
    found: dict[int, tuple[Int64, Int64]] = field(default_factory=dict)

    def points(self, code: int, m: int, rng: SeedTree) -> Points:
        """Return m points of the class, point i on the segment of its two parents."""
        return blended(self.rows, *self.draw(code, m, rng))

    def draw(self, code: int, m: int, rng: SeedTree) -> tuple[Int64, Float64]:
        """Return their parents and weights (1 − λ, λ).

        Random: the children "parent", "neighbour" and "lambda" of `rng`, one draw a point each.
        """
        if code not in self.found:
            self.found[code] = self._border(code)
        danger, pool = self.found[code]
        i = rng.child("parent").generator().integers(0, len(danger), size=m)
        which = rng.child("neighbour").generator().integers(0, pool.shape[1], size=m)
        lam = rng.child("lambda").generator().random(m)
        lam[which == self.method.k_neighbors] /= 2  # the last of kind 2's, of another class
        return ends(danger[i], pool[i, which], lam)

    def _border(self, code: int) -> tuple[Int64, Int64]:
        of, k, m = self.rows.of(code), self.method.k_neighbors, self.method.m_neighbors
        around, other = surroundings(self.rows, code, m)
        is_danger = in_danger(other)
        if not is_danger.any():
            n_noise = int(other.all(axis=1).sum())
            raise Unfit(
                f"none of its {len(of)} records is in danger: of {m} neighbours, {len(of) - n_noise} records have at "
                f"most half of other classes, {n_noise} have nothing else; use smote, which needs no border, or "
                "another m_neighbors"
            )
        danger = np.flatnonzero(is_danger)
        pool = of[nearest(self.rows.vectors[of], self.rows.groups[of], k, rows=danger)[0]]
        if self.method.kind == 2:
            first = other[danger].argmax(axis=1)  # the nearest of another class; who is in danger has one
            pool = np.column_stack([pool, around[danger, first]])
        return of[danger], pool


def in_danger(other: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which rows are in danger: more than half of their neighbours, but not all, are of other classes.

    Args:
        other: bool (n, m), whether each of the m neighbours is of another class.
    """
    m, count = other.shape[1], other.sum(axis=1)
    danger: NDArray[np.bool_] = (2 * count > m) & (count < m)
    return danger
