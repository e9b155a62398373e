"""Two interpolation methods: mixtures of several neighbouring vectors, and slerp on the unit sphere.

Each method makes new vectors (points) from the vectors of train records with the same label (a class). It draws
proposals. A proposal consists of the parents of a point, which are the mixed vectors, and their weights.
`limit_exposure` rejects a proposal that would raise the summed weight of a person in the class above `max_exposure`.
"""

import math
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

import numpy as np
from pydantic import Field

from synthgen.core.errors import DataError
from synthgen.core.seeds import SeedTree
from synthgen.core.types import Float32, Float64, Int64
from synthgen.interpolate.base import Fitted, NeighbourInterpolator, Points, TrainRows, Unfit
from synthgen.interpolate.exposure import BLOCK, MaxExposure, Proposals, check_exposure, limit_exposure
from synthgen.interpolate.linear import draw_lambdas, pair_weights
from synthgen.interpolate.neighbourhoods import nearest_persons_in_class, neighbours_in_class


class Mixture(NeighbourInterpolator):
    """Mixture: weighted means of neighbouring records of p different persons of a class.

    More parents lower the share of each parent, but move the points closer to the centre of their neighbourhood.

        x̃ = Σ_j w_j x_j + ε,   w ~ Dirichlet(α, …, α),   j = 1, …, p
        ε ~ N(0, σ² I),        σ = noise · d_1 / √d

    p is `parents`, α is `alpha`, k is `k_neighbors`, and I the identity matrix. x_1 is drawn uniformly from the
    vectors of the class. The neighbours of x_1 are the k other persons of the class that are nearest to x_1
    (Euclidean). p − 1 of them are drawn without replacement. Each drawn person contributes one of x_2 to x_p: the
    vector of this person that is nearest to x_1. d_1 is the distance from x_1 to the nearest neighbour, and d the
    number of dimensions, so ‖ε‖ is about noise · d_1. The point x̃ is not normalized to unit length.

    Privacy: the table shows how much of a point comes from one record if `max_exposure` is not set. For p parents and
        each α, it has the mean of the largest weight, E[max w], and the effective number of parents,
        1 / E[Σw²] = (pα + 1) / (α + 1).

             p    α = 0.1        0.5          1          2          5         10
             2  .942  1.1  .818  1.3  .750  1.5  .688  1.7  .623  1.8  .588  1.9
             3  .891  1.2  .701  1.7  .611  2.0  .535  2.3  .462  2.7  .424  2.8
             5  .808  1.4  .555  2.3  .457  3.0  .381  3.7  .312  4.3  .278  4.6
            10  .665  1.8  .380  4.0  .293  5.5  .231  7.0  .179  8.5  .154  9.2
            20  .505  2.7  .246  7.3  .180 10.5  .136 13.7  .100 16.8  .084 18.3
            50  .315  5.5  .130 17.3  .090 25.5  .065 33.7  .046 41.8  .037 45.5

        Mixing is not a privacy guarantee: records can be computed from many points of few persons, and the noise is
        not a differentially private mechanism. Never release vectors, parents or weights.
    Reference: mixup within a class (Zhang et al., ICLR 2018, arXiv:1710.09412v2, section 2). More than two parents,
        neighbours as in SMOTE, distinct persons, the weight limit and the noise are additions.
    """

    name: ClassVar[str] = "mixture"
    weighted_sums: ClassVar[bool] = True  # holds only if `noise` is 0; a caller must also check `noise`

    parents: Annotated[int, Field(ge=2, le=50)] = Field(
        3,
        description="Number of persons whose records are mixed in a new vector, at most `k_neighbors` + 1. More "
        "parents lower the share of each person.",
    )
    alpha: Annotated[float, Field(gt=0, le=1000)] = Field(
        1.0,
        description="Parameter of the Dirichlet distribution of the weights. With a small value, one of the mixed "
        "records gets nearly all weight; with a large value, all get nearly equal weights.",
    )
    noise: Annotated[float, Field(ge=0, le=1)] = Field(
        0.0,
        description="Length of the Gaussian noise that is added to a new vector, as a fraction of the distance "
        "between the first of the mixed records and its nearest neighbour.",
    )
    max_exposure: MaxExposure = None

    @classmethod
    def check(cls, key: str, value: Any, others: Mapping[str, Any]) -> None:
        """Raise ValueError if `parents` is above `k_neighbors` + 1 or `max_exposure` is below 1 / `parents`."""
        if key == "parents" and (k := others.get("k_neighbors", value)) < value - 1:
            raise ValueError(f"with {value} parents, `k_neighbors` must be at least {value - 1}, not {k}")
        if key == "max_exposure" and "parents" in others:
            check_exposure(value, others["parents"])

    @property
    def max_parents(self) -> int:
        """The parameter `parents`."""
        return self.parents

    def fit_class(self, rows: TrainRows, code: int) -> tuple[Int64, Int64, Float64]:
        """Return the rows of the class, the k persons nearest to each row, and the distances to these persons.

        A person is represented by the person's nearest row, as a position among the rows of the class. The persons
        are sorted by distance. The shapes are int64 (n_c,), int64 (n_c, k) and float64 (n_c, k).
        """
        return rows.of(code), *nearest_persons_in_class(rows, code, self.k_neighbors)

    def points(self, rows: TrainRows, state: tuple[Int64, Int64, Float64], m: int, rng: SeedTree) -> Points:
        """Return m points of the class; raise Unfit if `max_exposure` is too low for them.

        Randomness: the children "parent", "partners", "weights" and "noise" of `rng`.
        """
        class_rows, near, distances = state
        proposals, groups = self._proposals(near, rng), rows.groups[class_rows]
        parents, weights = limit_exposure(proposals, m, groups=groups, max_exposure=self.max_exposure)
        vectors = weighted_sum(rows.vectors[class_rows], parents, weights)
        if self.noise > 0:
            d = vectors.shape[1]
            sigma = self.noise * distances[parents[:, 0], 0] / math.sqrt(d)
            noise = rng.child("noise").generator().standard_normal((m, d), dtype=np.float32)
            noise *= sigma[:, None].astype(np.float32)
            vectors += noise
        return Points(vectors=vectors, parents=class_rows[parents], weights=weights)

    def _proposals(self, near: Int64, rng: SeedTree) -> Proposals:
        # yields endless blocks of p parents (positions among the rows of the class) and their weights
        (n, k), p = near.shape, self.parents
        parent, partners, weights = (rng.child(name).generator() for name in ("parent", "partners", "weights"))
        while True:
            i = parent.integers(0, n, size=BLOCK)
            drawn = partners.random((BLOCK, k)).argsort(axis=1, kind="stable")[:, : p - 1]
            partner_rows = np.take_along_axis(near[i], drawn, axis=1)
            yield np.column_stack([i, partner_rows]), weights.dirichlet(np.full(p, self.alpha), size=BLOCK)


def weighted_sum(vectors: Float32, parents: Int64, weights: Float64) -> Float32:
    """Return the weighted sum of each point's parents, float32 (m, d); `parents` and `weights` are (m, p)."""
    from scipy import sparse  # slow import, not needed to read a configuration

    m, p = parents.shape
    values = weights.astype(np.float32).ravel()
    shares = sparse.csr_array((values, parents.ravel(), np.arange(m + 1) * p), shape=(m, len(vectors)))
    return np.asarray(shares @ vectors)


OPPOSITE = 2 - 1e-6  # vectors with a larger cosine distance (0 to 2) count as opposite: angle above π − 0.0014 rad
BetaShape = Annotated[float, Field(gt=0, le=100)]
ARC_ROWS = 512  # number of points computed at once; their float64 copies fit into the processor's cache


class Slerp(NeighbourInterpolator):
    """Slerp: spherical linear interpolation between two records of a class and of different persons.

    All vectors must have unit length. A point x̃ lies on the arc between two vectors a and b of the unit sphere.

        x̃ = sin((1 − λ) · θ) / sin θ · a + sin(λ · θ) / sin θ · b

    θ is the angle between a and b. λ ~ Beta(s, t) if `lambda_beta` is (s, t), and λ ~ U(0, 1) if it is None. a is
    drawn uniformly from the vectors of the class. b is drawn uniformly from the `k_neighbors` vectors of other
    persons in the class that are nearest to a (cosine). If θ is 0, the factors are 1 − λ and λ. A class with opposite
    neighbours is rejected, because the arc between opposite vectors is not unique. The recorded weights of a and b
    are 1 − λ and λ, although x̃ is in general not the sum of a and b with these weights.

    Privacy: points lie on the arc between two real records, so never release vectors, parents or weights. For uniform
        λ without `max_exposure`, the larger of the two weights is 0.75 on average.
    Reference: Shoemake, "Animating Rotation with Quaternion Curves", SIGGRAPH 1985, section 3.3, for any dimension.
    """

    name: ClassVar[str] = "slerp"

    lambda_beta: tuple[BetaShape, BetaShape] | None = Field(
        None,
        description="Parameters (s, t) of the Beta distribution of λ, the position (0 to 1) of a new vector on the "
        "arc between two records; null draws λ uniformly. Large equal numbers put new vectors near the middle of the "
        "arc, numbers below 1 near the records.",
    )
    max_exposure: MaxExposure = None

    @classmethod
    def check(cls, key: str, value: Any, others: Mapping[str, Any]) -> None:  # noqa: ARG003 - signature of the base
        """Raise ValueError if `max_exposure` is below 1/2, because the larger weight of a point is at least 1/2."""
        if key == "max_exposure":
            check_exposure(value, 2)

    def fit_rows(self, rows: TrainRows) -> Fitted:
        """Return the method with these rows; raise DataError if `rows.normalized` is false."""
        if not rows.normalized:
            raise DataError(
                "slerp requires vectors of unit length, but the vectors of this encoder are not normalized",
                hint="Use an encoder with normalized vectors, or set interpolate.method to smote or mixture.",
            )
        return super().fit_rows(rows)

    def fit_class(self, rows: TrainRows, code: int) -> tuple[Int64, Int64]:
        """Return the rows of the class, int64 (n_c,), and the k neighbours of each row, int64 (n_c, k).

        Neighbours are positions among the rows of the class. Raise Unfit if a row has an opposite neighbour.
        """
        near, distances = neighbours_in_class(rows, code, self.k_neighbors, metric="cosine")
        if opposite := int((distances > OPPOSITE).any(axis=1).sum()):
            raise Unfit(
                f"{opposite} of {len(distances)} records have an opposite vector among their {distances.shape[1]} "
                "nearest neighbours, so the arc between the two vectors is not unique; lower "
                "interpolate.k_neighbors, or use smote or mixture"
            )
        return rows.of(code), near

    def points(self, rows: TrainRows, state: tuple[Int64, Int64], m: int, rng: SeedTree) -> Points:
        """Return m points of the class; raise Unfit if `max_exposure` is too low for them.

        Randomness: the children "parent", "neighbour" and "lambda" of `rng`.
        """
        class_rows, near = state
        vectors, groups = rows.vectors[class_rows], rows.groups[class_rows]
        proposals = self._proposals(near, rng)
        parents, weights = limit_exposure(proposals, m, groups=groups, max_exposure=self.max_exposure)
        on_arcs = arc(vectors[parents[:, 0]], vectors[parents[:, 1]], weights[:, 1])
        return Points(vectors=on_arcs, parents=class_rows[parents], weights=weights)

    def _proposals(self, near: Int64, rng: SeedTree) -> Proposals:
        # yields endless blocks of two parents (positions among the rows of the class) and their weights
        n, k = near.shape
        parent, neighbour, lambdas = (rng.child(name).generator() for name in ("parent", "neighbour", "lambda"))
        while True:
            i = parent.integers(0, n, size=BLOCK)
            which = neighbour.integers(0, k, size=BLOCK)
            lam = draw_lambdas(lambdas, BLOCK, self.lambda_beta)
            yield np.column_stack([i, near[i, which]]), pair_weights(lam)


def arc(a: Float32, b: Float32, lam: Float64) -> Float32:
    """Return one point on each arc from a to b, at the share λ of the angle, float32 (m, d).

    a and b, float32 (m, d), are first scaled to unit length; they must not be zero or opposite to each other. `lam`,
    float64 (m,), has the λ of each arc, from 0 (at a) to 1 (at b).
    """
    out = np.empty_like(a)
    for start in range(0, len(a), ARC_ROWS):
        part = slice(start, start + ARC_ROWS)
        u, v = _unit(a[part]), _unit(b[part])
        # arccos of the dot product is not used, because rounding can make the product exceed 1
        theta = 2 * np.arctan2(_length(u - v), _length(u + v))
        sine = np.where(theta > 0, np.sin(theta), 1.0)
        share = lam[part, None]
        from_a = np.where(theta > 0, np.sin((1 - share) * theta) / sine, 1 - share)
        from_b = np.where(theta > 0, np.sin(share * theta) / sine, share)
        out[part] = from_a * u + from_b * v
    return out


def _length(x: Float64) -> Float64:
    return np.asarray(np.sqrt(np.einsum("ij,ij->i", x, x))[:, None])


def _unit(x: Float32) -> Float64:
    wide = x.astype(np.float64)
    return wide / _length(wide)
