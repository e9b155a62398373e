"""How vectors of public text are spread: the axes and scales that private ones are measured along."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from synthgen.core.errors import ConfigError
from synthgen.core.types import Float32
from synthgen.dp.noised_sums import Float64

FOLDER = Path(__file__).parent / "public"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PublicBasis:
    """Principal axes of an encoder's vectors of public text.

    Args:
        mean: float64 (d,).
        axes: float64 (d, d), orthonormal rows, the widest first.
        variances: float64 (d,), along the axes, falling.
    """

    mean: Float64
    axes: Float64
    variances: Float64

    def inward(self, vectors: Float32) -> Float64:
        """Return coordinates of vectors, float64 (n, d)."""
        return (vectors.astype(np.float64) - self.mean) @ self.axes.T

    def outward(self, coordinates: Float64) -> Float32:
        """Return the vectors of coordinates at unit length, float32 (n, d)."""
        vectors = self.mean + coordinates @ self.axes
        unit: Float32 = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
        return unit


def fit_basis(vectors: Float32) -> PublicBasis:
    """Return the basis of vectors of public text, (n, d) with n > d."""
    mean = vectors.mean(axis=0, dtype=np.float64)
    _, scales, axes = np.linalg.svd(vectors - mean, full_matrices=False)
    return PublicBasis(
        mean=mean, axes=axes.astype(np.float64), variances=scales.astype(np.float64) ** 2 / len(vectors)
    )


def load_basis(encoder: str) -> PublicBasis:
    """Return the shipped basis of an encoder.

    Raises:
        ConfigError: there is none; `training/basis.py` makes one.
    """
    shipped = {path.stem: path for path in FOLDER.glob("*.safetensors")}  # a path of the user's is no public basis
    if encoder not in shipped:
        there = ", ".join(sorted(shipped))
        raise ConfigError(
            f"embed.model: dp-gaussian needs the public basis of the encoder, and {encoder!r} has none",
            problems=["embed.model"],
            hint=f"Use one of: {there}.",
        )
    from safetensors.numpy import load_file

    held = {name: array.astype(np.float64) for name, array in load_file(shipped[encoder]).items()}
    return PublicBasis(mean=held["mean"], axes=held["axes"], variances=held["variances"])
