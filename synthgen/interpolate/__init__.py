"""New vectors from the vectors of train records, with the parents of each kept."""

from synthgen.interpolate.base import Sampler
from synthgen.interpolate.config import METHODS, InterpolateConfig
from synthgen.interpolate.counts import check_classes, wanted_counts

__all__ = ["METHODS", "InterpolateConfig", "Sampler", "check_classes", "wanted_counts"]
