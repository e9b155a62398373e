"""Make new vectors from the vectors of training records, and store from which records each vector was made."""

from typing import TYPE_CHECKING, Any

from synthgen.interpolate.base import Sampler, check_classes, counts_per_class
from synthgen.interpolate.config import METHODS, InterpolateConfig
from synthgen.interpolate.mixture import Mixture, Slerp
from synthgen.interpolate.smote import Adasyn, BorderlineSmote, RandomOversample, Smote
from synthgen.interpolate.vae import Vae

if TYPE_CHECKING:
    from synthgen.interpolate.over_sampler import OverSampler

__all__ = [
    "METHODS", "Adasyn", "BorderlineSmote", "InterpolateConfig", "Mixture", "OverSampler", "RandomOversample",
    "Sampler", "Slerp", "Smote", "Vae", "check_classes", "counts_per_class",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    # `OverSampler` is imported on first use, because it needs the optional package imbalanced-learn
    if name != "OverSampler":
        raise AttributeError(f"module 'synthgen.interpolate' has no attribute {name!r}")
    from synthgen.interpolate.over_sampler import OverSampler

    return OverSampler
