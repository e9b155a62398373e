"""How much noise a budget asks for."""

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
_EXACT, _NEAR = 1e-6, 1e-3  # of the noise
# Whole ones, which have a closed form where persons are sampled.
_ORDERS = (*range(2, 33), 40, 48, 64, 96, 128, 256, 1024)
# Of an epsilon below 1: grid of the losses of sampled steps, rounded up, so a coarser one asks for more noise.
_COARSE = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True)
class Priced:
    """What decides how much noise a query needs.

    Args:
        share: of the budget, above 0; the shares of all queries are brought to a sum of 1.
        steps: how often it is asked.
        sampling_rate: the chance of each person to take part in a step.
    """

    share: float
    steps: int = 1
    sampling_rate: float = 1.0


def noise_multipliers(epsilon: float, delta: float, asked: Mapping[str, Priced]) -> dict[str, float]:
    """Return the noise multiplier of each step of each query so that all of them together cost (epsilon, delta).

        σ_i = σ √T_i / √s_i,   Σ s_i = 1,   and σ the least at which one Gaussian query costs (epsilon, delta)

    The composition of Gaussian queries is a Gaussian query with 1/σ² = Σ T_i/σ_i², so a query of share s asked T
    times gets the noise that it would have with all of the budget, over √(s/T). One whose persons are sampled gets
    the noise at which its T steps alone cost, by Rényi divergences, what they would cost unsampled; then the noise of
    all queries is brought by one factor to where they cost (epsilon, delta) together.

    Args:
        epsilon: for one person added or removed.
        delta: likewise.
        asked: the queries.

    Raises:
        ConfigError: no noise that could be used meets the budget.

    Source: privacy loss distributions as Google's dp-accounting computes them, rounded up; the `accounting` audit
        recomputes it from the log.
    """
    return dict(_multipliers(epsilon, delta, tuple(asked.items())))


@cache
def _multipliers(
    epsilon: float, delta: float, asked: tuple[tuple[str, Priced], ...]
) -> tuple[tuple[str, float], ...]:
    whole = sum(query.share for _, query in asked)
    most = _least_noise(rdp.RdpAccountant, epsilon, delta, dp_accounting.GaussianDpEvent, _WIDEST, _EXACT)
    if all(query.sampling_rate == 1 for _, query in asked):
        sigma = _least_noise(
            pld.PLDAccountant, epsilon, delta, dp_accounting.GaussianDpEvent, (_SLACK * most, most), _EXACT
        )
        return tuple((name, sigma * sqrt(query.steps * whole / query.share)) for name, query in asked)
    bases = {name: _base(query, most / sqrt(query.share / whole), delta) for name, query in asked}

    def together(factor: float) -> dp_accounting.DpEvent:
        return dp_accounting.ComposedDpEvent([_event(query, factor * bases[name]) for name, query in asked])

    def coarse() -> Any:
        return pld.PLDAccountant(value_discretization_interval=_COARSE * min(1.0, epsilon))

    top = _least_noise(_renyi, epsilon, delta, together, (0.1, 10.0), _NEAR)
    factor = _least_noise(coarse, epsilon, delta, together, (_SLACK * top, top), _NEAR)
    return tuple((name, factor * bases[name]) for name, _ in asked)


def _base(query: Priced, alone: float, delta: float) -> float:
    """Return the noise of each step at which all cost what one Gaussian query of noise `alone` does."""
    if query.sampling_rate == 1:
        return alone * sqrt(query.steps)
    accountant = _renyi()
    accountant.compose(dp_accounting.GaussianDpEvent(alone))
    epsilon = accountant.get_epsilon(delta)

    def event(sigma: float) -> dp_accounting.DpEvent:
        return _event(query, sigma)

    return _least_noise(_renyi, epsilon, delta, event, (0.3, alone * sqrt(query.steps)), _NEAR)


def _event(query: Priced, sigma: float) -> dp_accounting.DpEvent:
    event = dp_accounting.GaussianDpEvent(sigma)
    if query.sampling_rate < 1:
        event = dp_accounting.PoissonSampledDpEvent(query.sampling_rate, event)
    return dp_accounting.SelfComposedDpEvent(event, query.steps)


def _renyi() -> Any:
    return rdp.RdpAccountant(_ORDERS)


def _least_noise(
    accountant: Any, epsilon: float, delta: float, event: object, between: tuple[float, float], exact: float
) -> float:
    bracket = dp_accounting.ExplicitBracketInterval(*between)
    try:
        return float(dp_accounting.calibrate_dp_mechanism(accountant, event, epsilon, delta, bracket, tol=exact))
    except ValueError:  # the ends of the bracket cost both more, or both less
        raise ConfigError(
            f"dp: no noise of {between[0]:g} to {between[1]:g} clip norms was found that costs epsilon {epsilon:g}, "
            f"delta {delta:g}",
            hint="Check epsilon, delta and persons; where persons are drawn, more of a batch may help.",
        ) from None
