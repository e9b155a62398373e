"""The noise that a budget of differential privacy requires."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from math import sqrt
from typing import Any

import dp_accounting
from dp_accounting import pld, rdp

from synthgen.core.errors import ConfigError

_WIDEST = (1e-2, 1e4)
_SLACK = 0.7  # of what Rényi divergences ask for; less than loss distributions ever save
_EXACT = 1e-6  # of the noise


@dataclass(frozen=True, slots=True, kw_only=True)
class Priced:
    """What decides how much noise a query needs.

    Args:
        share: of the budget, above 0; the shares of all queries are brought to a sum of 1.
        steps: how often it is asked.
    """

    share: float
    steps: int = 1


def noise_multipliers(epsilon: float, delta: float, asked: Mapping[str, Priced]) -> dict[str, float]:
    """Return the noise multiplier of each step of each query so that all of them together cost (epsilon, delta).

        σ_i = σ √T_i / √s_i,   Σ s_i = 1,   and σ the least at which one Gaussian query costs (epsilon, delta)

    Every query sums over all persons. The composition of Gaussian queries is a Gaussian query with 1/σ² = Σ T_i/σ_i²,
    so a query of share s asked T times gets the noise that it would have with all of the budget, over √(s/T).

    Args:
        epsilon: for one person added or removed.
        delta: likewise.
        asked: the queries.

    Raises:
        ConfigError: no noise that could be used meets the budget.

    Source: privacy loss distributions as Google's dp-accounting computes them, rounded up; the `accounting` audit
        recomputes it from the log.
    """
    whole, sigma = sum(query.share for query in asked.values()), _least_noise(epsilon, delta)
    return {name: sigma * sqrt(query.steps * whole / query.share) for name, query in asked.items()}


@cache
def _least_noise(epsilon: float, delta: float) -> float:
    """Return the least noise multiplier at which one Gaussian query costs (epsilon, delta)."""
    most = _calibrated(rdp.RdpAccountant, epsilon, delta, _WIDEST)
    return _calibrated(pld.PLDAccountant, epsilon, delta, (_SLACK * most, most))


def _calibrated(accountant: Any, epsilon: float, delta: float, between: tuple[float, float]) -> float:
    bracket = dp_accounting.ExplicitBracketInterval(*between)
    try:
        found = dp_accounting.calibrate_dp_mechanism(
            accountant, dp_accounting.GaussianDpEvent, epsilon, delta, bracket, tol=_EXACT
        )
    except ValueError:  # the ends of the bracket cost both more, or both less
        raise ConfigError(
            f"dp: no noise of {between[0]:g} to {between[1]:g} clip norms was found that costs epsilon {epsilon:g}, "
            f"delta {delta:g}",
            hint="Raise dp.epsilon or dp.delta.",
        ) from None
    return float(found)
