"""Compute bounds on epsilon by privacy loss random variables (PRV) with the library Opacus.

The accounting audit does not pass if its epsilon by privacy loss distributions is outside these bounds by more than a
tolerance. Without Opacus, the audit omits this comparison.
"""

import importlib
import math
import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy.integrate import IntegrationWarning

from audits.attacks.accounting.mechanism_log import MechanismCost

ERROR = 0.01  # allowed numerical error of epsilon; for an epsilon above 10, 0.1 % of epsilon is allowed
DELTA_SHARE = 1e-3  # allowed numerical error of delta, as a share of delta
MAX_POINTS = 1 << 20  # largest size of the grid of privacy losses; 2^20 points take seconds and tens of MB
NOT_INSTALLED = "the package opacus is not installed"
_COMPUTATION_ERRORS = (RuntimeError, ValueError, ArithmeticError, IndexError, IntegrationWarning)


class PrvBounds(NamedTuple):
    """Lower and upper bound on epsilon at one delta."""

    low: float | None
    high: float | None
    missing_because: str = ""  # why the bounds are None; empty if they could be computed


def prv_bounds(costs: Sequence[MechanismCost], *, delta: float, approximate_epsilon: float) -> PrvBounds:
    """Return bounds on the joint epsilon of Gaussian mechanisms, with or without Poisson sampling.

    The numerical error of epsilon is at most max(.01, approximate_epsilon / 1000). Opacus composes the privacy loss
    in one direction only: from the data with a person to the data without this person. This is enough, because for
    sampled Gaussian noise the opposite direction has no larger delta (Zhu, Dong and Wang, AISTATS 2022).

    Cost: seconds; the first call imports Opacus and torch.
    Reference: Gopi, Lee and Wutschitz, "Numerical composition of differential privacy", NeurIPS 2021, as Opacus
        implements it.
    """
    if any(cost.kind == "laplace" for cost in costs):
        return PrvBounds(None, None, "this accountant supports Gaussian noise only")
    with warnings.catch_warnings(), np.errstate(divide="ignore"):
        warnings.simplefilter("ignore")
        try:
            prv = importlib.import_module("opacus.accountants.analysis.prv")
        except ImportError:
            return PrvBounds(None, None, NOT_INSTALLED)
        warnings.simplefilter("error", IntegrationWarning)  # an integral that does not converge is an error
        try:
            return _composed(prv, costs, delta, max(ERROR, approximate_epsilon / 1000))
        except _COMPUTATION_ERRORS as error:
            return PrvBounds(None, None, f"the computation failed ({type(error).__name__})")


def _composed(prv: Any, costs: Sequence[MechanismCost], delta: float, error: float) -> PrvBounds:
    delta_error, steps = delta * DELTA_SHARE, [cost.steps for cost in costs]
    variables = [prv.PoissonSubsampledGaussianPRV(cost.sampling_rate, cost.noise_multiplier) for cost in costs]
    largest_loss = float(prv.compute_safe_domain_size(variables, steps, error, delta_error))
    # the grid spacing that the accountant of Opacus uses for this numerical error
    spacing = error / math.sqrt(sum(steps) * math.log(12 / delta_error) / 2)
    if not 2 * largest_loss / spacing < MAX_POINTS:
        return PrvBounds(None, None, f"the grid of privacy losses would need more than {MAX_POINTS} points")
    domain = prv.Domain.create_aligned(-largest_loss, largest_loss, spacing)
    if domain.size * float(np.finfo(np.float64).eps) > delta - delta_error:
        return PrvBounds(None, None, "delta is below the resolution of double precision")
    truncated = [prv.TruncatedPrivacyRandomVariable(variable, domain.t_min, domain.t_max) for variable in variables]
    composed = prv.compose_heterogeneous([prv.discretize(variable, domain) for variable in truncated], steps)
    low, _, high = (float(bound) for bound in composed.compute_epsilon(delta, delta_error, error))
    if not (math.isfinite(high) and low <= high):
        return PrvBounds(None, None, "the computation failed (it returned no valid bounds)")
    return PrvBounds(max(0.0, low), max(0.0, high))
