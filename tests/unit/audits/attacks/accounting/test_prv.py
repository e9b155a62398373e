"""Bounds by privacy loss random variables agree with the closed form, PLD, and a recomputation without a library."""

import math
import sys
from types import ModuleType

import numpy as np
import pytest
from scipy import optimize, stats

from audits.attacks.accounting import prv
from audits.attacks.accounting.accountants import epsilon_bounds, gaussian_epsilon, pld_epsilon
from audits.attacks.accounting.mechanism_log import MechanismCost
from audits.attacks.accounting.prv import ERROR, prv_bounds

PRV = "opacus.accountants.analysis.prv"


def cost(kind, noise_multiplier, sampling_rate=1.0, steps=1):
    return MechanismCost(kind=kind, noise_multiplier=noise_multiplier, sampling_rate=sampling_rate, steps=steps)


SGD = cost("dp-sgd", 1.1, 0.01, 1500)


def recomputed_epsilon(sigma, q, steps, delta, *, mesh=2e-4, points=1 << 18):
    """Return epsilon from the loss ln(dP/dQ) on a fine grid of outcomes, without an accounting library."""
    x = np.arange(-14 * sigma, 14 * sigma + 1, 1e-4) + 0.5e-4
    without = stats.norm.pdf(x, 0, sigma) * 1e-4
    with_person = (1 - q) * without + q * stats.norm.pdf(x, 1, sigma) * 1e-4
    loss = np.log1p(q * np.expm1((2 * x - 1) / (2 * sigma**2)))
    step = np.round(loss / mesh).astype(int)
    mass = np.zeros(points)
    np.add.at(mass, step % points, with_person)  # negative losses wrap around, as in the transform
    drift = float(loss @ with_person - (step * mesh) @ with_person)  # how far rounding shifts the mean in each step
    total = np.fft.irfft(np.fft.rfft(mass) ** steps, points)
    losses = np.arange(points) * mesh
    losses[points // 2 :] -= points * mesh
    losses += drift * steps

    def spent(epsilon):
        above = losses > epsilon
        return float(total[above] @ -np.expm1(epsilon - losses[above]))

    return optimize.brentq(lambda epsilon: spent(epsilon) - delta, 0.0, 20.0)


@pytest.mark.parametrize(
    ("c", "delta"),
    [(SGD, 1e-6), (SGD, 1e-5), (cost("dp-sgd", 1.5, 0.04, 2250), 1e-5), (cost("vote", 2.0, 0.3, 9), 1e-6)],
)
def test_three_methods_agree_on_sampled_noise(c, delta):
    found = prv_bounds([c], delta=delta, approximate_epsilon=1.0)
    ours = recomputed_epsilon(c.noise_multiplier, c.sampling_rate, c.steps, delta)
    assert found.missing_because == ""
    assert found.low <= ours <= found.high
    assert found.high - found.low <= 2.2 * ERROR
    assert pld_epsilon([c], delta=delta) == pytest.approx(ours, rel=1e-3)


def test_reference_values():
    found = epsilon_bounds([SGD], delta=1e-6)
    assert found.pld == pytest.approx(2.13612, abs=1e-4)
    assert found.prv == pytest.approx(2.14623, abs=1e-4)
    assert found.prv_low == pytest.approx(2.12600, abs=1e-4)
    assert found.prv_low <= found.pld <= found.prv <= found.rdp
    assert found.prv_absent == ""


@pytest.mark.parametrize(("s", "steps"), [(20.0, 100), (9.0, 7), (0.5, 1)])
def test_bounds_without_sampling_contain_the_closed_form(s, steps):
    found = prv_bounds([cost("gaussian", s, 1.0, steps)], delta=1e-6, approximate_epsilon=1.0)
    exact = gaussian_epsilon(math.sqrt(steps) / s, delta=1e-6)
    assert found.low <= exact <= found.high < exact + 2.2 * ERROR


def test_mechanisms_of_different_noise_are_composed():
    costs = [SGD, cost("gaussian", 10.0, 1.0, 10), cost("vote", 30.0)]
    found = epsilon_bounds(costs, delta=1e-6)
    assert found.prv_low <= found.pld <= found.prv


def test_large_noise_has_epsilon_zero_and_large_epsilon_a_coarser_grid():
    found = prv_bounds([cost("gaussian", 1e6)], delta=1e-6, approximate_epsilon=0.0)
    assert found.low == 0.0 <= found.high <= ERROR
    fine, coarse = (prv_bounds([SGD], delta=1e-6, approximate_epsilon=epsilon) for epsilon in (1.0, 30.0))
    assert coarse.low < fine.low < fine.high < coarse.high == pytest.approx(fine.high, abs=0.05)


@pytest.mark.parametrize(
    ("costs", "delta", "why"),
    [
        ([SGD, cost("laplace", 10.0)], 1e-6, "Gaussian noise only"),
        ([SGD], 1e-12, "delta is below"),
        ([cost("dp-sgd", 2.0, 0.01, 10**7)], 1e-6, "would need more than 1048576 points"),
    ],
)
def test_missing_bounds_have_a_reason(costs, delta, why):
    found = prv_bounds(costs, delta=delta, approximate_epsilon=1.0)
    assert (found.low, found.high) == (None, None)
    assert why in found.missing_because


def test_other_bounds_do_not_depend_on_the_library(monkeypatch):
    complete = epsilon_bounds([SGD], delta=1e-6)
    monkeypatch.setitem(sys.modules, PRV, None)
    alone = epsilon_bounds([SGD], delta=1e-6)
    assert (alone.prv, alone.prv_low) == (None, None)
    assert "opacus is not installed" in alone.prv_absent
    assert alone[:4] == complete[:4]
    assert alone.upper == complete.upper


@pytest.mark.parametrize("error", [RuntimeError, ValueError, IndexError, OverflowError])
def test_failed_computation_gives_no_bounds(monkeypatch, error):
    broken = ModuleType(PRV)

    def fails(*_):
        raise error("with something private")

    broken.PoissonSubsampledGaussianPRV = fails
    monkeypatch.setitem(sys.modules, PRV, broken)
    found = prv_bounds([SGD], delta=1e-6, approximate_epsilon=1.0)
    assert found == (None, None, f"the computation failed ({error.__name__})")


@pytest.mark.parametrize("bounds", [(math.nan, 1.0, math.nan), (2.0, 1.5, 1.0), (0.0, 1.0, math.inf)])
def test_result_that_is_no_interval_gives_no_bounds(monkeypatch, bounds):
    import opacus.accountants.analysis.prv as library

    monkeypatch.setattr(library.DiscretePRV, "compute_epsilon", lambda *_: bounds)
    assert "no valid bounds" in prv_bounds([SGD], delta=1e-6, approximate_epsilon=1.0).missing_because


def test_mean_that_does_not_converge_gives_no_bounds(monkeypatch):
    import warnings

    import opacus.accountants.analysis.prv as library

    def diverges(self):
        warnings.warn("too slow", prv.IntegrationWarning, stacklevel=1)
        return 0.0

    monkeypatch.setattr(library.TruncatedPrivacyRandomVariable, "mean", diverges)
    assert "IntegrationWarning" in prv_bounds([SGD], delta=1e-6, approximate_epsilon=1.0).missing_because
