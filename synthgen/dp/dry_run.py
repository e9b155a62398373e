"""What is logged of a mechanism that runs on people who do not exist, for the `accounting` audit to test."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from synthgen.dp.noise import Noise
from synthgen.dp.noised_sums import UNIT, Float64, Query, noised_sum


@dataclass(slots=True, kw_only=True)
class DryRun:
    """Answers queries as `PrivateAsk` does, by the same functions, and keeps what that one must forget.

    Args:
        n_persons: made up.
        noise: of the same kind as the run's.
        found: of each query the squared length of the noise at each time it was asked, in standard deviations; its
            number of coordinates; and the largest norm of a person's row.
    """

    n_persons: int
    noise: Noise
    found: dict[str, dict[str, Any]] = field(default_factory=dict)

    def __call__(self, people: Iterable[Float64], query: Query) -> Float64:
        """Return the noised sum, and log what was added."""
        found, log = noised_sum(people, query, self.noise), self._log(query)
        log["dimension"] = len(found.noise)
        log["noise"].append(float(((found.noise / (query.noise_multiplier * UNIT)) ** 2).sum()))
        log["max_norm"] = max(log["max_norm"], found.largest * query.clip)
        return found.answer

    def _log(self, query: Query) -> dict[str, Any]:
        return self.found.setdefault(query.name, {"noise": [], "max_norm": 0.0})

    def log(self, name: str) -> dict[str, Any]:
        """Return what was found of a query, in the form of `audits.attacks.accounting.mechanism_log.DryRunLog`."""
        return {"n_persons": self.n_persons, **self.found[name]}
