"""Types of the differentially private method: the configured queries and the public context."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from synthgen.dp.basis import PublicBasis
from synthgen.dp.noised_sums import Query

if TYPE_CHECKING:
    from synthgen.dp.noise_multipliers import Priced


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A query before its noise is known.

    Args:
        share: of the budget, before all shares are brought to a sum of 1.
        clip: the largest L2 norm of one person's row.
        steps: how often it is asked.
        kind: as the log of the mechanism names it.
    """

    share: float
    clip: float = 1.0
    steps: int = 1
    kind: Literal["gaussian", "vote"] = "gaussian"

    def priced(self, share: float) -> "Priced":
        """Return what decides how much noise the query needs at a share of the budget."""
        from synthgen.dp.noise_multipliers import Priced  # it imports dp-accounting, which takes more than a second

        return Priced(share=share, steps=self.steps)

    def query(self, name: str, noise_multiplier: float) -> Query:
        """Return the query with its noise."""
        return Query(name=name, noise_multiplier=noise_multiplier, clip=self.clip, steps=self.steps, kind=self.kind)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PublicContext:
    """Public facts that a run may use without any noise.

    Args:
        labels: as declared, sorted.
        basis: of the encoder.
        persons: the declared, approximate number of persons in train.
    """

    labels: tuple[str, ...]
    basis: PublicBasis
    persons: int
