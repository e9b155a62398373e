"""Find nearest neighbours approximately among many rows with faiss, and measure the share that is found."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from synthgen.core.neighbours.exact import NeighbourSearch, nearest_of_pairs
from synthgen.core.types import Float32, Float64, Int64
from synthgen.core.workers import usable_cores

INDEXED_ROWS = 50_000  # among fewer rows, the exact search is used
WORTH = 8  # the exact search is faster if the neighbours of fewer than 1 / WORTH of the rows are searched
MIN_RECALL = 0.95  # smallest recall (share of the neighbours that is found) with which an index is used
SAMPLE = 1000  # largest number of rows on which the recall is measured
# search settings by ascending cost: number of lists (clusters of rows) to read, number of candidates per neighbour
LEVELS = ((16, 6), (32, 12), (64, 24), (128, 24))
MIN_CANDIDATES = 64  # smallest number of candidates at the first of the `LEVELS`; proportionally more at later levels
SPARE = 8  # number of candidates beyond k that are compared in float64, because float32 can change their order
SEED = 20_261_129  # seed of the clustering
TRAIN_ROWS = 64  # largest number of rows per list from which k-means learns the lists
BLOCK_ROWS = 2048  # number of rows that are searched by one thread at a time


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchReport:
    """The method that searched k nearest neighbours, and the share of the true neighbours that it found (recall)."""

    engine: Literal["exact", "ivf"]
    rows: int  # number of rows among which neighbours were searched
    k: int  # number of neighbours of a row
    recall: float  # as `IndexedSearch` defines it; 1 for the exact search
    sample: int  # number of rows on which the recall was measured; 0 for the exact search
    lists: int  # number of lists that were read for a row; 0 for the exact search

    @classmethod
    def exact(cls, rows: int, k: int) -> "SearchReport":
        """Return the report of the exact search."""
        return cls(engine="exact", rows=rows, k=k, recall=1.0, sample=0, lists=0)


def is_worth_an_index(n: int, n_searched: int) -> bool:
    """Return whether to use an index to search the neighbours of `n_searched` rows among n rows."""
    return n >= INDEXED_ROWS and n_searched * WORTH >= n


class IndexedSearch:
    """Finds the nearest neighbours among fixed rows with a product-quantized inverted file of faiss.

    To build the index, k-means divides the rows into lists. Each row is stored as a code with 4 bits for every two of
    its numbers. To search the neighbours of a row, the lists with the nearest centres are read. The rows with the
    most similar codes are the candidates; a candidate is usable if it belongs to a different person. The distances of
    usable candidates are computed in float32. The distances of the k + `SPARE` nearest candidates are computed again
    in float64. If fewer than k candidates are usable, the row is searched exactly. The returned distances are exact,
    but a neighbour can be missed.

    The recall is the share of the returned neighbours that are no further away than the k-th nearest neighbour of
    the exact search. For each k, it is measured once, on at most `SAMPLE` evenly spaced rows. The first of the
    `LEVELS` with a recall of at least `MIN_RECALL` is used. If no level has this recall, all rows are searched
    exactly.

    Reproducibility: the result does not depend on the number of cores. A different processor or faiss version can
        round differently and change the neighbours.

    Args:
        exact: the exact search among the same rows.

    Cost: for n rows of d numbers, 2 √n lists, and memory for n·d/4 bytes of codes in addition to the rows.
    Reference: Jégou, Douze & Schmid, "Product Quantization for Nearest Neighbor Search", TPAMI 33 (2011); André,
        Kermarrec & Le Scouarnec, "Quicker ADC", TPAMI 43 (2021), for comparing 4-bit codes. faiss has both methods.
    """

    def __init__(self, exact: NeighbourSearch) -> None:
        self.exact = exact
        self.points = np.ascontiguousarray(exact.points)  # faiss reads the memory of the array
        self.reports: dict[int, SearchReport] = {}  # by k; the first search for k adds its report
        self._levels: dict[int, tuple[int, int] | None] = {}  # by k, one of `LEVELS`; None: exact search
        self._index: Any = None  # index of faiss; None until the first search that uses it
        sizes = np.bincount(exact.person)
        # Number of additional candidates, because candidates of the searched row's own person are not usable. 99 %
        # of the rows belong to persons with at most this number of rows.
        self._n_extra = int(np.quantile(sizes[exact.person], 0.99))

    def nearest(self, k: int, rows: Int64 | None = None) -> tuple[Int64, Float64]:
        """Return k near rows of other persons; see `NeighbourSearch.nearest` for parameters, result and errors."""
        level = self._measured_level(k)
        searched = np.arange(len(self.exact.points)) if rows is None else rows
        return self.exact.nearest(k, rows) if level is None else self._search(level, k, searched)

    def _measured_level(self, k: int) -> tuple[int, int] | None:
        """Return the first level with a sufficient recall for k neighbours, measured once; None: exact search."""
        if k in self._levels:
            return self._levels[k]
        n = len(self.exact.points)
        searchable = np.flatnonzero(self.exact.others >= k)
        sample = searchable[np.linspace(0, len(searchable) - 1, min(len(searchable), SAMPLE)).astype(np.int64)]
        furthest = self.exact.nearest(k, sample)[1][:, -1:]
        self._levels[k], self.reports[k] = None, SearchReport.exact(n, k)
        for level in LEVELS:
            recall = float((self._search(level, k, sample)[1] <= furthest).mean())
            if recall >= MIN_RECALL:
                self._levels[k] = level
                self.reports[k] = SearchReport(
                    engine="ivf", rows=n, k=k, recall=round(recall, 4), sample=len(sample), lists=level[0]
                )
                break
        return self._levels[k]

    def _search(self, level: tuple[int, int], k: int, searched: Int64) -> tuple[Int64, Float64]:
        points, (lists, per_neighbour) = self.points, level
        if self._index is None:
            self._index = _in_threads(_build_index, [points])[0]
        self._index.nprobe = lists
        n_candidates = max(k * per_neighbour, MIN_CANDIDATES * per_neighbour // LEVELS[0][1]) + self._n_extra
        indices = np.empty((len(searched), k), dtype=np.int64)
        squared = np.zeros((len(searched), k), dtype=np.float64)  # 0 for rows that are searched exactly below
        parts = [slice(start, start + BLOCK_ROWS) for start in range(0, len(searched), BLOCK_ROWS)]

        def search(part: slice) -> Int64:
            """Search a part; return the positions in `searched` of rows with fewer than k usable candidates."""
            rows = searched[part]
            candidates = self._index.search(points[rows], min(n_candidates, len(points)))[1]
            is_usable = (candidates >= 0) & (self.exact.person[candidates] != self.exact.person[rows, None])
            enough = np.flatnonzero(is_usable.sum(axis=1) >= k)
            if len(enough):
                chosen = _nearest_candidates(points, rows[enough], candidates[enough], is_usable[enough], k)
                i, column = np.nonzero(chosen >= 0)
                nearest = nearest_of_pairs(points, rows[enough][i], i, chosen[i, column], k)
                indices[part.start + enough], squared[part.start + enough] = nearest
            incomplete: Int64 = part.start + np.setdiff1d(np.arange(len(rows)), enough)
            return incomplete

        unfinished = np.concatenate([np.empty(0, np.int64), *_in_threads(search, parts)])
        distances = self.exact.distances_of(squared)
        if len(unfinished):
            indices[unfinished], distances[unfinished] = self.exact.nearest(k, searched[unfinished])
        return indices, distances


def _build_index(points: Float32) -> Any:
    import faiss  # slow import, only needed for many rows

    n, d = points.shape
    # rows with an odd or small d are stored without a code: codes need an even d, and are inexact for a small d
    codes = f"PQ{d // 2}x4fs" if d % 2 == 0 and d >= 16 else "Flat"
    index: Any = faiss.index_factory(d, f"IVF{int(2 * np.sqrt(n))},{codes}")
    index.cp.seed, index.cp.niter, index.cp.max_points_per_centroid = SEED, 5, TRAIN_ROWS
    index.cp.min_points_per_centroid = 1  # prevents a warning on the standard output
    if codes != "Flat":
        index.pq.cp.niter, index.pq.cp.seed = 8, SEED
    index.train(points)
    index.add(points)
    return index


def _nearest_candidates(points: Float32, rows: Int64, candidates: Int64, is_usable: Any, k: int) -> Int64:
    """Return the min(k + `SPARE`, m) nearest usable candidates of each row by float32 distance, padded with -1.

    `rows`, int64 (b), are the searched rows. `candidates`, int64 (b, m), are their candidates; -1 stands for no
    candidate. `is_usable`, bool (b, m), is true for a candidate of another person.
    """
    import faiss

    b, m = candidates.shape
    left, right = np.repeat(rows, m), np.where(is_usable, candidates, 0).ravel()
    distances = np.empty(b * m, dtype=np.float32)
    x, i, j, out = (faiss.swig_ptr(array) for array in (points, left, right, distances))
    faiss.pairwise_indexed_L2sqr(points.shape[1], b * m, x, i, x, j, out)  # type: ignore[attr-defined] # no stub
    distances_of_usable = np.where(is_usable, distances.reshape(b, m), np.inf)
    chosen = np.argpartition(distances_of_usable, min(k + SPARE, m) - 1, axis=1)[:, : k + SPARE]
    numbers = np.where(is_usable, candidates, -1)
    return np.take_along_axis(numbers, chosen, axis=1)


def _in_threads(function: Callable[[Any], Any], parts: Iterable[Any]) -> list[Any]:
    """Return the result of the function for each part, computed in parallel threads with one core each."""
    import faiss

    # faiss has a separate number of threads for each thread that calls it
    with ThreadPoolExecutor(usable_cores(), initializer=lambda: faiss.omp_set_num_threads(1)) as pool:
        return list(pool.map(function, parts))
