"""The only DP primitive: a sum of clipped per-person rows with Gaussian noise, and the samplers of the noise."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from synthgen.core.errors import InternalError
from synthgen.core.seeds import SeedTree

# A row is scaled so that the clip norm is `UNIT`, then rounded to integers. Sums fit into 64-bit integers, and the
# rounding error is far below the noise.
UNIT = 1 << 24
# The noise is larger than the accounted noise by this share. In matrix products for many persons at once, the last
# bits of a row depend on the number of persons, and the surplus covers this rounding. The vectors of the
# texts have no such rounding, because each text is encoded by itself: see `synthgen.pipeline.job.Job.encoder`.
MARGIN = 3e-4
Float64 = NDArray[np.float64]
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

    Privacy: none, because someone who knows the stream can subtract the noise.
    """

    def __init__(self, seeds: SeedTree) -> None:
        self._generator = seeds.generator()

    def integers(self, n: int, scale: float) -> Int64:
        """See `Noise.integers`."""
        return np.rint(self._generator.normal(0.0, scale, n)).astype(np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A DP query: a noised sum with the parameters of its accounting."""

    name: str
    noise_multiplier: float  # standard deviation of the noise as a multiple of `clip`
    clip: float = 1.0  # the largest L2 norm of one person's row
    steps: int = 1  # number of times the query is run
    kind: Literal["gaussian", "vote"] = "gaussian"  # the kind of query in the mechanism log


# A function that returns the noised sum of one step over the rows of all persons, float64 (d,). A run uses
# `PrivateMechanism`, and its dry run on made-up persons uses `DryRun`.
QueryMechanism = Callable[[Iterable[Float64], Query], Float64]


@dataclass(frozen=True, slots=True)
class PrivateMechanism:
    """Answers DP queries with noised sums."""

    noise: Noise

    def __call__(self, people: Iterable[Float64], query: Query) -> Float64:
        r"""Return the sum over persons of their rows, each clipped, with Gaussian noise; float64 (d,).

            ( Σ_p ⌊ x_p · min(1, C / ‖x_p‖₂) · U / C ⌋ + z ) · C / U,  z_j ~ discrete Gaussian((1 + `MARGIN`) · σ · U)

        with C the clip, σ the noise multiplier, U = `UNIT`, and ⌊ ⌋ rounding towards zero. Each person contributes
        integers with an L2 norm of at most U, so the integer sum is exact.

        Args:
            people: blocks of rows, (p, d) each; each person has exactly one row in all blocks together.
            query: the query; the call answers one of its steps.

        Raises:
            InternalError: a row is not finite, or there is no row at all.

        Privacy: Gaussian noise of multiplier σ for one person added or removed: (α, α / (2σ²)) Rényi DP for each α.
            The privacy loss of the discrete Gaussian differs from that of the continuous one by at most e^(-2π²σ²U²),
            which is below floating-point precision. The number of persons, the sum without noise and the largest norm
            are not returned.
        Reference: Dwork and Roth 2014, appendix A; Canonne, Kamath and Steinke, NeurIPS 2020, theorem 4.
        """
        return noised_sum(people, query, self.noise).answer


@dataclass(frozen=True, slots=True, kw_only=True)
class NoisedSum:
    """A noised sum with its noise and largest norm; `PrivateMechanism` returns only the answer."""

    answer: Float64  # the noised sum, (d,)
    noise: Int64  # the added noise, (d,), in steps of clip / `UNIT`
    largest: float  # the largest norm of a row as a multiple of the clip, after clipping


def noised_sum(people: Iterable[Float64], query: Query, noise: Noise) -> NoisedSum:
    """Return the noised sum with its noise and largest norm; only for `PrivateMechanism` and made-up persons."""
    total, largest = exact_sum(people, query.clip)
    added = noise.integers(len(total), (1 + MARGIN) * query.noise_multiplier * UNIT)
    answer = (total + added).astype(np.float64) * (query.clip / UNIT)
    return NoisedSum(answer=answer, noise=added, largest=largest)


def exact_sum(people: Iterable[Float64], clip: float) -> tuple[Int64, float]:
    """Return the sum in integers without noise, int64 (d,), and the largest clipped norm as a multiple of the clip.

    Privacy: both values are private, and the caller must not pass them on; see `PrivateMechanism`.
    """
    total: Int64 | None = None
    largest = 0.0
    for block in people:
        if not np.isfinite(block).all():
            raise InternalError("a person's row is not finite")
        norms = np.linalg.norm(block, axis=1)
        factor = clip / np.maximum(norms, clip)
        rows = np.trunc(block * (factor * (UNIT / clip))[:, None]).astype(np.int64)
        squares = (rows * rows).sum(axis=1)
        while (over := squares > UNIT * UNIT).any():  # rounding errors can leave a clipped row slightly too long
            rows[over] = np.trunc(rows[over] * (1 - 2.0**-40)).astype(np.int64)
            squares = (rows * rows).sum(axis=1)
        largest = max(largest, float(np.sqrt(squares.max(initial=0))) / UNIT)
        total = rows.sum(axis=0) if total is None else total + rows.sum(axis=0)
    if total is None:
        raise InternalError("there are no persons to sum over")
    return total, largest


@dataclass(slots=True, kw_only=True)
class DryRun:
    """Computes query results on made-up persons as `PrivateMechanism` does, and logs the noise and the clip norms.

    Args:
        n_persons: number of made-up persons.
        noise: a sampler of the same kind as that of the run.
        found: for each query, the squared length of each step's noise in units of its standard deviation, the number
            of coordinates, and the largest norm of a person's row after clipping.
    """

    n_persons: int
    noise: Noise
    found: dict[str, dict[str, Any]] = field(default_factory=dict)

    def __call__(self, people: Iterable[Float64], query: Query) -> Float64:
        """Return the noised sum, and log the noise."""
        found = noised_sum(people, query, self.noise)
        log = self.found.setdefault(query.name, {"noise": [], "max_norm": 0.0})
        log["dimension"] = len(found.noise)
        log["noise"].append(float(((found.noise / (query.noise_multiplier * UNIT)) ** 2).sum()))
        log["max_norm"] = max(log["max_norm"], found.largest * query.clip)
        return found.answer

    def n_coordinates(self, name: str) -> int:
        """Return the number of noise coordinates that were logged for a query."""
        log = self.found.get(name)
        return 0 if log is None else len(log["noise"]) * int(log["dimension"])

    def log(self, name: str) -> dict[str, Any]:
        """Return the log of a query in the form of `audits.attacks.accounting.mechanism_log.DryRunLog`."""
        return {"n_persons": self.n_persons, **self.found[name]}
