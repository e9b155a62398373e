"""New vectors from the vectors of train records, with the parents of each kept."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from synthgen.config import InterpolateConfig
from synthgen.stages.interpolate.adasyn import Adasyn
from synthgen.stages.interpolate.base import Interpolator, Points, Rows, Sampler, Unfit
from synthgen.stages.interpolate.borderline_smote import BorderlineSmote
from synthgen.stages.interpolate.counts import check_classes, wanted_counts
from synthgen.stages.interpolate.mixture import Mixture
from synthgen.stages.interpolate.random_oversample import RandomOversample
from synthgen.stages.interpolate.slerp import Slerp
from synthgen.stages.interpolate.smote import Smote
from synthgen.stages.interpolate.vae import Vae

if TYPE_CHECKING:
    from synthgen.stages.interpolate.over_sampler import OverSampler

METHODS: Mapping[str, Callable[[InterpolateConfig], Interpolator]] = {
    "smote": lambda config: Smote(k_neighbors=config.k_neighbors),
    "borderline-smote": lambda config: BorderlineSmote(k_neighbors=config.k_neighbors, **config.options()),
    "adasyn": lambda config: Adasyn(k_neighbors=config.k_neighbors),
    "random-oversample": lambda _: RandomOversample(),
    "mixture": lambda config: Mixture(k_neighbors=config.k_neighbors, **config.options()),
    "slerp": lambda config: Slerp(k_neighbors=config.k_neighbors, **config.options()),
    "vae": lambda config: Vae(**config.options()),
}

__all__ = [
    "METHODS",
    "Adasyn",
    "BorderlineSmote",
    "Interpolator",
    "Mixture",
    "OverSampler",
    "Points",
    "RandomOversample",
    "Rows",
    "Sampler",
    "Slerp",
    "Smote",
    "Unfit",
    "Vae",
    "build",
    "check_classes",
    "wanted_counts",
]


def build(config: InterpolateConfig) -> Interpolator:
    """Return the method the configuration names; it has been checked to be one of `METHODS`."""
    return METHODS[config.method](config)


def __getattr__(name: str) -> Any:
    """Import `OverSampler` when it is first asked for: it needs scikit-learn, which takes a second to import."""
    if name != "OverSampler":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from synthgen.stages.interpolate.over_sampler import OverSampler

    return OverSampler
