"""Compute points on the line between two vectors, for SMOTE and its variants."""

from abc import abstractmethod
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from synthgen.core.seeds import SeedTree
from synthgen.core.types import Float64, Int64
from synthgen.interpolate.base import ClasswiseInterpolator, Floats, Points, TrainRows


def draw_lambdas(generator: np.random.Generator, m: int, beta: tuple[float, float] | None = None) -> Float64:
    """Return m draws of λ, float64 (m,): from U(0, 1), or from Beta(s, t) for beta = (s, t).

    λ is the position of a point between its parents (two training vectors): 0 is the first parent, 1 the second.
    """
    return generator.random(m) if beta is None else generator.beta(*beta, size=m)


def pair_weights(lam: Float64) -> Float64:
    """Return the weights (1 − λ, λ) of the two parents, float64 (m, 2)."""
    return np.stack([1 - lam, lam], axis=1)


BLOCK_ROWS = 256  # number of points computed at once; their intermediate results fit into the processor's cache


class LinearInterpolator(ClasswiseInterpolator):
    """A method that draws one or two parents per point; the point is the weighted sum of the parents."""

    weighted_sums: ClassVar[bool] = True

    @abstractmethod
    def draw(self, state: Any, m: int, rng: SeedTree) -> tuple[Int64, Float64]:
        """Return the parents, int64 (m, p), and weights, float64 (m, p), of m points of a class; p is 1 or 2.

        `state` is the result of `fit_class` for the class. The parents are row numbers of the training vectors.
        """

    def points(self, rows: TrainRows, state: Any, m: int, rng: SeedTree) -> Points:
        """Return m points of the class to which `state` belongs."""
        parents, weights = self.draw(state, m, rng)
        vectors = np.empty((m, rows.vectors.shape[1]), dtype=np.float32)
        interpolate_linearly(rows.vectors, parents, weights, vectors)
        return Points(vectors=vectors, parents=parents, weights=weights)


def interpolate_linearly(x: Floats, parents: Int64, weights: Float64, out: Floats) -> None:
    """Write the weighted sums of the parents into `out`, (m, d), in the precision of `x`.

        x̃ = x_i + λ · (x_nn − x_i),   (i, nn) = the two parents,   λ = the second weight

    A point with a single parent i is x_i. `x` (n, d) are the training vectors. `parents`, int64 row numbers, and
    `weights`, float64, are (m, 1 or 2). `out` is contiguous and has the type of `x`.
    """
    lam: NDArray[Any] = weights[:, -1:].astype(x.dtype)
    first_parents = np.empty((BLOCK_ROWS, x.shape[1]), dtype=x.dtype)
    for start in range(0, len(parents), BLOCK_ROWS):
        part = slice(start, start + BLOCK_ROWS)
        point = out[part]
        # the mode "clip" changes no index, because all indices are valid; the mode "raise" would buffer `out`
        np.take(x, parents[part, -1], axis=0, out=point, mode="clip")
        if parents.shape[1] == 2:
            x_i = first_parents[: len(point)]
            np.take(x, parents[part, 0], axis=0, out=x_i, mode="clip")
            point -= x_i
            point *= lam[part]
            point += x_i
