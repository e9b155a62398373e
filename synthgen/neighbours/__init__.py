"""Which rows are nearest to which: exact, among rows of other persons."""

from synthgen.neighbours.exact import nearest, unit_rows

__all__ = ["nearest", "unit_rows"]
