"""Which candidates are kept, and why the others are not."""

from synthgen.filter.base import Filter, FilterContext, Reconstructions, make_context
from synthgen.filter.chain import Filtered, apply, build_filters, select

__all__ = [
    "Filter",
    "FilterContext",
    "Filtered",
    "Reconstructions",
    "apply",
    "build_filters",
    "make_context",
    "select",
]
