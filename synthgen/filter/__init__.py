"""Judge the candidates, keep the best candidate of each latent, and count why the others were rejected."""

from synthgen.filter.base import Reconstructions, make_context
from synthgen.filter.chain import apply, build_filters, select

__all__ = ["Reconstructions", "apply", "build_filters", "make_context", "select"]
