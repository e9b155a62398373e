"""Define the parameters of DP queries, and the public facts that the queries use.

This module imports no model code, so that `synthgen budget check` works without the optional dependencies `engine`.
"""

from dataclasses import dataclass
from typing import Literal

from synthgen.dp.basis import PublicBasis
from synthgen.dp.noised_sums import Query


@dataclass(frozen=True, slots=True, kw_only=True)
class QuerySpec:
    """A DP query without its noise multiplier, which is computed from the budget."""

    share: float  # the query's share of the budget, above 0; the shares of all queries are scaled to a sum of 1
    clip: float = 1.0  # the largest L2 norm of the row (vector) that one person adds to the sum
    steps: int = 1  # number of times the query is run
    kind: Literal["gaussian", "vote"] = "gaussian"  # value of the field `kind` in the mechanism log

    def query(self, name: str, noise_multiplier: float) -> Query:
        """Return the query with its noise multiplier."""
        return Query(name=name, noise_multiplier=noise_multiplier, clip=self.clip, steps=self.steps, kind=self.kind)


VOTE = "style"  # name of the query by which persons vote for writing styles
VOTE_QUERIES = {VOTE: QuerySpec(share=0.05, kind="vote")}
CHOICE = "style.json"  # the file that names the chosen styles


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PublicContext:
    """Facts that a run may use without noise, because they do not depend on the private records."""

    labels: tuple[str, ...]  # the declared labels, sorted
    basis: PublicBasis  # the principal axes of the encoder's vectors of public text
    persons: int  # the declared lower limit of the number of persons in train
