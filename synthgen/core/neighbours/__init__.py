"""Exact nearest neighbours among rows of other persons."""

from synthgen.core.neighbours.exact import Metric, NeighbourSearch, nearest_rows, require_range, unit_rows

__all__ = ["Metric", "NeighbourSearch", "nearest_rows", "require_range", "unit_rows"]
