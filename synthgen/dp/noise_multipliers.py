"""Compute the noise that a privacy budget requires."""

from collections.abc import Mapping
from functools import cache
from math import sqrt
from typing import Any

import dp_accounting
from dp_accounting import pld, rdp

from synthgen.core.errors import ConfigError
from synthgen.dp.method import QuerySpec

_WIDEST = (1e-2, 1e4)
_SLACK = 0.7  # lower end of the search, as a share of the noise that Rényi accounting requires
_EXACT = 1e-6  # tolerance of the noise multiplier


def noise_multipliers(epsilon: float, delta: float, specs: Mapping[str, QuerySpec]) -> dict[str, float]:
    """Return the noise multiplier of each step of each query so that all of them together cost (epsilon, delta).

        σ_i = σ √T_i / √s_i,   Σ s_i = 1,   and σ the least at which one Gaussian query costs (epsilon, delta)

    Epsilon and delta hold for one person added or removed. Every query sums over all persons. The composition of
    Gaussian queries is a Gaussian query with 1/σ² = Σ T_i/σ_i². A query of share s that is run T times therefore gets
    the noise of the whole budget, divided by √(s/T).

    Raises:
        ConfigError: no noise multiplier in the supported range meets the budget.

    Reference: privacy loss distributions, computed by Google's dp-accounting and rounded up; the `accounting` audit
        recomputes the cost from the log.
    """
    whole, sigma = sum(spec.share for spec in specs.values()), _least_noise(epsilon, delta)
    return {name: sigma * sqrt(spec.steps * whole / spec.share) for name, spec in specs.items()}


@cache
def _least_noise(epsilon: float, delta: float) -> float:
    """Return the least noise multiplier at which one Gaussian query costs (epsilon, delta)."""
    most = _calibrated(rdp.RdpAccountant, epsilon, delta, _WIDEST)
    return _calibrated(pld.PLDAccountant, epsilon, delta, (_SLACK * most, most))


def _calibrated(accountant: Any, epsilon: float, delta: float, between: tuple[float, float]) -> float:
    bracket, event = dp_accounting.ExplicitBracketInterval(*between), dp_accounting.GaussianDpEvent
    try:
        return float(dp_accounting.calibrate_dp_mechanism(accountant, event, epsilon, delta, bracket, tol=_EXACT))
    except ValueError:  # both ends of the bracket cost more, or both cost less
        raise ConfigError(
            f"dp: no noise of {between[0]:g} to {between[1]:g} clip norms was found with a cost of "
            f"epsilon {epsilon:g}, delta {delta:g}",
            hint="Raise dp.epsilon or dp.delta.",
        ) from None
