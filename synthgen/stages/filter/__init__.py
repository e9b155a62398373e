"""Which candidates are kept, and why the others are not."""

from synthgen.stages.filter.base import Echoes, Filter, FilterContext, make_context
from synthgen.stages.filter.chain import Filtered, apply, build_filters, select

__all__ = ["Echoes", "Filter", "FilterContext", "Filtered", "apply", "build_filters", "make_context", "select"]
