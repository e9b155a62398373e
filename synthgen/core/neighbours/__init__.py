"""Find the nearest neighbours of vectors among the vectors of other persons, exactly or approximately."""

from synthgen.core.neighbours.exact import Metric, NeighbourSearch, nearest_rows, require_range, unit_rows
from synthgen.core.neighbours.indexed import INDEXED_ROWS, IndexedSearch, SearchReport, is_worth_an_index

__all__ = [
    "INDEXED_ROWS",
    "IndexedSearch",
    "Metric",
    "NeighbourSearch",
    "SearchReport",
    "is_worth_an_index",
    "nearest_rows",
    "require_range",
    "unit_rows",
]
