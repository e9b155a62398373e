"""The nearest persons of a row, where `nearest` finds the nearest rows."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from synthgen.core.errors import InternalError
from synthgen.core.neighbours import nearest
from synthgen.core.types import Float32
from synthgen.stages.interpolate.base import Float64, Int64

AT_ONCE = 1 << 24  # neighbours held at a time


def nearest_persons(
    vectors: Float32, groups: Int64, k: int, *, metric: Literal["euclidean", "cosine"] = "euclidean"
) -> tuple[Int64, Float64]:
    """Return the k nearest other persons of every row, each by that person's nearest row.

    Args:
        vectors: float32 (n, d).
        groups: int64 (n), the person of each row.
        k: how many persons, at least 1.
        metric: as of `nearest`.

    Returns:
        Row numbers, int64 (n, k), of k different persons, nearest first, ties by row number; and the distances,
        float64 (n, k).

    Raises:
        DataError: if the metric is cosine and a row has length zero.
        InternalError: if there are fewer than k + 1 persons; callers check that first.

    Random: none.

    Cost: that of `nearest` for about k times the mean number of rows of a person, and again, for twice as many, for
        those rows that lie among many rows of few persons.
    """
    _, person, own = np.unique(groups, return_inverse=True, return_counts=True)
    if len(own) <= k:
        raise InternalError(f"{len(own)} persons, so no row has {k} others")
    others = len(groups) - own[person]
    rows = np.empty((len(groups), k), dtype=np.int64)
    distances = np.empty((len(groups), k))
    pending = np.arange(len(groups))
    reach = k * -(-len(groups) // len(own))
    while len(pending):
        reach = min(reach, int(others[pending].min()))
        short = []
        for some in np.array_split(pending, -(-len(pending) * reach // AT_ONCE)):
            found, distance = nearest(vectors, groups, reach, metric=metric, rows=some)
            first = _first_of_person(groups[found])
            rank = first.cumsum(axis=1)
            enough = rank[:, -1] >= k
            wanted = first[enough] & (rank[enough] <= k)
            rows[some[enough]] = found[enough][wanted].reshape(-1, k)
            distances[some[enough]] = distance[enough][wanted].reshape(-1, k)
            short.append(some[~enough])
        pending = np.concatenate(short)
        reach *= 2
    return rows, distances


def _first_of_person(persons: Int64) -> NDArray[np.bool_]:
    """Return where a person stands first in its row."""
    order = persons.argsort(axis=1, kind="stable")
    ordered = np.take_along_axis(persons, order, axis=1)
    new = np.ones(persons.shape, dtype=bool)
    new[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    first = np.empty_like(new)
    np.put_along_axis(first, order, new, axis=1)
    return first
