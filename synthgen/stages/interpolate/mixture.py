"""Mixture: new vectors inside the hull of several neighbours of a class, with Dirichlet weights."""

import math
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from scipy import sparse

from synthgen.config import MIXTURE_PARENTS
from synthgen.core.errors import ConfigError
from synthgen.core.seeds import SeedTree
from synthgen.core.types import Embedded, Float32
from synthgen.stages.interpolate.base import Float64, Int64, Points, Rows, Sampler
from synthgen.stages.interpolate.exposure import BLOCK, Proposals, take
from synthgen.stages.interpolate.partners import nearest_persons


@dataclass(frozen=True, slots=True)
class Mixture:
    """Convex combinations of p records of p different persons that lie near one another in a class.

    SMOTE mixes two records, and one of them makes up more than half of the point. More parents mean that less of any
    one of them is left, at the price of points nearer to the middle of their neighbourhood.

        x̃ = Σ_j w_j x_j + ε,   w ~ Dirichlet(α, …, α),   j = 1, …, p
        ε ~ N(0, σ² I),        σ = noise · d_1 / √d

    x_1 is uniform over the class's records, the others are drawn without replacement from the k nearest *persons*
    of x_1 (Euclidean, same class), each by that person's record nearest to x_1. d_1 is the distance from x_1 to the
    nearest of them, so ‖ε‖ is about noise · d_1. The result is not brought back to unit length, as in SMOTE.

    Args:
        k_neighbors: k, at least p − 1; a class needs k + 1 different persons.
        parents: p, from 2 to 50.
        alpha: α above 0; small values leave nearly all weight with one parent, large ones give equal weights.
        noise: the noise's length in units of d_1, 0 for none; with it a point leaves its parents' hull.
        max_exposure: no person's summed weight over the points of a class passes it; None for no bound.

    Raises:
        ConfigError: if an argument is out of its range or p − 1 is above k; all are listed.

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

    k_neighbors: int = 5
    parents: int = MIXTURE_PARENTS
    alpha: float = 1.0
    noise: float = 0.0
    max_exposure: float | None = None

    def __post_init__(self) -> None:
        bound = self.max_exposure
        checks = {
            f"k_neighbors: must be at least parents − 1 = {self.parents - 1}, got {self.k_neighbors}": (
                self.k_neighbors >= self.parents - 1
            ),
            f"parents: must be from 2 to 50, got {self.parents}": 2 <= self.parents <= 50,
            f"alpha: must be above 0 and finite, got {self.alpha:g}": 0 < self.alpha < math.inf,
            f"noise: must be at least 0 and finite, got {self.noise:g}": 0 <= self.noise < math.inf,
            f"max_exposure: must be at least 1/parents, the least that the largest weight can be, got {bound}": (
                bound is None or 1 <= bound * self.parents < math.inf
            ),
        }
        problems = [problem for problem, holds in checks.items() if not holds]
        if problems:
            raise ConfigError("this mixture cannot be", problems=problems)

    @property
    def min_groups(self) -> int:
        """One person and the k nearest others."""
        return self.k_neighbors + 1

    @property
    def max_parents(self) -> int:
        """Every point has p."""
        return self.parents

    def learn(self, rows: Rows) -> "Mixed":
        """Return the neighbourhoods of these rows."""
        return Mixed(self, rows)

    def fit(self, x: Embedded) -> Sampler:
        """Return the sampler of these vectors."""
        return Sampler.of(self, x)


@dataclass(frozen=True, slots=True, eq=False)
class Mixed:
    """The k nearest other persons of each row within its class, searched when a class is first asked for."""

    method: Mixture
    rows: Rows
    found: dict[int, tuple[Int64, Float64]] = field(default_factory=dict)

    def points(self, code: int, m: int, rng: SeedTree) -> Points:
        """Return m points of the class, each of p parents of different persons, x_1 first.

        Random: the children "parent", "partners" and "weights" of `rng`, in blocks, and "noise", one row a point.
        """
        of = self.rows.of(code)
        if code not in self.found:
            vectors, groups = self.rows.vectors[of], self.rows.groups[of]
            self.found[code] = nearest_persons(vectors, groups, self.method.k_neighbors)
        near, distances = self.found[code]
        proposals, bound = self.proposals(near, rng), self.method.max_exposure
        parents, weights = take(proposals, m, groups=self.rows.groups[of], max_exposure=bound)
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
            yield np.column_stack([i, others]), weights.dirichlet(np.full(p, self.method.alpha), size=BLOCK)


def weighted_sum(vectors: Float32, parents: Int64, weights: Float64) -> Float32:
    """Return Σ_j w_j x_j of every row of parents, float32 (m, d)."""
    m, p = parents.shape
    values = weights.astype(np.float32).ravel()
    shares = sparse.csr_array((values, parents.ravel(), np.arange(m + 1) * p), shape=(m, len(vectors)))
    mixed: Float32 = shares @ vectors
    return mixed
