"""What is logged of a mechanism that runs on people who do not exist, for the `accounting` audit to test."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from synthgen.privacy.noise import Int64, Noise
from synthgen.privacy.sums import MARGIN, UNIT, Float64, Query, exact_sum, poisson_batch


@dataclass(slots=True, kw_only=True)
class TwinRun:
    """Answers queries as `PrivateAsk` does, by the same sum, noise and batches, and keeps what that one must forget.

    Args:
        n_persons: made up.
        noise: of the same kind as the run's.
        found: of each query the squared length of the noise at each time it was asked, in standard deviations; its
            coordinates; the largest norm that a person had; what sums were divided by; who took part.
    """

    n_persons: int
    noise: Noise
    found: dict[str, dict[str, Any]] = field(default_factory=dict)

    def __call__(self, people: Iterable[Float64], query: Query) -> Float64:
        """Return the noised sum, and log what was added."""
        total, largest = exact_sum(people, query.clip)
        noised = total + self.noise.integers(len(total), (1 + MARGIN) * query.noise_multiplier * UNIT)
        added = (noised - total) / (query.noise_multiplier * UNIT)
        log = self._log(query)
        log["dimension"] = len(total)
        log["noise"].append(float((added**2).sum()))
        log["max_norm"] = max(log["max_norm"], largest * query.clip)
        if query.normaliser is not None:
            log["normalisers"].append(query.normaliser)
        return noised.astype(np.float64) * (query.clip / UNIT / (query.normaliser or 1.0))

    def batch(self, persons: int, query: Query) -> Int64:
        """Return who takes part in a step, and log it."""
        drawn = poisson_batch(persons, query, self.noise)
        if query.sampling_rate < 1:
            self._log(query).setdefault("batches", []).append(drawn.tolist())
        return drawn

    def _log(self, query: Query) -> dict[str, Any]:
        return self.found.setdefault(query.name, {"noise": [], "max_norm": 0.0, "normalisers": []})

    def log(self, name: str) -> dict[str, Any]:
        """Return what was found of a query, in the form of `audits.accounting.mechanism_log.TwinLog`."""
        return {"n_persons": self.n_persons, **self.found[name]}
