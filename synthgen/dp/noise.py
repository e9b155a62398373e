"""Where the noise of a differentially private sum comes from."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from synthgen.core.seeds import SeedTree

Int64 = NDArray[np.int64]


class Noise(Protocol):
    """Draws whole numbers of the discrete Gaussian distribution."""

    def integers(self, n: int, scale: float) -> Int64:
        """Return n independent numbers x with P(x) ∝ exp(-x² / (2 scale²))."""
        ...


class SecureNoise:
    """Noise that is exact and cannot be drawn again: OpenDP's sampler, fed by the operating system's generator.

    Floating-point noise gives the sum away by which of its last bits can occur; whole numbers, drawn without any
    rounding, do not (Mironov, CCS 2012). No seed exists that could be kept.

    Source: Canonne, Kamath and Steinke, NeurIPS 2020, algorithm 3, as OpenDP implements it.
    """

    def integers(self, n: int, scale: float) -> Int64:
        """Return n independent numbers."""
        import opendp.prelude as opendp  # half a second, which other runs need not wait for

        opendp.enable_features("contrib")
        domain = opendp.vector_domain(opendp.atom_domain(T="i64"), size=n)
        draw = opendp.m.make_gaussian(domain, opendp.l2_distance(T="f64"), scale=scale)
        return np.array(draw([0] * n), dtype=np.int64)


class StreamNoise:
    """Noise of a named stream, rounded: for tests and studies. Whoever knows the stream takes the noise off again.

    Args:
        seeds: the stream; a second call goes on in it.
    """

    def __init__(self, seeds: SeedTree) -> None:
        self._generator = seeds.generator()

    def integers(self, n: int, scale: float) -> Int64:
        """Return n independent numbers."""
        return np.rint(self._generator.normal(0.0, scale, n)).astype(np.int64)
