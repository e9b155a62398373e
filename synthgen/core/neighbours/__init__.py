"""Which rows are nearest to which: exact, among rows of other persons."""

from synthgen.core.neighbours.exact import Neighbours, nearest, unit_rows

__all__ = ["Neighbours", "nearest", "unit_rows"]
