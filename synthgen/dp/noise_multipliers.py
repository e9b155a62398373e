"""Compute how much noise each DP query needs, so that all queries together cost the privacy budget.

A noise multiplier is the standard deviation of the noise, divided by the largest norm that one person can contribute.
"""

from collections.abc import Mapping
from functools import cache
from math import sqrt
from typing import Any

import dp_accounting
from dp_accounting import pld, rdp

from synthgen.core.errors import ConfigError
from synthgen.dp.method import QuerySpec

_RENYI_RANGE = (1e-2, 1e4)  # lower and upper end of the search for a noise multiplier with Rényi accounting
_LEAST_RATIO = 0.7  # the exact multiplier is searched between 0.7 and 1 times the Rényi multiplier
_TOLERANCE = 1e-6  # absolute tolerance of a noise multiplier


def noise_multipliers(epsilon: float, delta: float, specs: Mapping[str, QuerySpec]) -> dict[str, float]:
    """Return the noise multiplier of each query so that all queries together cost (epsilon, delta).

        σ_i = σ · √(T_i / s_i)

    Here σ is the smallest noise multiplier at which a single Gaussian query costs at most (epsilon, delta). T_i is
    the number of steps of query i, and s_i is its share divided by the sum of all shares. Together, the queries cost
    as much as one Gaussian query with 1/σ² = Σ T_i / σ_i², and the returned σ_i satisfy this equation. Epsilon and
    delta hold for one person added or removed. Raise ConfigError if no supported multiplier suffices.

    Reference: privacy loss distributions, computed by Google's dp-accounting and rounded up.
    """
    total, sigma = sum(spec.share for spec in specs.values()), _least_noise(epsilon, delta)
    return {name: sigma * sqrt(spec.steps * total / spec.share) for name, spec in specs.items()}


@cache
def _least_noise(epsilon: float, delta: float) -> float:
    # Rényi accounting overestimates the cost, so its multiplier is the upper end of the search with exact accounting
    upper = _calibrated(rdp.RdpAccountant, epsilon, delta, _RENYI_RANGE)
    return _calibrated(pld.PLDAccountant, epsilon, delta, (_LEAST_RATIO * upper, upper))


def _calibrated(accountant: Any, epsilon: float, delta: float, between: tuple[float, float]) -> float:
    bracket, event = dp_accounting.ExplicitBracketInterval(*between), dp_accounting.GaussianDpEvent
    try:
        return float(dp_accounting.calibrate_dp_mechanism(accountant, event, epsilon, delta, bracket, tol=_TOLERANCE))
    except ValueError:  # both ends of the bracket cost more than the budget, or both cost less
        raise ConfigError(
            f"dp: no amount of noise in the supported range (noise multiplier {between[0]:g} to {between[1]:g}) "
            f"gives epsilon {epsilon:g} and delta {delta:g}",
            hint="Raise a very small dp.epsilon or dp.delta, or lower a very large one.",
        ) from None
