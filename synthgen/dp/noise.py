"""Samplers for the noise of a differentially private sum."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from synthgen.core.seeds import SeedTree

Int64 = NDArray[np.int64]


class Noise(Protocol):
    """Draws integers from the discrete Gaussian distribution."""

    def integers(self, n: int, scale: float) -> Int64:
        """Return n independent numbers x with P(x) ∝ exp(-x² / (2 scale²)), int64 (n,)."""
        ...


class SecureNoise:
    """Draws exact noise that is not reproducible, with OpenDP's sampler and the operating system's generator.

    The last bits of floating-point noise can reveal the sum; integers drawn without rounding do not (Mironov,
    CCS 2012). The sampler has no seed.

    Reference: Canonne, Kamath and Steinke, NeurIPS 2020, algorithm 3, as OpenDP implements it.
    """

    def integers(self, n: int, scale: float) -> Int64:
        """See `Noise.integers`."""
        import opendp.prelude as opendp  # the import takes half a second, and other runs do not need it

        opendp.enable_features("contrib")
        domain = opendp.vector_domain(opendp.atom_domain(T="i64"), size=n)
        draw = opendp.m.make_gaussian(domain, opendp.l2_distance(T="f64"), scale=scale)
        return np.array(draw([0] * n), dtype=np.int64)


class StreamNoise:
    """Draws rounded noise from a named stream, for tests and studies; each call continues the stream.

    Someone who knows the stream can subtract the noise.
    """

    def __init__(self, seeds: SeedTree) -> None:
        self._generator = seeds.generator()

    def integers(self, n: int, scale: float) -> Int64:
        """See `Noise.integers`."""
        return np.rint(self._generator.normal(0.0, scale, n)).astype(np.int64)
