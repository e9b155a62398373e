"""The public names of interpolation, for use without a run; the code is in `synthgen.stages.interpolate`."""

from synthgen.stages.interpolate import (
    METHODS,
    Adasyn,
    BorderlineSmote,
    Interpolator,
    Mixture,
    OverSampler,
    RandomOversample,
    Sampler,
    Slerp,
    Smote,
    Vae,
)

__all__ = [
    "METHODS",
    "Adasyn",
    "BorderlineSmote",
    "Interpolator",
    "Mixture",
    "OverSampler",
    "RandomOversample",
    "Sampler",
    "Slerp",
    "Smote",
    "Vae",
]
