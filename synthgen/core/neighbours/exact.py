"""Find the exact nearest neighbours of vectors (rows of a matrix) among the vectors of other persons."""

from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np

from synthgen.core.errors import DataError, InternalError
from synthgen.core.types import Float32, Float64, Int64

if TYPE_CHECKING:
    from synthgen.core.neighbours.screen import Screen

BLOCK_ROWS = 1024  # number of rows, or of pairs of rows, whose distances are computed at a time
# number of pairs of rows above which the low-precision products of `Screen` are faster than the products of `_blocks`
LARGE = 3_000_000
# Limit of the error of a float32 product of two rows, relative to their squared norms. Rounding errors add up like a
# random walk, so the error is about √d·eps for rows of d numbers; eps is the rounding step of float32. For d up to
# 4096, √d is at most 64, and `SLACK` allows twice as much.
SLACK = 128 * float(np.finfo(np.float32).eps)
LARGEST_NORM, SMALLEST_NORM = 1e18, 1e-14  # range of the largest Euclidean norm; see `require_range`
Pairs = tuple[Int64, Int64]  # shape (p) each: searched row and possible neighbour of each pair; see `_blocks`
Metric = Literal["euclidean", "cosine"]


def nearest_rows(
    vectors: Float32, groups: Int64, k: int, *, metric: Metric = "euclidean", rows: Int64 | None = None
) -> tuple[Int64, Float64]:
    """Return the k nearest rows of other persons for `rows`, or for all rows; see `NeighbourSearch.nearest`."""
    return NeighbourSearch(vectors, groups, metric).nearest(k, rows)


class NeighbourSearch:
    """Finds the nearest neighbours of the rows of a matrix among the rows of other persons.

    Matrix products in low precision select possible neighbours. A limit on the rounding error ensures that no nearest
    row is missed. The distances of the selected rows are computed again in float64, so the result does not depend on
    the block size, the precision, the library or the device.

    Args:
        vectors: float32 (n, d).
        groups: int64 (n), the person of each row; rows of the same person are never neighbours.
        metric: Euclidean distance, or one minus the cosine.

    Raises:
        DataError: the largest norm of all rows is too large or too small for float32 (see `require_range`), or, with
            the metric "cosine", a row is almost zero (see `unit_rows`).
    """

    def __init__(self, vectors: Float32, groups: Int64, metric: Metric = "euclidean") -> None:
        self.metric = metric
        require_range(vectors)
        self.points = unit_rows(vectors) if metric == "cosine" else vectors
        self.person: Int64 = np.unique(groups, return_inverse=True)[1]
        self.others = len(groups) - np.bincount(self.person)[self.person]  # per row: number of other persons' rows

    def nearest(self, k: int, rows: Int64 | None = None) -> tuple[Int64, Float64]:
        """Return the k nearest rows of other persons.

        Args:
            k: number of neighbours, at least 1.
            rows: int64 (r), numbers of the rows whose neighbours are searched; None for all.

        Returns:
            Row numbers, int64 (r, k), ordered by distance and then by number; and distances, float64 (r, k).

        Raises:
            InternalError: for a searched row, other persons have fewer than k rows.

        Cost: r·n·d multiplications, and memory for n·BLOCK_ROWS numbers.
        """
        searched = np.arange(len(self.points)) if rows is None else rows
        if len(searched) and self.others[searched].min() < k:
            raise InternalError(
                f"the search for {k} neighbours needs at least {k} vectors of other persons for each vector"
            )
        indices = np.empty((len(searched), k), dtype=np.int64)
        distances = np.empty((len(searched), k), dtype=np.float64)
        done = 0
        for i, columns in self._candidates(searched, k):
            size = i[-1] + 1
            part = slice(done, done + size)
            indices[part], distances[part] = nearest_of_pairs(self.points, searched[done + i], i, columns, k)
            done += size
        return indices, self.distances_of(distances)

    def distances_of(self, squared: Float64) -> Float64:
        """Convert squared Euclidean distances between rows of `points` to distances in the metric of the search."""
        return squared / 2 if self.metric == "cosine" else np.sqrt(squared)

    def _candidates(self, searched: Int64, k: int) -> Iterator[Pairs]:
        """Yield, for each block of searched rows, the pairs of a row and a possible neighbour."""
        n = len(self.points)
        # `Screen` needs at least k spans of 16 rows, so n ≥ 16 k; the factor 64 leaves a margin
        if n * len(searched) > LARGE and n > 64 * k:
            return self._screen.pairs(searched, k)
        return _blocks(self.points, self.person, searched, k)

    @cached_property
    def _screen(self) -> "Screen":
        from synthgen.core.neighbours.screen import Screen  # avoids importing torch for small searches

        return Screen(self.points, self.person)


def _blocks(points: Float32, person: Int64, searched: Int64, k: int) -> Iterator[Pairs]:
    """Yield, for each block of searched rows, the pairs of a row and a possible neighbour.

    An item contains two int64 arrays (p): for each pair, the position of the searched row in the block, in ascending
    order, and the number of the neighbour among all rows. The distances are computed from float32 products of
    `BLOCK_ROWS` rows with all rows.
    """
    squares = np.einsum("ij,ij->i", points, points)
    for start in range(0, len(searched), BLOCK_ROWS):
        block = searched[start : start + BLOCK_ROWS]
        rough = squares[block, None] + squares[None, :] - 2 * points[block] @ points.T  # (b, n)
        rough[person[block, None] == person[None, :]] = np.inf
        kth = np.partition(rough, k - 1, axis=1)[:, k - 1]
        # twice `SLACK`, because the k-th distance and the compared distance both have a rounding error
        slack = 2 * SLACK * (squares[block] + squares.max())
        i, columns = np.nonzero(rough <= (kth + slack)[:, None])
        yield i, columns


def nearest_of_pairs(points: Float32, rows: Int64, i: Int64, columns: Int64, k: int) -> tuple[Int64, Float64]:
    """Return the k nearest possible neighbours of each searched row; distances are computed in float64.

    Args:
        points: float32 (n, d).
        rows: int64 (p), numbers of the searched rows in `points`, one per pair.
        i: int64 (p), for each pair, the position of its row among the r searched rows, ascending; each position has
            at least k pairs.
        columns: int64 (p), numbers of the possible neighbours in `points`.
        k: number of neighbours.

    Returns:
        Row numbers, int64 (r, k), ordered by distance and then by number; and squared distances, float64 (r, k).
    """
    squared = _squared(points, rows, columns)
    order = np.lexsort((columns, squared, i))
    chosen = order[np.searchsorted(i, np.arange(i[-1] + 1))[:, None] + np.arange(k)]  # `order` keeps `i` ascending
    return columns[chosen], squared[chosen]


def _squared(points: Float32, rows: Int64, columns: Int64) -> Float64:
    out = np.empty(len(rows), dtype=np.float64)
    for start in range(0, len(rows), BLOCK_ROWS):
        part = slice(start, start + BLOCK_ROWS)
        difference = points[rows[part]].astype(np.float64) - points[columns[part]]
        out[part] = np.einsum("ij,ij->i", difference, difference)
    return out


def require_range(vectors: Float32) -> None:
    """Raise DataError unless the largest Euclidean norm of all rows is from `SMALLEST_NORM` to `LARGEST_NORM`.

    `vectors` has shape (n, d). Neighbours are selected by float32 products. Larger numbers overflow when squared, and
    smaller ones lose digits, so true neighbours could be missed. A matrix of zeros is allowed.
    """
    squared = np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64)
    largest = float(np.sqrt(squared.max(initial=0.0)))
    if not (largest == 0 or SMALLEST_NORM <= largest <= LARGEST_NORM):
        raise DataError(
            f"the largest Euclidean norm of the vectors must be from {SMALLEST_NORM:g} to {LARGEST_NORM:g}, but it "
            f"is {largest:.3g}; outside this range, float32 is too inexact to find the nearest vectors",
            hint="Multiply all vectors by the same factor first; a common factor does not change the neighbours.",
        )


def unit_rows(vectors: Float32) -> Float32:
    """Return the rows scaled to Euclidean norm 1; raise DataError if the norm of a row is below `SMALLEST_NORM`."""
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    if len(vectors) and norms.min() < SMALLEST_NORM:
        raise DataError(
            "the norm of a vector is zero or almost zero, so the vector has no cosine distance to other vectors"
        )
    unit: Float32 = vectors / norms
    return unit
