"""Mixture: new vectors inside the hull of several neighbours of a class, with Dirichlet weights."""

import math
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from synthgen.core.seeds import SeedTree
from synthgen.core.types import Float32
from synthgen.interpolate.base import FittedByClass, Float64, Int64, NeighbourInterpolator, Points, TrainRows
from synthgen.interpolate.exposure import BLOCK, MaxExposure, Proposals, check_exposure, limit_exposure
from synthgen.interpolate.lambdas import draw_dirichlet_weights
from synthgen.interpolate.neighbourhoods import kneighbor_persons


class Mixture(NeighbourInterpolator):
    """Convex combinations of p records of p different persons that lie near one another in a class.

    SMOTE mixes two records, and one of them makes up more than half of the point. More parents mean that less of any
    one of them is left, at the price of points nearer to the middle of their neighbourhood.

        x̃ = Σ_j w_j x_j + ε,   w ~ Dirichlet(α, …, α),   j = 1, …, p
        ε ~ N(0, σ² I),        σ = noise · d_1 / √d

    x_1 is uniform over the class's records, the others are drawn without replacement from the k nearest *persons*
    of x_1 (Euclidean, same class), each by that person's record nearest to x_1. d_1 is the distance from x_1 to the
    nearest of them, so ‖ε‖ is about noise · d_1. The result is not brought back to unit length, as in SMOTE.

    Privacy: reads train vectors and labels. How much of one record a point holds is its largest weight; how many
        records it is effectively made of is 1/Σw². Over points, E[max w] and (pα + 1)/(α + 1) = 1/E[Σw²] are

             p    α = 0.1        0.5          1          2          5         10
             2  .942  1.1  .818  1.3  .750  1.5  .688  1.7  .623  1.8  .588  1.9
             3  .891  1.2  .701  1.7  .611  2.0  .535  2.3  .462  2.7  .424  2.8
             5  .808  1.4  .555  2.3  .457  3.0  .381  3.7  .312  4.3  .278  4.6
            10  .665  1.8  .380  4.0  .293  5.5  .231  7.0  .179  8.5  .154  9.2
            20  .505  2.7  .246  7.3  .180 10.5  .136 13.7  .100 16.8  .084 18.3
            50  .315  5.5  .130 17.3  .090 25.5  .065 33.7  .046 41.8  .037 45.5

        These are means; single points hold more. Mixing is no guarantee: many points of few persons are equations
        from which the records can be solved, being near the mean of a small neighbourhood says who is in it, and
        noise of this size is no differentially private mechanism. Vectors, parents and weights stay in the workspace,
        and what was kept of anybody is for the audits to find.

    Source: two parents with symmetric weights are mixup within a class (Zhang et al., ICLR 2018, arXiv:1710.09412v2,
        section 2), neighbours are SMOTE's (Chawla et al., JAIR 16 (2002), section 4.2). More parents, different
        persons, the bound and the noise are ours.
    """

    name: ClassVar[str] = "mixture"
    weighted_sums: ClassVar[bool] = True  # without noise

    parents: int = Field(3, ge=2, le=50, description="p, the persons whose records make up a point; at most k + 1.")
    alpha: float = Field(
        1.0, gt=0, le=1000, description="α; small: one parent has nearly all weight, large: all have the same."
    )
    noise: float = Field(
        0.0, ge=0, le=1, description="Length in units of d_1, the nearest neighbour's distance; leaves the hull."
    )
    max_exposure: MaxExposure | None = None

    @classmethod
    def check(cls, key: str, value: Any, others: Mapping[str, Any]) -> None:
        """Refuse fewer neighbours than other parents, and a bound that no point can keep."""
        if key == "parents" and (k := others.get("k_neighbors", value)) < value - 1:
            raise ValueError(f"{value} parents need k_neighbors of at least {value - 1}, which is {k}")
        if key == "max_exposure" and "parents" in others:
            check_exposure(value, others["parents"])

    @property
    def max_parents(self) -> int:
        """Every point has p."""
        return self.parents

    def fit_rows(self, rows: TrainRows) -> "FittedMixture":
        """Return the method fitted to these rows."""
        return FittedMixture(self, rows)


class FittedMixture(FittedByClass[Mixture, tuple[Int64, Float64]]):
    """The k nearest other persons of each row within its class, int64 (n_c, k), and their distances."""

    __slots__ = ()

    def fit_class(self, code: int) -> tuple[Int64, Float64]:
        """Search the class's nearest persons."""
        of = self.rows.of(code)
        return kneighbor_persons(self.rows.vectors[of], self.rows.groups[of], self.method.k_neighbors)

    def points(self, code: int, m: int, rng: SeedTree) -> Points:
        """Return m points of the class, each of p parents of different persons, x_1 first.

        Random: the children "parent", "partners" and "weights" of `rng`, in blocks, and "noise", one row a point.
        """
        of = self.rows.of(code)
        near, distances = self.of_class(code)
        proposals, bound = self.proposals(near, rng), self.method.max_exposure
        parents, weights = limit_exposure(proposals, m, groups=self.rows.groups[of], max_exposure=bound)
        vectors = weighted_sum(self.rows.vectors[of], parents, weights)
        if self.method.noise > 0:
            d = vectors.shape[1]
            sigma = self.method.noise * distances[parents[:, 0], 0] / math.sqrt(d)
            noise = rng.child("noise").generator().standard_normal((m, d), dtype=np.float32)
            noise *= sigma[:, None].astype(np.float32)
            vectors += noise
        return Points(vectors=vectors, parents=of[parents], weights=weights)

    def proposals(self, near: Int64, rng: SeedTree) -> Proposals:
        """Yield blocks of parents, numbered within the class, and their weights, without end."""
        n, k = near.shape
        p = self.method.parents
        parent, partners, weights = (rng.child(name).generator() for name in ("parent", "partners", "weights"))
        while True:
            i = parent.integers(0, n, size=BLOCK)
            drawn = partners.random((BLOCK, k)).argsort(axis=1, kind="stable")[:, : p - 1]
            others = np.take_along_axis(near[i], drawn, axis=1)
            yield np.column_stack([i, others]), draw_dirichlet_weights(weights, BLOCK, p, self.method.alpha)


def weighted_sum(vectors: Float32, parents: Int64, weights: Float64) -> Float32:
    """Return Σ_j w_j x_j of every row of parents, float32 (m, d)."""
    from scipy import sparse  # a fifth of a second, which the configuration need not wait for

    m, p = parents.shape
    values = weights.astype(np.float32).ravel()
    shares = sparse.csr_array((values, parents.ravel(), np.arange(m + 1) * p), shape=(m, len(vectors)))
    mixed: Float32 = shares @ vectors
    return mixed
