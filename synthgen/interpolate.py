"""The public names of interpolation, for use without a run; the code is in `synthgen.stages.interpolate`."""

from typing import TYPE_CHECKING, Any

from synthgen.stages.interpolate.adasyn import Adasyn
from synthgen.stages.interpolate.base import Interpolator, Sampler
from synthgen.stages.interpolate.borderline_smote import BorderlineSmote
from synthgen.stages.interpolate.config import METHODS
from synthgen.stages.interpolate.mixture import Mixture
from synthgen.stages.interpolate.random_oversample import RandomOversample
from synthgen.stages.interpolate.slerp import Slerp
from synthgen.stages.interpolate.smote import Smote
from synthgen.stages.interpolate.vae import Vae

if TYPE_CHECKING:
    from synthgen.stages.interpolate.over_sampler import OverSampler

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


def __getattr__(name: str) -> Any:
    """Import `OverSampler` when it is first asked for: it needs imbalanced-learn, an extra.

    Raises:
        DependencyError: if that is not installed.
    """
    if name != "OverSampler":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from synthgen.stages.interpolate.over_sampler import OverSampler

    return OverSampler
