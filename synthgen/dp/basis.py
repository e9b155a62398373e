"""Fit and load the public basis of a text encoder: the principal components of its vectors of public text.

The basis does not depend on private records, so the DP queries use it without noise.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from synthgen.core.errors import ConfigError
from synthgen.core.types import Float32, Float64

FOLDER = Path(__file__).parent / "public"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PublicBasis:
    """Mean, principal axes and variances of an encoder's vectors of public text."""

    mean: Float64  # (d,)
    axes: Float64  # (d, d), orthonormal rows in the order of decreasing variance
    variances: Float64  # (d,), variance along each axis, decreasing

    def coordinates_of(self, vectors: Float32) -> Float64:
        """Return the coordinates of vectors (n, d) along the axes, as a float64 array of shape (n, d)."""
        return (vectors.astype(np.float64) - self.mean) @ self.axes.T

    def vectors_at(self, coordinates: Float64) -> Float32:
        """Return the vectors at these coordinates (n, d), scaled to length 1, as float32 (n, d)."""
        vectors = self.mean + coordinates @ self.axes
        return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)


def fit_basis(vectors: Float32) -> PublicBasis:
    """Return the basis computed from vectors of public text, (n, d) with n > d."""
    mean = vectors.mean(axis=0, dtype=np.float64)
    _, scales, axes = np.linalg.svd(vectors - mean, full_matrices=False)
    variances = scales.astype(np.float64) ** 2 / len(vectors)
    return PublicBasis(mean=mean, axes=axes.astype(np.float64), variances=variances)


def load_basis(encoder: str) -> PublicBasis:
    """Return the shipped basis of an encoder (made by `training/basis.py`); raise ConfigError if none is shipped."""
    shipped = {path.stem: path for path in FOLDER.glob("*.safetensors")}
    if encoder not in shipped:
        raise ConfigError(
            f"embed.model: `interpolate.method: dp-gaussian` requires an encoder for which SynthGen ships statistics "
            f"of public texts, and {encoder!r} is no such encoder",
            hint=f"Set embed.model to one of: {', '.join(sorted(shipped))}.",
        )
    from safetensors.numpy import load_file

    arrays = {name: array.astype(np.float64) for name, array in load_file(shipped[encoder]).items()}
    return PublicBasis(mean=arrays["mean"], axes=arrays["axes"], variances=arrays["variances"])
