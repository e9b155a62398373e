"""Mixture: new vectors inside the hull of several neighbours of a class, with Dirichlet weights."""

import math
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

import numpy as np
from pydantic import Field

from synthgen.core.errors import DataError
from synthgen.core.seeds import SeedTree
from synthgen.core.types import Float32
from synthgen.interpolate.base import FittedByClass, Float64, Int64, NeighbourInterpolator, Points, TrainRows, Unfit
from synthgen.interpolate.exposure import BLOCK, MaxExposure, Proposals, check_exposure, limit_exposure
from synthgen.interpolate.linear import draw_dirichlet_weights, draw_lambdas, pair_weights
from synthgen.interpolate.neighbourhoods import kneighbor_persons, neighbours_in_class


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


OPPOSITE = 2 - 1e-6  # the cosine distance of vectors less than about 0.0014 from opposite, in radians
BetaShape = Annotated[float, Field(gt=0, le=100)]
ARC_ROWS = 512  # of float64 at once, so that they stay in the processor's cache


class Slerp(NeighbourInterpolator):
    """Spherical linear interpolation between records of a class, across persons.

    Where an encoder's vectors all have unit length, the segment of SMOTE runs through the ball, where no record is;
    the arc stays among the directions that the decoder knows.

        x̃ = sin((1 − λ) θ) / sin θ · a + sin(λ θ) / sin θ · b,   θ = ∠(a, b),   λ ~ U(0, 1) or Beta(s, t)

    a is uniform over the class's records, b uniform over its k nearest (cosine) of the same class that belong to
    *other persons*; both are brought to unit length exactly, which the encoder does up to rounding. As θ → 0 the
    factors tend to 1 − λ and λ, which are taken where θ is 0. Opposite vectors have no one arc and are refused.

    The weights recorded are (1 − λ, λ): the shares of the angle, which sum to 1. They are not the factors of a and
    b above, which sum to more than 1, so Σ w_j x_j is a point on the chord and not x̃.

    Privacy: reads train vectors and labels. A point lies exactly on the arc between two real records, whose ends can
        be found from several arcs as from several segments, so vectors must never be released; parents and weights
        stay in the workspace. One of two parents always holds at least half of the angle: .75 in the mean where λ is
        uniform. The bound limits how often, not how near. None of it is a guarantee.

    Source: Shoemake, "Animating Rotation with Quaternion Curves", SIGGRAPH 1985, section 3.3, for unit vectors of any
        dimension. Neighbours as SMOTE's; the bound is ours.
    """

    name: ClassVar[str] = "slerp"

    lambda_beta: tuple[BetaShape, BetaShape] | None = Field(
        None,
        description="(s, t) of Beta(s, t); null draws λ uniformly. Large equal numbers put points near the middle of "
        "the arc, shapes below 1 near the records.",
    )
    max_exposure: MaxExposure | None = None

    @classmethod
    def check(cls, key: str, value: Any, others: Mapping[str, Any]) -> None:  # noqa: ARG003 - of the base
        """Refuse a bound that no point of two parents can keep; see `Interpolator.check`."""
        if key == "max_exposure":
            check_exposure(value, 2)

    def fit_rows(self, rows: TrainRows) -> "FittedSlerp":
        """Return the method fitted to these rows.

        Raises:
            DataError: if they are not of unit length.
        """
        if not rows.normalized:
            raise DataError(
                "slerp walks on the unit sphere, and this encoder's vectors are not of unit length",
                hint="Take an encoder that normalises its vectors, or interpolate.method smote or mixture.",
            )
        return FittedSlerp(self, rows)


class FittedSlerp(FittedByClass[Slerp, Int64]):
    """The k nearest rows of other persons within each class, int64 (n_c, k), by angle."""

    __slots__ = ()

    def fit_class(self, code: int) -> Int64:
        """Search the class's neighbours.

        Raises:
            Unfit: if a row has an opposite one among its neighbours.
        """
        near, distances = neighbours_in_class(self.rows, code, self.method.k_neighbors, metric="cosine")
        _refuse_opposite(distances)
        return near

    def points(self, code: int, m: int, rng: SeedTree) -> Points:
        """Return m points of the class, point i on the arc of its two parents, with weights (1 − λ, λ).

        Raises:
            Unfit: if a row has an opposite one among its neighbours, or max_exposure leaves no room.

        Random: the children "parent", "neighbour" and "lambda" of `rng`, in blocks.
        """
        of = self.rows.of(code)
        vectors, groups = self.rows.vectors[of], self.rows.groups[of]
        proposals = self.proposals(self.of_class(code), rng)
        parents, weights = limit_exposure(proposals, m, groups=groups, max_exposure=self.method.max_exposure)
        made = arc(vectors[parents[:, 0]], vectors[parents[:, 1]], weights[:, 1])
        return Points(vectors=made, parents=of[parents], weights=weights)

    def proposals(self, near: Int64, rng: SeedTree) -> Proposals:
        """Yield blocks of parents, numbered within the class, and their weights, without end."""
        n, k = near.shape
        parent, neighbour, shape = (rng.child(name).generator() for name in ("parent", "neighbour", "lambda"))
        while True:
            i = parent.integers(0, n, size=BLOCK)
            which = neighbour.integers(0, k, size=BLOCK)
            lam = draw_lambdas(shape, BLOCK, self.method.lambda_beta)
            yield np.column_stack([i, near[i, which]]), pair_weights(lam)


def arc(a: Float32, b: Float32, lam: Float64) -> Float32:
    """Return the point of each arc from a to b at the share λ of its angle, in float64 until it is stored.

    Args:
        a: float32 (m, d), where each arc starts; not zero.
        b: float32 (m, d), where it ends; not opposite to a.
        lam: float64 (m), from 0 to 1.
    """
    out = np.empty_like(a)
    for start in range(0, len(a), ARC_ROWS):
        part = slice(start, start + ARC_ROWS)
        u, v = _unit(a[part]), _unit(b[part])
        # arccos of the product would need a clamp where rounding puts it above 1
        theta = 2 * np.arctan2(_length(u - v), _length(u + v))
        whole = np.where(theta > 0, np.sin(theta), 1.0)
        share = lam[part, None]
        from_a = np.where(theta > 0, np.sin((1 - share) * theta) / whole, 1 - share)
        from_b = np.where(theta > 0, np.sin(share * theta) / whole, share)
        out[part] = from_a * u + from_b * v
    return out


def _length(x: Float64) -> Float64:
    length: Float64 = np.sqrt(np.einsum("ij,ij->i", x, x))[:, None]
    return length


def _unit(x: Float32) -> Float64:
    wide = x.astype(np.float64)
    return wide / _length(wide)


def _refuse_opposite(distances: Float64) -> None:
    opposite = int((distances > OPPOSITE).any(axis=1).sum())
    if opposite > 0:
        raise Unfit(
            f"{opposite} of {len(distances)} records have an opposite vector among their {distances.shape[1]} "
            "nearest, and no one arc leads there; lower interpolate.k_neighbors, or choose smote or mixture"
        )
