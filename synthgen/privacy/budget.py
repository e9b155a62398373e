"""How much noise a budget asks for."""

from collections.abc import Mapping
from math import sqrt

import dp_accounting
from dp_accounting import pld, rdp

_WIDEST = (1e-2, 1e4)
_SLACK = 0.7  # of what Rényi divergences ask for; less than loss distributions ever save


def noise_multipliers(epsilon: float, delta: float, shares: Mapping[str, float]) -> dict[str, float]:
    """Return the noise multiplier of each query so that all of them together cost (epsilon, delta).

        σ_i = σ / √s_i,   Σ s_i = 1,   and σ the least at which one Gaussian query costs (epsilon, delta)

    The composition of Gaussian queries is a Gaussian query with 1/σ² = Σ 1/σ_i², so a query of share s gets the noise
    that it would have with all of the budget, over √s.

    Args:
        epsilon: for one person added or removed.
        delta: likewise.
        shares: of the queries, above 0; they are brought to a sum of 1.

    Source: privacy loss distributions as Google's dp-accounting computes them, rounded up; the `accounting` audit
        recomputes it from the log.
    """
    whole = sum(shares.values())
    most = _least_noise(rdp.RdpAccountant, epsilon, delta, _WIDEST)
    sigma = _least_noise(pld.PLDAccountant, epsilon, delta, (_SLACK * most, most))
    return {name: sigma / sqrt(share / whole) for name, share in shares.items()}


def _least_noise(accountant: type, epsilon: float, delta: float, between: tuple[float, float]) -> float:
    bracket = dp_accounting.ExplicitBracketInterval(*between)
    found = dp_accounting.calibrate_dp_mechanism(
        accountant, dp_accounting.GaussianDpEvent, epsilon, delta, bracket, tol=1e-6
    )
    return float(found)
