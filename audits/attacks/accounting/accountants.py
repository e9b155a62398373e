"""Compute the epsilon that differentially private (DP) mechanisms spend together at a given delta.

A mechanism adds noise in each of its steps. With sampling, each person takes part in a step independently with
the same probability, the sampling rate. Epsilon compares data with and without one person, and stays valid if a
mechanism depends on earlier results. Four methods (accountants) compute epsilon. They share no code, so that an error
in one of them is noticed:

- a closed form for Gaussian noise without sampling
- privacy loss distributions (PLD). The privacy loss of a result is ln(p / p'), where p and p' are its probabilities
  with and without a person in the data.
- Rényi divergences (RDP)
- privacy loss random variables (PRV) by the library Opacus (`prv.py`)
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

# orders a of the Rényi divergences; `rdp_epsilon` uses the order that gives the smallest epsilon
ORDERS = (*range(2, 65), 72, 80, 96, 128, 192, 256, 384, 512, 768, 1024, 2048)
MAX_EPSILON = 100.0  # if `rdp_epsilon` is larger, `pld_epsilon` is not computed, because it would need much memory
GRID = 1e-4  # spacing of the discretised privacy loss; multiplied by `rdp_epsilon` / 10 if `rdp_epsilon` is above 10
ROUNDING = 1e-9  # budgets use up delta if they leave at most this share of delta for the mechanisms


class EpsilonBounds(NamedTuple):
    """Bounds on the joint epsilon of mechanisms at one delta; only `upper` includes the epsilons of the budgets."""

    closed: float | None  # exact value by the closed form if all noise is Gaussian without sampling, else None
    pld: float | None  # upper bound by PLD; None if `rdp` exceeds `MAX_EPSILON` or if delta is too small for PLD
    rdp: float  # upper bound by RDP
    added: float  # sum of the epsilons of the budgets (see `epsilon_bounds`)
    prv: float | None = None  # upper bound by PRV; None if it was not computed
    prv_low: float | None = None  # lower bound by PRV; None if it was not computed
    prv_absent: str = "not requested"  # why `prv` and `prv_low` are None; empty if they were computed

    @property
    def upper(self) -> float:
        """The smallest upper bound plus `added`; `prv` does not count, because the verdict must not need Opacus."""
        return min(bound for bound in (self.closed, self.pld, self.rdp) if bound is not None) + self.added


def epsilon_bounds(
    costs: Sequence[MechanismCost], budgets: Sequence[PrivacyBudget] = (), *, delta: float
) -> EpsilonBounds | None:
    """Return the joint epsilon of mechanisms and budgets by each accountant, or None if the budgets use up delta.

    A budget is the cost of an access to the records by an unknown mechanism. The epsilons of the budgets are added up
    (Dwork and Roth 2014, theorem B.1), and their deltas are subtracted from `delta`. At the remaining delta, the
    accountants compute the epsilon of the mechanisms (`costs`).

    Raises:
        NotMeasurable: the package `dp-accounting` is missing.

    Cost: seconds, mostly for PLD of mechanisms with sampling.
    """
    bounds = epsilon_without_prv(costs, budgets, delta=delta)
    if bounds is None:
        return None
    prv = prv_bounds(costs, delta=_delta_left(delta, budgets), approximate_epsilon=bounds.rdp)
    return bounds._replace(prv=prv.high, prv_low=prv.low, prv_absent=prv.missing_because)


def epsilon_without_prv(
    costs: Sequence[MechanismCost], budgets: Sequence[PrivacyBudget] = (), *, delta: float
) -> EpsilonBounds | None:
    """Return the result of `epsilon_bounds` without the bounds by PRV.

    Raises:
        NotMeasurable: the package `dp-accounting` is missing.
    """
    delta_left = _delta_left(delta, budgets)
    if delta_left <= delta * ROUNDING:
        return None
    rdp = rdp_epsilon(costs, delta=delta_left)
    pld = pld_epsilon(costs, delta=delta_left, grid=GRID * max(1.0, rdp / 10)) if rdp <= MAX_EPSILON else math.inf
    return EpsilonBounds(
        closed=closed_epsilon(costs, delta=delta_left),
        pld=pld if math.isfinite(pld) else None,
        rdp=rdp,
        added=math.fsum(budget.epsilon for budget in budgets),
    )


def joint_epsilon(costs: Sequence[MechanismCost], *, delta: float) -> float:
    """Return the joint epsilon of all mechanisms at one delta.

    The result is exact if all noise is Gaussian and no mechanism has sampling. Otherwise, it is an upper bound.

    Raises:
        NotMeasurable: the result would be an upper bound, but the package `dp-accounting` is missing.
    """
    closed = closed_epsilon(costs, delta=delta)
    if closed is not None:
        return closed
    bounds = epsilon_without_prv(costs, delta=delta)
    return math.inf if bounds is None else bounds.upper


def closed_epsilon(costs: Sequence[MechanismCost], *, delta: float) -> float | None:
    """Return the exact joint epsilon if all mechanisms are Gaussian without sampling, else None; 0 for no mechanism.

    The mechanisms together cost as much as one step of Gaussian noise with the noise multiplier 1 / mu. A noise
    multiplier is the standard deviation of the noise divided by the largest norm of one person's contribution.

        mu² = sum over mechanisms of steps / noise_multiplier²

    Reference: Dong, Roth and Su, J. R. Statist. Soc. B 2022, corollary 3.3, with `gaussian_epsilon`.
    """
    mu = _joint_mu(costs)
    return None if mu is None else gaussian_epsilon(mu, delta=delta) if costs else 0.0


def equivalent_costs(costs: Sequence[MechanismCost]) -> Sequence[MechanismCost]:
    """Return one Gaussian mechanism that costs as much as all `costs` together.

    If `costs` is empty or has no closed form (`closed_epsilon`), return `costs` itself.
    """
    mu = _joint_mu(costs)
    if not costs or mu is None:
        return costs
    return (MechanismCost(kind="gaussian", noise_multiplier=1 / mu, sampling_rate=1.0, steps=1),)


def _joint_mu(costs: Sequence[MechanismCost]) -> float | None:
    if any(cost.kind == "laplace" or cost.sampling_rate != 1 for cost in costs):
        return None
    # unlike sum, fsum gives the same result for every order of the mechanisms
    return math.sqrt(math.fsum(cost.steps / cost.noise_multiplier**2 for cost in costs))


def _delta_left(delta: float, budgets: Sequence[PrivacyBudget]) -> float:
    return delta - math.fsum(budget.delta for budget in budgets)


def pld_epsilon(costs: Sequence[MechanismCost], *, delta: float, grid: float = GRID) -> float:
    """Return an upper bound on epsilon by PLD (infinity if delta is too small); `grid` is the spacing of the losses.

    Raises:
        NotMeasurable: the package `dp-accounting` is missing.

    Reference: Doroshenko et al., "Connect the dots", PETS 2022, as Google's dp-accounting implements it.
    """
    _library()
    parameters = ((cost.kind == "laplace", cost.noise_multiplier, cost.sampling_rate, cost.steps) for cost in costs)
    return _pld_epsilon(tuple(parameters), delta, grid)


# cached, because one run computes the same epsilon when it plans, reserves, audits, releases and verifies
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
    """Return an upper bound on epsilon by RDP, from the divergences D_a of `renyi_divergences`.

        epsilon = max(0, min_a [ sum over mechanisms of steps·D_a + ln(1 - 1/a) - ln(a·delta) / (a - 1) ])

    Reference: Canonne, Kamath and Steinke, arXiv 2004.00010, proposition 12.
    """
    a = np.array(ORDERS, dtype=np.float64)
    total = np.sum([cost.steps * renyi_divergences(cost) for cost in costs], axis=0)
    return max(0.0, float(np.min(total + np.log1p(-1 / a) - np.log(a * delta) / (a - 1))))


def renyi_divergences(cost: MechanismCost) -> Float:
    """Return the Rényi divergence D_a of one step for each order a in `ORDERS`, as float64 (orders,).

    s is the noise multiplier, q the sampling rate, and C(a, k) a binomial coefficient. k runs from 0 to a.

    - Gaussian without sampling:  a / (2·s²)
    - Gaussian with sampling:  ln( sum_k C(a, k)·(1 - q)^(a - k)·q^k·exp(k·(k - 1) / (2·s²)) ) / (a - 1)
    - Laplace:  ln( a / (2·a - 1)·e^((a - 1) / s) + (a - 1) / (2·a - 1)·e^(-a / s) ) / (a - 1)

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
    """Return delta of Gaussian noise at this epsilon: Phi(-epsilon/mu + mu/2) - e^epsilon·Phi(-epsilon/mu - mu/2).

    Phi is the normal distribution function. For n steps with noise multiplier s, mu is sqrt(n) / s.

    Reference: Balle and Wang, ICML 2018, theorem 8.
    """
    first = float(log_ndtr(mu / 2 - epsilon / mu))
    second = epsilon + float(log_ndtr(-mu / 2 - epsilon / mu))
    return -math.expm1(min(0.0, second - first)) * math.exp(first)


def gaussian_epsilon(mu: float, *, delta: float) -> float:
    """Return the smallest epsilon at which `gaussian_delta` with this mu is at most `delta`."""
    if gaussian_delta(0.0, mu) <= delta:
        return 0.0
    # upper bound on the result: Bun and Steinke 2016, proposition 1.3, with rho = mu² / 2
    upper = mu * mu / 2 + mu * math.sqrt(2 * math.log(1 / delta))
    return float(optimize.brentq(lambda epsilon: gaussian_delta(epsilon, mu) - delta, 0.0, upper, xtol=1e-12))


def gaussian_mu(epsilon: float, *, delta: float) -> float:
    """Return the largest mu at which `gaussian_delta` with this epsilon is at most `delta`."""
    upper = 1.0
    while gaussian_delta(epsilon, upper) < delta:
        upper *= 2
    return float(optimize.brentq(lambda mu: gaussian_delta(epsilon, mu) - delta, upper * 1e-9, upper, xtol=1e-12))


def further_epsilon(spent: float, *, limit: float, delta: float) -> float:
    """Return the largest epsilon that one more run with Gaussian noise may have; 0 if `spent` reaches `limit`.

    `limit` is the largest allowed joint epsilon of all runs, and `spent` is the joint epsilon of the earlier runs.
    All epsilons are at `delta`, and each corresponds to a mu (`gaussian_mu`):

        mu(limit)² = mu(spent)² + mu(result)²
    """
    mu_squared = gaussian_mu(limit, delta=delta) ** 2 - (gaussian_mu(spent, delta=delta) ** 2 if spent > 0 else 0.0)
    return gaussian_epsilon(math.sqrt(mu_squared), delta=delta) if mu_squared > 0 else 0.0


def _library() -> tuple[Any, Any]:
    try:
        return importlib.import_module("dp_accounting"), importlib.import_module("dp_accounting.pld")
    except ImportError as error:
        message = "the package dp-accounting, which recomputes epsilon, is not installed: pip install dp-accounting"
        raise NotMeasurable(message) from error
