"""Apply quality filters to the generated texts (candidates), and keep the best accepted text of each new vector."""

from synthgen.filter.base import Reconstructions, make_context
from synthgen.filter.chain import apply, build_filters, select

__all__ = ["Reconstructions", "apply", "build_filters", "make_context", "select"]
