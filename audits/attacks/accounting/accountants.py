"""Compute the epsilon that differentially private (DP) mechanisms spend together at a given delta.

Several methods (accountants) without common code compute epsilon, so that an error in one method is noticed. Epsilon
is valid for adaptive composition in any order. Neighbouring data sets differ by one person added or removed.
"""

import importlib
import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from scipy import optimize
from scipy.special import gammaln, log_ndtr, logsumexp

from audits.attacks.accounting.mechanism_log import MechanismCost, PrivacyBudget
from audits.attacks.accounting.prv import prv_bounds
from audits.core.errors import NotMeasurable
from audits.core.types import Float

# orders of the Rényi divergences over which epsilon is minimised
ORDERS = (*range(2, 65), 72, 80, 96, 128, 192, 256, 384, 512, 768, 1024, 2048)
MAX_EPSILON = 100.0  # if `rdp_epsilon` is larger, `pld_epsilon` is not computed: it would take much memory
GRID = 1e-4  # spacing of the discretised privacy loss; if `rdp_epsilon` is above 10, multiplied by `rdp_epsilon` / 10
ROUNDING = 1e-9  # delta counts as used up if at most this share of delta is left


class EpsilonBounds(NamedTuple):
    """Upper bounds on the epsilon of mechanisms at one delta, by accountant. The bounds do not include `added`."""

    closed: float | None  # exact value (closed form) for Gaussian noise without sampling, else None
    pld: float | None  # by privacy loss distributions; None if `rdp` exceeds `MAX_EPSILON` or delta is too small
    rdp: float  # by Rényi divergences
    added: float  # sum of the epsilons of the budgets (accesses of known cost, but unknown mechanism)
    prv: float | None = None  # by privacy loss random variables; None if it could not be computed
    prv_low: float | None = None  # lower bound by privacy loss random variables
    prv_absent: str = "not requested"  # why `prv` is None; empty if it was computed

    @property
    def upper(self) -> float:
        """The smallest bound plus `added`, without `prv`: the verdict must not depend on an optional library."""
        return min(bound for bound in (self.closed, self.pld, self.rdp) if bound is not None) + self.added


def epsilon_bounds(
    costs: Sequence[MechanismCost], budgets: Sequence[PrivacyBudget] = (), *, delta: float
) -> EpsilonBounds | None:
    """Return the joint epsilon of all costs and budgets by each accountant, or None if the budgets use up delta.

    A budget is the cost of an access whose mechanism is not known. The epsilons of the budgets are added up (Dwork
    and Roth 2014, theorem B.1). The mechanisms are composed at `delta` minus the deltas of the budgets.

    Raises:
        NotMeasurable: the package `dp-accounting` is missing.

    Cost: seconds, mostly to convolve the privacy loss distributions of sampled mechanisms.
    """
    bounds = epsilon_without_prv(costs, budgets, delta=delta)
    if bounds is None:
        return None
    prv = prv_bounds(costs, delta=_remaining(delta, budgets), approximate_epsilon=bounds.rdp)
    return bounds._replace(prv=prv.high, prv_low=prv.low, prv_absent=prv.missing_because)


def epsilon_without_prv(
    costs: Sequence[MechanismCost], budgets: Sequence[PrivacyBudget] = (), *, delta: float
) -> EpsilonBounds | None:
    """Return the result of `epsilon_bounds` without `prv` and `prv_low`, which need Opacus.

    Raises:
        NotMeasurable: the package `dp-accounting` is missing.
    """
    left = _remaining(delta, budgets)
    if left <= delta * ROUNDING:
        return None
    rdp = rdp_epsilon(costs, delta=left)
    pld = pld_epsilon(costs, delta=left, grid=GRID * max(1.0, rdp / 10)) if rdp <= MAX_EPSILON else math.inf
    return EpsilonBounds(
        closed=closed_epsilon(costs, delta=left),
        pld=pld if math.isfinite(pld) else None,
        rdp=rdp,
        added=math.fsum(budget.epsilon for budget in budgets),
    )


def joint_epsilon(costs: Sequence[MechanismCost], *, delta: float) -> float:
    """Return the joint epsilon of all mechanisms at one delta; 0 without a mechanism.

    The result is exact if all noise is Gaussian and no mechanism samples persons. Otherwise, it is an upper bound.

    Raises:
        NotMeasurable: the epsilon has no closed form, and the package `dp-accounting` is missing.
    """
    closed = closed_epsilon(costs, delta=delta)
    if closed is not None:
        return closed
    bounds = epsilon_without_prv(costs, delta=delta)
    return math.inf if bounds is None else bounds.upper


def closed_epsilon(costs: Sequence[MechanismCost], *, delta: float) -> float | None:
    """Return the exact joint epsilon if all mechanisms are Gaussian without sampling, else None.

    Together, the mechanisms cost as much as one step of Gaussian noise with the noise multiplier 1 / mu:

        mu² = sum over mechanisms of steps / noise_multiplier²

    Reference: Dong, Roth and Su, J. R. Statist. Soc. B 2022, corollary 3.3, with `gaussian_epsilon`.
    """
    mu = _joint_mu(costs)
    return None if mu is None else gaussian_epsilon(mu, delta=delta) if costs else 0.0


def equivalent_costs(costs: Sequence[MechanismCost]) -> Sequence[MechanismCost]:
    """Return one Gaussian mechanism that costs as much as all in `costs`; without a closed form, return `costs`."""
    mu = _joint_mu(costs)
    if not costs or mu is None:
        return costs
    return (MechanismCost(kind="gaussian", noise_multiplier=1 / mu, sampling_rate=1.0, steps=1),)


def _joint_mu(costs: Sequence[MechanismCost]) -> float | None:
    if any(cost.kind == "laplace" or cost.sampling_rate != 1 for cost in costs):
        return None
    # fsum, so that the sum does not depend on the order of the mechanisms
    return math.sqrt(math.fsum(cost.steps / cost.noise_multiplier**2 for cost in costs))


def _remaining(delta: float, budgets: Sequence[PrivacyBudget]) -> float:
    return delta - math.fsum(budget.delta for budget in budgets)


def pld_epsilon(costs: Sequence[MechanismCost], *, delta: float, grid: float = GRID) -> float:
    """Return epsilon by privacy loss distributions, discretised pessimistically with spacing `grid`.

    Raises:
        NotMeasurable: the package `dp-accounting` is missing.

    Reference: Doroshenko et al., "Connect the dots", PETS 2022, as Google's dp-accounting implements it.
    """
    _library()
    parameters = ((cost.kind == "laplace", cost.noise_multiplier, cost.sampling_rate, cost.steps) for cost in costs)
    return _pld_epsilon(tuple(parameters), delta, grid)


# cached, because a run computes the same composition when it plans, reserves, audits, releases and verifies
@lru_cache(maxsize=256)
def _pld_epsilon(costs: tuple[tuple[bool, float, float, int], ...], delta: float, grid: float) -> float:
    library, pld = _library()
    accountant = pld.PLDAccountant(value_discretization_interval=grid)
    for is_laplace, noise_multiplier, sampling_rate, steps in costs:
        event = (library.LaplaceDpEvent if is_laplace else library.GaussianDpEvent)(noise_multiplier)
        if sampling_rate < 1:
            event = library.PoissonSampledDpEvent(sampling_rate, event)
        accountant.compose(event, steps)
    return float(accountant.get_epsilon(delta))


def rdp_epsilon(costs: Sequence[MechanismCost], *, delta: float) -> float:
    """Return epsilon by the Rényi divergences D_a (`renyi_divergences`), minimised over the orders a in `ORDERS`.

        epsilon = max(0, min_a [ sum over mechanisms of steps·D_a + ln(1 - 1/a) - ln(a·delta) / (a - 1) ])

    Reference: Canonne, Kamath and Steinke, arXiv 2004.00010, proposition 12.
    """
    a = np.array(ORDERS, dtype=np.float64)
    total = np.sum([cost.steps * renyi_divergences(cost) for cost in costs], axis=0)
    return max(0.0, float(np.min(total + np.log1p(-1 / a) - np.log(a * delta) / (a - 1))))


def renyi_divergences(cost: MechanismCost) -> Float:
    """Return the Rényi divergence D_a of one step for each order a in `ORDERS`; (orders,).

    With s the noise multiplier, q the sampling rate, C(a, k) the binomial coefficient and k = 0, ..., a:

    Gaussian:  a / (2·s²)
    Poisson-sampled Gaussian:  ln( sum_k C(a, k)·(1 - q)^(a - k)·q^k·exp(k·(k - 1) / (2·s²)) ) / (a - 1)
    Laplace:  ln( a / (2·a - 1)·e^((a - 1) / s) + (a - 1) / (2·a - 1)·e^(-a / s) ) / (a - 1)

    Reference: Mironov, CSF 2017, table II, for Gaussian and Laplace; Mironov, Talwar and Zhang, arXiv 1908.10530,
        section 3.3, for integer orders of the sampled Gaussian.
    """
    s, q = cost.noise_multiplier, cost.sampling_rate
    a = np.array(ORDERS, dtype=np.float64)
    if cost.kind == "laplace":
        terms = np.stack([np.log(a / (2 * a - 1)) + (a - 1) / s, np.log((a - 1) / (2 * a - 1)) - a / s])
        return np.asarray(logsumexp(terms, axis=0) / (a - 1))
    if q == 1:
        return a / (2 * s * s)

    def sampled(order: int) -> float:
        k = np.arange(order + 1)
        choose = gammaln(order + 1) - gammaln(k + 1) - gammaln(order - k + 1)
        terms = choose + (order - k) * math.log1p(-q) + k * math.log(q) + k * (k - 1) / (2 * s * s)
        return max(0.0, float(logsumexp(terms))) / (order - 1)

    return np.array([sampled(order) for order in ORDERS])


def gaussian_delta(epsilon: float, mu: float) -> float:
    """Return delta of Gaussian noise: Phi(-epsilon/mu + mu/2) - e^epsilon·Phi(-epsilon/mu - mu/2).

    Phi is the normal distribution function, and mu = sqrt(n) / s for n steps with noise multiplier s.

    Reference: Balle and Wang, ICML 2018, theorem 8.
    """
    first = float(log_ndtr(mu / 2 - epsilon / mu))
    second = epsilon + float(log_ndtr(-mu / 2 - epsilon / mu))
    return -math.expm1(min(0.0, second - first)) * math.exp(first)


def gaussian_epsilon(mu: float, *, delta: float) -> float:
    """Return the smallest epsilon at which Gaussian noise with this mu (`gaussian_delta`) has at most this delta."""
    if gaussian_delta(0.0, mu) <= delta:
        return 0.0
    # an upper bound on the result: Bun and Steinke 2016, proposition 1.3, with rho = mu² / 2
    upper = mu * mu / 2 + mu * math.sqrt(2 * math.log(1 / delta))
    return float(optimize.brentq(lambda epsilon: gaussian_delta(epsilon, mu) - delta, 0.0, upper, xtol=1e-12))


def gaussian_mu(epsilon: float, *, delta: float) -> float:
    """Return the largest mu (see `gaussian_delta`) at which Gaussian noise costs at most this epsilon and delta."""
    upper = 1.0
    while gaussian_delta(epsilon, upper) < delta:
        upper *= 2
    return float(optimize.brentq(lambda mu: gaussian_delta(epsilon, mu) - delta, upper * 1e-9, upper, xtol=1e-12))


def further_epsilon(spent: float, *, limit: float, delta: float) -> float:
    """Return the largest epsilon that one more Gaussian run may have, or 0 if the earlier runs reach the limit.

    `limit` is the largest joint epsilon of all runs, and `spent` the joint epsilon of the earlier runs, all at
    `delta`. The squares of mu add up: mu² of the new run is `gaussian_mu(limit)`² - `gaussian_mu(spent)`².
    """
    left = gaussian_mu(limit, delta=delta) ** 2 - (gaussian_mu(spent, delta=delta) ** 2 if spent > 0 else 0.0)
    return gaussian_epsilon(math.sqrt(left), delta=delta) if left > 0 else 0.0


def _library() -> tuple[Any, Any]:
    try:
        return importlib.import_module("dp_accounting"), importlib.import_module("dp_accounting.pld")
    except ImportError as error:
        message = "the package dp-accounting, which recomputes epsilon, is not installed: pip install dp-accounting"
        raise NotMeasurable(message) from error
