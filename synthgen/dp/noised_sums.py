"""The one way in which anything is learned from persons under differential privacy: a noised sum of clipped rows."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from synthgen.core.errors import InternalError
from synthgen.dp.noise import Int64, Noise

UNIT = 1 << 24  # grid steps in one clip norm: coarse enough for whole numbers of 64 bits, finer than any use
# More noise than is accounted for: the last bits of what is computed for many persons at once owe something to how
# many they are: products of matrices. Vectors and votes do not: texts are read by themselves, see
# `synthgen.pipeline.job.Job.encoder`.
MARGIN = 3e-4
Float64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A noised sum, as it is accounted for.

    Args:
        name: of what is asked.
        noise_multiplier: standard deviation of the noise in clip norms.
        clip: the largest L2 norm of one person's row.
        steps: how often it is asked.
        kind: as the log of the mechanism names it.
    """

    name: str
    noise_multiplier: float
    clip: float = 1.0
    steps: int = 1
    kind: Literal["gaussian", "vote"] = "gaussian"


# Returns one step's noised sum over the rows of all persons, float64 (d,); see `private_sum`. A run answers with
# `PrivateAsk`, and its dry run on made-up persons with `DryRun`.
Ask = Callable[[Iterable[Float64], Query], Float64]


class PrivateAsk:
    """Asks with noise.

    Args:
        noise: where the noise comes from.
    """

    def __init__(self, noise: Noise) -> None:
        self._noise = noise

    def __call__(self, people: Iterable[Float64], query: Query) -> Float64:
        """Return one step's noised sum."""
        return private_sum(people, query, self._noise)


def private_sum(people: Iterable[Float64], query: Query, noise: Noise) -> Float64:
    r"""Return the sum over persons of their rows, each clipped, with Gaussian noise; float64 (d,).

        ( Σ_p ⌊ x_p min(1, C / ‖x_p‖₂) · U / C ⌋ + z ) · C / U,  z_j ~ discrete Gaussian((1 + `MARGIN`) σ U)

    with C the clip, σ the noise multiplier, U = `UNIT`, and ⌊ ⌋ towards zero, so that in whole
    numbers nobody adds more than U in L2 norm and the sum is exact.

    Args:
        people: blocks of rows, (p, d) each; every person has one row in all of them.
        query: what is asked.
        noise: where it comes from.

    Raises:
        InternalError: a row is not finite, or there is no row at all.

    Privacy: Gaussian noise of multiplier σ for one person added or removed: (α, α / (2σ²)) of Rényi for each α. The
        privacy loss of the discrete Gaussian is that of the continuous one to within e^(-2π²σ²U²), which no number
        of this program resolves. The number of persons, the sum without noise and the largest norm are not returned.
    Source: Dwork and Roth 2014, appendix A; Canonne, Kamath and Steinke, NeurIPS 2020, theorem 4.
    """
    return noised_sum(people, query, noise).answer


@dataclass(frozen=True, slots=True, kw_only=True)
class NoisedSum:
    """A noised sum and what went into it, of which the answer alone may leave `private_sum`.

    Args:
        answer: see `private_sum`; float64 (d,).
        noise: that was added, int64 (d,), in whole numbers of which the clip has `UNIT`.
        largest: norm of a row in clip norms.
    """

    answer: Float64
    noise: Int64
    largest: float


def noised_sum(people: Iterable[Float64], query: Query, noise: Noise) -> NoisedSum:
    """Return what `private_sum` answers with what it must forget; for it, and for people who do not exist."""
    total, largest = exact_sum(people, query.clip)
    added = noise.integers(len(total), (1 + MARGIN) * query.noise_multiplier * UNIT)
    answer = (total + added).astype(np.float64) * (query.clip / UNIT)
    return NoisedSum(answer=answer, noise=added, largest=largest)


def exact_sum(people: Iterable[Float64], clip: float) -> tuple[Int64, float]:
    """Return the sum in whole numbers without noise, int64 (d,), and the largest norm of a row in clip norms.

    Privacy: neither may leave the function that calls; see `private_sum`.
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
        while (over := squares > UNIT * UNIT).any():  # by rounding alone
            rows[over] = np.trunc(rows[over] * (1 - 2.0**-40)).astype(np.int64)
            squares = (rows * rows).sum(axis=1)
        largest = max(largest, float(np.sqrt(squares.max(initial=0))) / UNIT)
        total = rows.sum(axis=0) if total is None else total + rows.sum(axis=0)
    if total is None:
        raise InternalError("there are no persons to sum over")
    return total, largest
