"""Find, for training vectors (rows), the nearest rows of other persons, and the nearest other persons."""

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
from synthgen.core.types import Float32, Float64, Int64
from synthgen.interpolate.base import TrainRows, Unfit

AT_ONCE = 1 << 24  # largest number of found neighbours in memory at once


def neighbours_in_class(
    rows: TrainRows, code: int, k: int, *, metric: Metric = "euclidean", targets: Int64 | None = None
) -> tuple[Int64, Float64]:
    """Return the k nearest rows of other persons within a class, and their distances; see `NeighbourSearch.nearest`.

    Neighbours are searched for `targets`, int64 (r), or for all rows. Row numbers count the rows of the class.
    """
    of = rows.of(code)
    search = IndexedSearch(NeighbourSearch(rows.vectors[of], rows.groups[of], metric))
    found, report = _nearest(search, k, targets, len(of) if targets is None else len(targets))
    if report is not None:
        rows.reports[code, k] = report
    return found


def neighbours_in_any_class(rows: TrainRows, code: int, m: int) -> tuple[Int64, NDArray[np.bool_]]:
    """Return the m nearest rows of other persons, of any class, for each of the n_c rows of a class.

    The row numbers, int64 (n_c, m), are sorted by distance. The second result, bool (n_c, m), states whether the
    neighbour is of another class. Raise Unfit if a row has fewer than m rows of other persons.
    """
    of = rows.of(code)
    fewest = len(rows.groups) - int(np.bincount(rows.groups)[rows.groups[of]].max())
    if fewest < m:
        raise Unfit(f"for one of its records, only {fewest} records of other persons exist, but {m} are needed")
    # all classes share one index; the neighbours of every class except the largest are certainly searched in it
    n_searched = max(len(of), len(rows.groups) - rows.largest_class)
    (around, _), report = _nearest(rows.neighbours, m, of, n_searched)
    if report is not None:
        rows.reports[None, m] = report
    return around, rows.classes[around] != code


def _nearest(
    search: IndexedSearch, k: int, targets: Int64 | None, n_searched: int
) -> tuple[tuple[Int64, Float64], SearchReport | None]:
    """Return the k nearest rows of the targets, and a report if there are at least `INDEXED_ROWS` rows.

    An index is used if it saves time for searching the neighbours of `n_searched` rows. This number must depend on
    the training rows alone, so that a later round of the run finds the same neighbours.
    """
    n = len(search.exact.points)
    if not is_worth_an_index(n, n_searched):
        report = SearchReport.exact(n, k) if n >= INDEXED_ROWS else None
        return search.exact.nearest(k, targets), report
    found = search.nearest(k, targets)
    return found, search.reports[k]


def kneighbor_persons_in_class(rows: TrainRows, code: int, k: int) -> tuple[Int64, Float64]:
    """Return the k nearest other persons for every row of a class; see `kneighbor_persons`."""
    of = rows.of(code)
    reports: list[SearchReport] = []
    found = kneighbor_persons(rows.vectors[of], rows.groups[of], k, reports)
    rows.reports.update({(code, report.k): report for report in reports})
    return found


def kneighbor_persons(
    vectors: Float32, groups: Int64, k: int, reports: list[SearchReport] | None = None
) -> tuple[Int64, Float64]:
    """Return for every row the k nearest other persons, each represented by the person's nearest row.

    The first result, int64 (n, k), are the numbers of these rows, sorted by distance, ties by row number; the second
    result, float64 (n, k), are their distances. `groups`, int64 (n), is the person of each row. Reports of the
    searches are appended to `reports`. Raise InternalError if there are at most k persons.
    """
    _, person, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    if len(sizes) <= k:
        raise InternalError(f"there are only {len(sizes)} persons, so no row has {k} other persons")
    n_others = len(groups) - sizes[person]
    rows = np.empty((len(groups), k), dtype=np.int64)
    distances = np.empty((len(groups), k))
    pending = np.arange(len(groups))
    search = IndexedSearch(NeighbourSearch(vectors, groups))
    reach = k * -(-len(groups) // len(sizes))  # number of nearest rows among which k different persons are expected
    while len(pending):
        reach = min(reach, int(n_others[pending].min()))
        too_few = []
        for part in np.array_split(pending, -(-len(pending) * reach // AT_ONCE)):
            (near, distance), report = _nearest(search, reach, part, len(pending))
            if report is not None and reports is not None and report not in reports:
                reports.append(report)
            first = _first_of_person(groups[near])
            rank = first.cumsum(axis=1)
            enough = rank[:, -1] >= k
            chosen = first[enough] & (rank[enough] <= k)
            rows[part[enough]] = near[enough][chosen].reshape(-1, k)
            distances[part[enough]] = distance[enough][chosen].reshape(-1, k)
            too_few.append(part[~enough])
        pending = np.concatenate(too_few)
        reach *= 2
    return rows, distances


def _first_of_person(persons: Int64) -> NDArray[np.bool_]:
    """Return for each entry whether it is the first entry of its person in its row of `persons`, bool (n, m)."""
    order = persons.argsort(axis=1, kind="stable")
    ordered = np.take_along_axis(persons, order, axis=1)
    new = np.ones(persons.shape, dtype=bool)
    new[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    first = np.empty_like(new)
    np.put_along_axis(first, order, new, axis=1)
    return first
