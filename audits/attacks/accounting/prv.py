"""Epsilon by privacy loss random variables, from a library of its own: to be compared with what others say.

It is no part of the tightest bound, so that a verdict never rests on whether the library is installed; but where it
contradicts the loss distributions, one of the two is wrong, and nothing passes.
"""

import importlib
import math
import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy.integrate import IntegrationWarning

from audits.attacks.accounting.mechanism_log import MechanismCost

ERROR = 0.01  # of epsilon, stated by the library for its bounds; a tenth of a per cent where epsilon is large
DELTA_SHARE = 1e-3  # of delta, likewise
MAX_POINTS = 1 << 20  # of the grid; seconds, and some tens of megabytes
NOT_INSTALLED = "the package opacus is not installed"
_NO_NUMBER = (RuntimeError, ValueError, ArithmeticError, IndexError, IntegrationWarning)


class PrvBounds(NamedTuple):
    """Between which epsilons the composition lies at one delta.

    Args:
        low: it is not less; None where nothing was computed.
        high: it is not more; None likewise.
        absent: why nothing was computed; empty where it was.
    """

    low: float | None
    high: float | None
    absent: str = ""


def prv_bounds(costs: Sequence[MechanismCost], *, delta: float, about: float) -> PrvBounds:
    """Return bounds on epsilon of Gaussian mechanisms, whole or Poisson-sampled, by their privacy loss variables.

    The library composes the loss of a data set with one person more against one without; for sampled noise the
    reverse costs less at every epsilon that is not negative (Zhu, Dong and Wang, AISTATS 2022), which the loss
    distributions beside it cover as well.

    Where it cannot say a number it says why: another noise than Gaussian, no library, a delta below what sums of
    double precision resolve, a grid that is too large, or numbers that fail in it.

    Args:
        costs: of the mechanisms.
        delta: at which.
        about: an epsilon of this size; sets the error that is asked for, max(.01, about / 1000).

    Cost: seconds; the first call imports the library, and torch with it.
    Source: Gopi, Lee and Wutschitz, "Numerical composition of differential privacy", NeurIPS 2021, as Opacus
        implements it.
    """
    if any(cost.kind == "laplace" for cost in costs):
        return _absent("this accountant knows Gaussian noise only")
    with warnings.catch_warnings(), np.errstate(divide="ignore"):
        warnings.simplefilter("ignore")
        try:
            prv = importlib.import_module("opacus.accountants.analysis.prv")
        except ImportError:
            return _absent(NOT_INSTALLED)
        warnings.simplefilter("error", IntegrationWarning)  # a mean that did not converge is no number
        try:
            return _composed(prv, costs, delta, max(ERROR, about / 1000))
        except _NO_NUMBER as error:
            return _absent(f"the computation failed ({type(error).__name__})")


def _composed(prv: Any, costs: Sequence[MechanismCost], delta: float, error: float) -> PrvBounds:
    delta_error, times = delta * DELTA_SHARE, [cost.steps for cost in costs]
    variables = [prv.PoissonSubsampledGaussianPRV(cost.sampling_rate, cost.noise_multiplier) for cost in costs]
    reach = float(prv.compute_safe_domain_size(variables, times, error, delta_error))
    mesh = error / math.sqrt(sum(times) * math.log(12 / delta_error) / 2)
    if not 2 * reach / mesh < MAX_POINTS:
        return _absent("its grid would be too large")
    domain = prv.Domain.create_aligned(-reach, reach, mesh)
    if domain.size * float(np.finfo(np.float64).eps) > delta - delta_error:
        return _absent("delta is below what its sums resolve")
    cut = [prv.TruncatedPrivacyRandomVariable(variable, domain.t_min, domain.t_max) for variable in variables]
    whole = prv.compose_heterogeneous([prv.discretize(one, domain) for one in cut], times)
    low, _, high = (float(bound) for bound in whole.compute_epsilon(delta, delta_error, error))
    if not (math.isfinite(high) and low <= high):
        return _absent("the computation failed (no number)")
    return PrvBounds(max(0.0, low), max(0.0, high))


def _absent(why: str) -> PrvBounds:
    return PrvBounds(None, None, why)
