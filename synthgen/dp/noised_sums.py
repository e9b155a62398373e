"""Answer DP queries by the project's only DP mechanism: sum one clipped row per person, and add Gaussian noise.

A row is a vector. It is scaled down if its norm exceeds the clip norm, and then rounded to integers, so that the sum
is exact. Noise from the discrete Gaussian distribution is added to each entry of the sum. The answer is the noised
sum, scaled back to the unit of the rows. `DeclaredQueries` refuses all queries that a run did not declare.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np

from synthgen.core.errors import InternalError
from synthgen.core.seeds import SeedTree
from synthgen.core.types import Float64, Int64

# Rows are scaled so that the clip norm becomes this number, and then rounded to integers. The sums fit into 64-bit
# integers, and the rounding error is far below the noise.
UNIT = 1 << 24
# The drawn noise has a standard deviation larger by this share than the accounted noise. The margin covers rounding
# errors: one matrix product computes the rows of many persons, so the last bits of a row depend on the other persons.
MARGIN = 3e-4


class Noise(Protocol):
    """A source of integer noise."""

    seed: str | None  # the key of the random stream of the noise, in hex; None if the noise has no seed

    def integers(self, n: int, scale: float) -> Int64:
        """Return n independent integers x with P(x) ∝ exp(-x² / (2 scale²)), int64 (n,)."""


class SecureNoise:
    """Draws discrete Gaussian noise with OpenDP's sampler and the operating system's generator, without a seed.

    The noise is never rounded, because the last bits of rounded noise can reveal the exact sum (Mironov, CCS 2012).

    Reference: Canonne, Kamath and Steinke, NeurIPS 2020, algorithm 3, as OpenDP implements it.
    """

    seed: str | None = None

    def integers(self, n: int, scale: float) -> Int64:
        """See `Noise.integers`."""
        import opendp.prelude as opendp  # only DP runs need this import, which takes half a second

        opendp.enable_features("contrib")
        domain = opendp.vector_domain(opendp.atom_domain(T="i64"), size=n)
        draw = opendp.m.make_gaussian(domain, opendp.l2_distance(T="f64"), scale=scale)
        return np.array(draw([0] * n), dtype=np.int64)


class StreamNoise:
    """Draws rounded Gaussian noise from a named random stream, for tests and studies; each call continues the stream.

    Privacy: none, because anyone who knows the stream can subtract the noise.
    """

    def __init__(self, seeds: SeedTree) -> None:
        self.seed: str | None = seeds.key().hex()
        self._generator = seeds.generator()

    def integers(self, n: int, scale: float) -> Int64:
        """See `Noise.integers`."""
        return np.rint(self._generator.normal(0.0, scale, n)).astype(np.int64)


def refuse_reproducible(noise: Noise) -> None:
    """Raise InternalError if `noise` is not `SecureNoise`, or if two new `SecureNoise` draw the same numbers."""
    first, second = (SecureNoise().integers(8, UNIT) for _ in range(2))
    if type(noise) is not SecureNoise or np.array_equal(first, second):
        raise InternalError("the noise of a DP run is reproducible, so the run was stopped before it drew noise")


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """The parameters of a DP query; each of its `steps` is one noised sum."""

    name: str
    noise_multiplier: float  # standard deviation of the noise as a multiple of `clip`
    clip: float = 1.0  # the clip norm: the largest L2 norm of one person's row
    steps: int = 1  # number of times the query is run
    kind: Literal["gaussian", "vote"] = "gaussian"  # value of the field `kind` in the mechanism log


# A function of the rows of all persons and a query. It returns the answer to one step of the query, float64 (d,).
# `PrivateMechanism` gives the answers that a run uses. The tests in `synthgen.dp.replay` use other mechanisms.
QueryMechanism = Callable[[Iterable[Float64], Query], Float64]


@dataclass(frozen=True, slots=True)
class PrivateMechanism:
    """Answers DP queries with noised sums."""

    noise: Noise

    def __call__(self, people: Iterable[Float64], query: Query) -> Float64:
        r"""Return the sum of the clipped rows of all persons plus Gaussian noise, float64 (d,).

            ( Σ_p ⌊ x_p · min(1, C / ‖x_p‖₂) · U / C ⌋ + z ) · C / U,  z_j ~ discrete Gaussian((1 + `MARGIN`) · σ · U)

        Here x_p is the row of person p, C the clip norm, σ the noise multiplier, U = `UNIT`, z_j entry j of the noise
        z, and ⌊ ⌋ rounds towards zero. Each person adds an integer vector with an L2 norm of at most U.

        Args:
            people: blocks of rows; a block of b persons is (b, d). All blocks together contain one row per person.
            query: the query; the call answers one of its steps.

        Raises:
            InternalError: a row is not finite, or there is no row.

        Privacy: Gaussian noise of multiplier σ for one person added or removed: (α, α / (2σ²)) Rényi DP for each α.
            The privacy losses of the discrete and the continuous Gaussian differ by at most e^(-2π²σ²U²), which is
            below floating-point precision.
        Reference: Dwork and Roth 2014, appendix A; Canonne, Kamath and Steinke, NeurIPS 2020, theorem 4.
        """
        return answer_of(add_noise(exact_sum(people, query.clip), query, self.noise), query)


@dataclass(slots=True, kw_only=True)
class DeclaredQueries:
    """Passes declared queries to a mechanism, and refuses every query or step that is not declared.

    The caller must call `refuse_incomplete` before it records a result in the ledger.
    """

    declared: Mapping[str, Query]  # declared queries by name
    n_persons: int  # number of distinct persons that are queried
    mechanism: QueryMechanism
    requested: Counter[str] = field(default_factory=Counter)  # by query name: number of requested steps
    problems: list[str] = field(default_factory=list)  # one message per refusal

    def __call__(self, people: Iterable[Float64], query: Query) -> Float64:
        """Return the answer of the mechanism to one step of a query.

        Raises:
            InternalError: the query or the step is not declared, or the number of rows is not `n_persons`.
        """
        self.requested[query.name] += 1
        if query.name not in self.declared:
            self._refuse(f"{query.name}: the query is not declared")
        if query != self.declared[query.name]:
            self._refuse(f"{query.name}: the noise, the steps or the clip norm differ from the declared query")
        if self.requested[query.name] > query.steps:
            self._refuse(f"{query.name}: more than the {query.steps} declared steps were requested")
        return self.mechanism(self._counted(people, query), query)

    def refuse_incomplete(self) -> None:
        """Raise InternalError unless exactly the declared steps of the declared queries were requested."""
        steps = {name: query.steps for name, query in self.declared.items()}
        wrong = {name: n for name, n in {**dict.fromkeys(steps, 0), **self.requested}.items() if n != steps.get(name)}
        problems = [
            f"{name}: requested steps: {n}, declared steps: {steps.get(name, 0)}" for name, n in wrong.items()
        ]
        if problems or self.problems:
            raise _undeclared([*self.problems, *problems])

    def _counted(self, people: Iterable[Float64], query: Query) -> Iterator[Float64]:
        n_rows = 0
        for block in people:
            n_rows += len(block)
            yield block
        if n_rows != self.n_persons:  # the numbers are private, so the message omits them
            self._refuse(f"{query.name}: the number of rows is not the number of persons")

    def _refuse(self, problem: str) -> None:
        self.problems.append(problem)
        raise _undeclared([problem])


def _undeclared(problems: list[str]) -> InternalError:
    return InternalError(
        "the DP queries differ from the declared queries, so nothing is released",
        problems=problems,
        hint="Report this bug. If the noise was drawn, the budget counts as spent.",
    )


def exact_sum(people: Iterable[Float64], clip: float) -> Int64:
    """Return the sum of the clipped rows without noise, in integer multiples of clip / `UNIT`, int64 (d,).

    The sum is private. Raise InternalError if a row is not finite, or if there is no row.
    """
    total: Int64 | None = None
    for block in people:
        norms, columns = np.linalg.norm(block, axis=1), np.flatnonzero(block.any(axis=0))  # most columns can be zero
        if not np.isfinite(norms).all():
            raise InternalError("the contribution of a person to a DP query contains a number that is not finite")
        factor = clip / np.maximum(norms, clip)
        rows = np.trunc(block[:, columns] * (factor * (UNIT / clip))[:, None]).astype(np.int64)
        while (over := (rows * rows).sum(axis=1) > UNIT * UNIT).any():  # rounding can raise a norm above `UNIT`
            rows[over] = np.trunc(rows[over] * (1 - 2.0**-40)).astype(np.int64)
        total = np.zeros(block.shape[1], dtype=np.int64) if total is None else total
        total[columns] += rows.sum(axis=0)
    if total is None:
        raise InternalError("a DP query received no persons")
    return total


def add_noise(total: Int64, query: Query, noise: Noise) -> Int64:
    """Return the exact sum `total` plus the noise of one step of a query, int64 (d,)."""
    return total + noise.integers(len(total), (1 + MARGIN) * query.noise_multiplier * UNIT)


def answer_of(noised: Int64, query: Query) -> Float64:
    """Return the answer: a noised sum, converted from integers to the unit of the rows, float64 (d,)."""
    return noised.astype(np.float64) * (query.clip / UNIT)
