"""Run DP queries on made-up persons and log noise and norms for the `accounting` audit."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from synthgen.dp.noise import Noise
from synthgen.dp.noised_sums import UNIT, Float64, Query, noised_sum


@dataclass(slots=True, kw_only=True)
class DryRun:
    """Computes query results as `PrivateMechanism` does, and logs what must stay private in a real run.

    Args:
        n_persons: number of made-up persons.
        noise: a sampler of the same kind as the run's.
        found: for each query, the squared length of the noise of each step in standard deviations, the number of
            coordinates, and the largest norm of a person's row.
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

    def log(self, name: str) -> dict[str, Any]:
        """Return the log of a query in the form of `audits.attacks.accounting.mechanism_log.DryRunLog`."""
        return {"n_persons": self.n_persons, **self.found[name]}
