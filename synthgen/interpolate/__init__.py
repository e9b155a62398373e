"""New vectors from the vectors of train records, with the parents of each kept."""

from collections.abc import Callable, Mapping

from synthgen.config import InterpolateConfig
from synthgen.interpolate.base import Interpolator, Points, Rows, Sampler, Unfit
from synthgen.interpolate.counts import check_classes, wanted_counts
from synthgen.interpolate.random_oversample import RandomOversample
from synthgen.interpolate.smote import Smote

METHODS: Mapping[str, Callable[[InterpolateConfig], Interpolator]] = {
    "smote": lambda config: Smote(k_neighbors=config.k_neighbors),
    "random-oversample": lambda _: RandomOversample(),
}

__all__ = [
    "METHODS",
    "Interpolator",
    "Points",
    "RandomOversample",
    "Rows",
    "Sampler",
    "Smote",
    "Unfit",
    "build",
    "check_classes",
    "wanted_counts",
]


def build(config: InterpolateConfig) -> Interpolator:
    """Return the method the configuration names; it has been checked to be one of `METHODS`."""
    return METHODS[config.method](config)
