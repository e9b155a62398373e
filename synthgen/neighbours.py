"""Exact nearest neighbours among rows of other persons."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from synthgen.errors import DataError, InternalError
from synthgen.types import Float32

BLOCK_ROWS = 1024
# the float32 product may err by about d rounding steps of the squared lengths; twice 64 of them covers d up to 4096,
# because rounding errors add up like a random walk
SLACK = 128 * float(np.finfo(np.float32).eps)


def nearest(
    vectors: Float32,
    groups: NDArray[np.int64],
    k: int,
    *,
    metric: Literal["euclidean", "cosine"] = "euclidean",
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the k nearest rows of other persons for every row.

    Float32 matrix products over blocks pick every row that could be among the nearest; those few are measured again
    in float64, so the result does not depend on the block size or on the linear algebra library.

    Args:
        vectors: float32 (n, d).
        groups: int64 (n), the person of each row; rows of the same person are never neighbours.
        k: how many, at least 1.
        metric: Euclidean distance, or one minus the cosine.

    Returns:
        Row numbers, int64 (n, k), nearest first, ties by row number; and the distances, float64 (n, k).

    Raises:
        DataError: if the metric is cosine and a row has length zero.
        InternalError: if some row has fewer than k rows of other persons; callers check that first.

    Random: none.

    Cost: n²·d multiplications, n·BLOCK_ROWS numbers of memory.
    """
    points = unit_rows(vectors) if metric == "cosine" else vectors
    n = len(points)
    squares = np.einsum("ij,ij->i", points, points)
    indices = np.empty((n, k), dtype=np.int64)
    distances = np.empty((n, k), dtype=np.float64)
    for start in range(0, n, BLOCK_ROWS):
        stop = min(start + BLOCK_ROWS, n)
        rough = squares[start:stop, None] + squares[None, :] - 2 * points[start:stop] @ points.T  # (b, n)
        rough[groups[start:stop, None] == groups[None, :]] = np.inf
        if np.isfinite(rough).sum(axis=1).min() < k:
            raise InternalError(f"a row has fewer than {k} rows of other persons")
        kth = np.partition(rough, k - 1, axis=1)[:, k - 1]
        slack = 2 * SLACK * (squares[start:stop] + squares.max())
        rows, columns = np.nonzero(rough <= (kth + slack)[:, None])
        exact = _squared(points, rows + start, columns)
        order = np.lexsort((columns, exact, rows))
        first = np.searchsorted(rows[order], np.arange(stop - start))
        chosen = order[first[:, None] + np.arange(k)]
        indices[start:stop] = columns[chosen]
        distances[start:stop] = exact[chosen]
    return indices, distances / 2 if metric == "cosine" else np.sqrt(distances)


def _squared(points: Float32, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return the squared distances of pairs of rows, in float64, a block at a time."""
    out = np.empty(len(rows), dtype=np.float64)
    for start in range(0, len(rows), 8 * BLOCK_ROWS):
        part = slice(start, start + 8 * BLOCK_ROWS)
        difference = points[rows[part]].astype(np.float64) - points[columns[part]]
        out[part] = np.square(difference).sum(axis=1)
    return out


def unit_rows(vectors: Float32) -> Float32:
    """Return the rows brought to unit length.

    Raises:
        DataError: if a row has length zero.
    """
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    if len(vectors) and lengths.min() <= 0:
        raise DataError("a vector of length zero has no direction, so no cosine distance")
    unit: Float32 = vectors / lengths
    return unit
