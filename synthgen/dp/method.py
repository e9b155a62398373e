"""What a differentially private method is: questions to the persons, and what new vectors are drawn from."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from synthgen.core.seeds import SeedTree
from synthgen.core.types import Float32, Latents
from synthgen.dp.basis import PublicBasis
from synthgen.dp.noised_sums import Ask, Query
from synthgen.dp.person_rows import PersonRows

if TYPE_CHECKING:
    from synthgen.dp.noise_multipliers import Priced

# Writes texts of vectors, float32 (n, d), in classes, and returns the vectors of the texts; draws from the stream.
Write = Callable[[Float32, Sequence[str], SeedTree], Float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A question, before it is known how much noise its answer gets.

    Args:
        share: of the budget, before all shares are brought to a sum of 1.
        clip: the largest L2 norm of one person's row.
        steps: how often it is asked.
        batch: persons of a step on average, each drawn by a coin; None for everyone.
        kind: as the log of the mechanism names it.
    """

    share: float
    clip: float = 1.0
    steps: int = 1
    batch: int | None = None
    kind: Literal["gaussian", "vote", "dp-sgd"] = "gaussian"

    def rate(self, persons: int) -> float:
        """Return the chance of each person to take part in a step, of the declared number of persons."""
        return 1.0 if self.batch is None else min(1.0, self.batch / persons)

    def priced(self, share: float, persons: int) -> "Priced":
        """Return what decides how much noise it needs."""
        from synthgen.dp.noise_multipliers import Priced  # it imports dp-accounting, which takes more than a second

        return Priced(share=share, steps=self.steps, sampling_rate=self.rate(persons))

    def query(self, name: str, noise_multiplier: float, persons: int) -> Query:
        """Return the query that a step of it is."""
        rate = self.rate(persons)
        return Query(
            name=name,
            noise_multiplier=noise_multiplier,
            clip=self.clip,
            steps=self.steps,
            sampling_rate=rate,
            normaliser=rate * persons if self.kind == "dp-sgd" else None,
            kind=self.kind,
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PublicContext:
    """What everybody may know.

    Args:
        labels: as declared, sorted.
        basis: of the encoder.
        persons: how many there are in train, about, as declared.
        write: of a method whose persons look at texts.
        seeds: what is drawn beside the noise.
    """

    labels: tuple[str, ...]
    basis: PublicBasis
    persons: int
    write: Write
    seeds: SeedTree


class Learned(Protocol):
    """What was learned: noised, so whatever is computed from it costs nothing more."""

    def sample(self, counts: Mapping[str, int], rng: SeedTree) -> Latents:
        """Return exactly `counts[label]` new vectors of each label; asking for more keeps the first ones.

        They have no parents: no record of anybody is in any of them by more than the noise allows.
        """
        ...

    def save(self, folder: Path) -> None:
        """Write it into a folder; what is public is not in it."""
        ...


class PrivateMethod(Protocol):
    """A method, as its module has it."""

    NAME: str
    ASKED: Mapping[str, Asked]

    def learn(self, people: PersonRows, context: PublicContext, queries: Mapping[str, Query], ask: Ask) -> Learned:
        """Return what the persons' noised answers say; asks each of `ASKED` as often as it says, and nothing else."""
        ...

    def read(self, folder: Path, context: PublicContext) -> Learned:
        """Return what `Learned.save` wrote."""
        ...
