"""Find the nearest records of other persons, and the nearest other persons, for training vectors (rows)."""

import numpy as np
from numpy.typing import NDArray

from synthgen.core.errors import InternalError
from synthgen.core.neighbours import (
    INDEXED_ROWS,
    IndexedSearch,
    Metric,
    NeighbourSearch,
    SearchReport,
    is_worth_an_index,
)
from synthgen.core.types import Float64, Int64
from synthgen.interpolate.base import TrainRows, Unfit

AT_ONCE = 1 << 24  # largest number of found neighbours in memory at once


def neighbours_in_class(
    rows: TrainRows, code: int, k: int, *, metric: Metric = "euclidean", targets: Int64 | None = None
) -> tuple[Int64, Float64]:
    """Return the k nearest rows of other persons within a class, int64 (r, k), and their distances, float64 (r, k).

    Neighbours are found for the rows `targets`, int64 (r,), or for all rows. Row numbers are positions in the class.
    """
    class_rows = rows.of(code)
    search = IndexedSearch(NeighbourSearch(rows.vectors[class_rows], rows.groups[class_rows], metric))
    found, report = _nearest(search, k, targets, len(class_rows) if targets is None else len(targets))
    if report is not None:
        rows.reports[code, k] = report
    return found


def neighbours_in_any_class(rows: TrainRows, code: int, m: int) -> tuple[Int64, NDArray[np.bool_]]:
    """Return the m nearest rows of other persons, of any class, for each of the n_c rows of a class.

    The row numbers, int64 (n_c, m), are sorted by distance. The second result, bool (n_c, m), states whether each
    neighbour is of another class. Raise Unfit if a row has fewer than m rows of other persons.
    """
    class_rows = rows.of(code)
    fewest = len(rows.groups) - int(np.bincount(rows.groups)[rows.groups[class_rows]].max())
    if fewest < m:
        raise Unfit(f"a record of the class needs {m} records of other persons, but only {fewest} exist")
    # All classes share one index, so `n_searched` estimates the number of searched rows of all classes. An
    # over-sampler usually searches for all classes except the largest, which gets no new points. The estimate is
    # therefore the number of rows outside the largest class, but at least the number of rows of `code`.
    n_searched = max(len(class_rows), len(rows.groups) - int(np.bincount(rows.classes).max()))
    (around, _), report = _nearest(rows.neighbours, m, class_rows, n_searched)
    if report is not None:
        rows.reports[None, m] = report
    return around, rows.classes[around] != code


def _nearest(
    search: IndexedSearch, k: int, targets: Int64 | None, n_searched: int
) -> tuple[tuple[Int64, Float64], SearchReport | None]:
    # Returns ((neighbours, distances), report of the search). There is no report for fewer than `INDEXED_ROWS` rows.
    # `n_searched`, the expected number of searched rows, decides whether an index is used. The caller must compute it
    # from the training rows alone; otherwise, a later round that makes more points could find other neighbours.
    n = len(search.exact.points)
    if not is_worth_an_index(n, n_searched):
        report = SearchReport.exact(n, k) if n >= INDEXED_ROWS else None
        return search.exact.nearest(k, targets), report
    found = search.nearest(k, targets)
    return found, search.reports[k]


def nearest_persons_in_class(rows: TrainRows, code: int, k: int) -> tuple[Int64, Float64]:
    """Return the k nearest other persons for each of the n_c rows of a class; see `NeighbourSearch.nearest`.

    A person is represented by the person's nearest row, as a position in the class. The positions, int64 (n_c, k),
    are sorted by distance; the distances are float64 (n_c, k). Raise InternalError for a class of at most k persons.
    """
    class_rows = rows.of(code)
    vectors, groups = rows.vectors[class_rows], rows.groups[class_rows]
    _, person, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    if len(sizes) <= k:
        raise InternalError(f"there are only {len(sizes)} persons, so no row has {k} other persons")
    n_others = len(groups) - sizes[person]
    nearest = np.empty((len(groups), k), dtype=np.int64)
    distances = np.empty((len(groups), k))
    pending = np.arange(len(groups))
    search = IndexedSearch(NeighbourSearch(vectors, groups))
    reach = k * -(-len(groups) // len(sizes))  # number of nearest rows among which k different persons are expected
    # a row is searched again with twice the reach if its nearest rows belong to fewer than k persons
    while len(pending):
        reach = min(reach, int(n_others[pending].min()))
        too_few = []
        for part in np.array_split(pending, -(-len(pending) * reach // AT_ONCE)):
            (near, distance), report = _nearest(search, reach, part, len(pending))
            if report is not None:
                rows.reports[code, reach] = report
            first = _first_of_person(groups[near])
            n_found = first.cumsum(axis=1)  # number of different persons up to each column
            enough = n_found[:, -1] >= k
            chosen = first[enough] & (n_found[enough] <= k)
            nearest[part[enough]] = near[enough][chosen].reshape(-1, k)
            distances[part[enough]] = distance[enough][chosen].reshape(-1, k)
            too_few.append(part[~enough])
        pending = np.concatenate(too_few)
        reach *= 2
    return nearest, distances


def _first_of_person(persons: Int64) -> NDArray[np.bool_]:
    """Return as bool (n, m) whether each entry of `persons` (n, m) is the first entry of its person in the row."""
    order = persons.argsort(axis=1, kind="stable")
    ordered = np.take_along_axis(persons, order, axis=1)
    new = np.ones(persons.shape, dtype=bool)
    new[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    first = np.empty_like(new)
    np.put_along_axis(first, order, new, axis=1)
    return first
