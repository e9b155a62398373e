"""Compute epsilon by privacy loss random variables with an independent library, to check the other accountants.

The result is no part of the tightest bound, so no verdict depends on whether the library is installed. If it
contradicts the loss distributions, one of the two is wrong, and the audit does not pass.
"""

import importlib
import math
import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy.integrate import IntegrationWarning

from audits.attacks.accounting.mechanism_log import MechanismCost

ERROR = 0.01  # minimum error of epsilon that the library is allowed; for a large epsilon the error is 0.1 %
DELTA_SHARE = 1e-3  # allowed error of delta, as a share of delta
MAX_POINTS = 1 << 20  # of the grid; takes seconds and some tens of megabytes
NOT_INSTALLED = "the package opacus is not installed"
_NO_NUMBER = (RuntimeError, ValueError, ArithmeticError, IndexError, IntegrationWarning)


class PrvBounds(NamedTuple):
    """Lower and upper bound on epsilon at one delta; both are None if nothing was computed, and `absent` says why."""

    low: float | None
    high: float | None
    absent: str = ""


def prv_bounds(costs: Sequence[MechanismCost], *, delta: float, about: float) -> PrvBounds:
    """Return bounds on the epsilon of Gaussian mechanisms, with or without Poisson sampling.

    The library composes the loss of a data set with one more person against one without. For sampled noise the
    opposite direction has a smaller loss at every epsilon of at least 0 (Zhu, Dong and Wang, AISTATS 2022); the loss
    distributions of the other accountant cover both directions.

    There is no result for noise other than Gaussian, without the library, for a delta below the resolution of double
    precision, for a grid that is too large, or if the computation fails.

    Args:
        costs: of the mechanisms.
        delta: the delta of epsilon.
        about: approximate size of epsilon; sets the allowed error, max(.01, about / 1000).

    Cost: seconds; the first call imports the library, and torch with it.
    Source: Gopi, Lee and Wutschitz, "Numerical composition of differential privacy", NeurIPS 2021, as Opacus
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
        warnings.simplefilter("error", IntegrationWarning)  # a mean that did not converge is an error
        try:
            return _composed(prv, costs, delta, max(ERROR, about / 1000))
        except _NO_NUMBER as error:
            return PrvBounds(None, None, f"the computation failed ({type(error).__name__})")


def _composed(prv: Any, costs: Sequence[MechanismCost], delta: float, error: float) -> PrvBounds:
    delta_error, times = delta * DELTA_SHARE, [cost.steps for cost in costs]
    variables = [prv.PoissonSubsampledGaussianPRV(cost.sampling_rate, cost.noise_multiplier) for cost in costs]
    reach = float(prv.compute_safe_domain_size(variables, times, error, delta_error))
    mesh = error / math.sqrt(sum(times) * math.log(12 / delta_error) / 2)
    if not 2 * reach / mesh < MAX_POINTS:
        return PrvBounds(None, None, "its grid would be too large")
    domain = prv.Domain.create_aligned(-reach, reach, mesh)
    if domain.size * float(np.finfo(np.float64).eps) > delta - delta_error:
        return PrvBounds(None, None, "delta is below the resolution of its sums")
    cut = [prv.TruncatedPrivacyRandomVariable(variable, domain.t_min, domain.t_max) for variable in variables]
    whole = prv.compose_heterogeneous([prv.discretize(one, domain) for one in cut], times)
    low, _, high = (float(bound) for bound in whole.compute_epsilon(delta, delta_error, error))
    if not (math.isfinite(high) and low <= high):
        return PrvBounds(None, None, "the computation failed (no number)")
    return PrvBounds(max(0.0, low), max(0.0, high))
