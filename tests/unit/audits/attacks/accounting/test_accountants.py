"""The accountants agree with published values, numerical integrals, and an independent library."""

import itertools
import math
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from audits.attacks.accounting.accountants import (
    MAX_EPSILON,
    ORDERS,
    closed_epsilon,
    epsilon_bounds,
    equivalent_costs,
    further_epsilon,
    gaussian_delta,
    gaussian_epsilon,
    gaussian_mu,
    joint_epsilon,
    pld_epsilon,
    rdp_epsilon,
    renyi_divergences,
)
from audits.attacks.accounting.mechanism_log import MechanismCost, PrivacyBudget
from audits.core.errors import NotMeasurable


def cost(kind, noise_multiplier, sampling_rate=1.0, steps=1):
    return MechanismCost(kind=kind, noise_multiplier=noise_multiplier, sampling_rate=sampling_rate, steps=steps)


def renyi(log_p, log_q, order):
    """Return D_order(p || q) by integration."""
    inside = integrate.quad(
        lambda x: math.exp(order * log_p(x) + (1 - order) * log_q(x)), -60, 60, limit=400, points=[0, 1, order]
    )[0]
    return math.log(inside) / (order - 1)


@pytest.mark.parametrize("order", [2, 3, 7])
@pytest.mark.parametrize(("q", "s"), [(0.3, 1.4), (0.04, 0.9)])
def test_divergence_of_the_sampled_gaussian_equals_its_integral(order, q, s):
    def without(x):
        return stats.norm.logpdf(x, 0, s)

    def with_person(x):
        return np.logaddexp(math.log(1 - q) + without(x), math.log(q) + stats.norm.logpdf(x, 1, s))

    ours = renyi_divergences(cost("dp-sgd", s, q))[ORDERS.index(order)]
    assert ours == pytest.approx(renyi(with_person, without, order), rel=1e-6)


@pytest.mark.parametrize("order", [2, 5, 9])
def test_divergences_of_laplace_and_gaussian_noise_equal_their_integrals(order):
    for kind, noise, s in (("laplace", stats.laplace, 1.7), ("gaussian", stats.norm, 2.3)):
        ours = renyi_divergences(cost(kind, s))[ORDERS.index(order)]
        p, q = (lambda x, f=noise, s=s, at=at: f.logpdf(x, at, s) for at in (1, 0))
        assert ours == pytest.approx(renyi(p, q, order), rel=1e-6)


def test_delta_of_gaussian_noise_equals_its_integral():
    epsilon, mu = 0.7, 0.9
    excess = integrate.quad(
        lambda x: max(0.0, stats.norm.pdf(x, mu) - math.exp(epsilon) * stats.norm.pdf(x)), -10, 12, limit=400
    )[0]
    assert gaussian_delta(epsilon, mu) == pytest.approx(excess, rel=1e-6)
    assert gaussian_epsilon(1e-7, delta=1e-6) == 0.0


@given(mu=st.floats(0.01, 30), delta=st.floats(1e-12, 1e-2))
def test_gaussian_epsilon_inverts_delta(mu, delta):
    epsilon = gaussian_epsilon(mu, delta=delta)
    if epsilon > 0:
        assert gaussian_delta(epsilon, mu) == pytest.approx(delta, rel=1e-6)


def test_epsilon_agrees_with_a_published_value():
    # sigma 1.5, rate .04, 2250 steps, delta 1e-5: 7.32911117 in opacus' tests, at a fractional order (3.9)
    found = epsilon_bounds([cost("dp-sgd", 1.5, 0.04, 2250)], delta=1e-5)
    assert found.rdp == pytest.approx(7.3291, abs=0.02)
    assert found.rdp >= 7.32911117
    assert found.pld == pytest.approx(6.76879, abs=1e-4)
    assert found.closed is None
    assert found.upper == found.pld


MIXED = [
    [cost("dp-sgd", 1.1, 0.01, 1500), cost("vote", 10.0, 1.0, 10), cost("laplace", 10.0)],
    [cost("gaussian", 20.0, 1.0, 100)],
    [cost("laplace", 2.0, 1.0, 10)],
    [cost("dp-sgd", 100.0, 0.5, 20000)],
]


@pytest.mark.parametrize("costs", MIXED)
def test_rdp_agrees_with_the_library(costs, caplog):
    import dp_accounting
    from dp_accounting import rdp

    theirs = rdp.RdpAccountant(orders=[*np.arange(1.5, 11, 0.5), *ORDERS])
    for c in costs:
        noise = dp_accounting.LaplaceDpEvent if c.kind == "laplace" else dp_accounting.GaussianDpEvent
        event = noise(c.noise_multiplier)
        event = event if c.sampling_rate == 1 else dp_accounting.PoissonSampledDpEvent(c.sampling_rate, event)
        theirs.compose(event, c.steps)
    found = epsilon_bounds(costs, delta=1e-6)
    assert theirs.get_epsilon(1e-6) - 1e-9 <= found.rdp <= theirs.get_epsilon(1e-6) * 1.03
    assert found.pld <= found.rdp + 1e-3


def test_closed_form_and_loss_distribution_agree():
    found = epsilon_bounds([cost("gaussian", 9.0, 1.0, 7), cost("vote", 15.0, 1.0, 31)], delta=3e-6)
    mu = math.sqrt(7 / 81 + 31 / 225)
    assert found.closed == pytest.approx(gaussian_epsilon(mu, delta=3e-6))
    assert found.pld == pytest.approx(found.closed, rel=1e-4)
    assert found.upper == found.closed


GAUSSIAN = st.builds(
    cost, st.sampled_from(["gaussian", "vote"]), st.floats(0.5, 50), st.just(1.0), st.integers(1, 20)
)


@given(costs=st.lists(GAUSSIAN, max_size=6), more=GAUSSIAN, delta=st.floats(1e-9, 1e-3))
def test_joint_epsilon_is_exact_and_grows_with_each_mechanism(costs, more, delta):
    together = joint_epsilon(costs, delta=delta)
    assert together == joint_epsilon(costs[::-1], delta=delta) == closed_epsilon(costs, delta=delta)
    assert joint_epsilon([*costs, more], delta=delta) >= together >= joint_epsilon(costs, delta=delta * 10)
    assert joint_epsilon([*costs, more], delta=2 * delta) <= together + joint_epsilon([more], delta=delta) + 1e-9
    (one,) = equivalent_costs([*costs, more])
    assert joint_epsilon([one], delta=delta) == pytest.approx(joint_epsilon([*costs, more], delta=delta), rel=1e-9)


def test_joint_epsilon_of_other_mechanisms_is_that_of_the_other_accountants():
    costs = [cost("gaussian", 9.0), cost("laplace", 5.0)]
    bounds = epsilon_bounds(costs, delta=1e-6)
    assert joint_epsilon(costs, delta=1e-6) == bounds.upper == min(bounds.pld, bounds.rdp)
    assert equivalent_costs(costs) == costs
    assert (joint_epsilon([], delta=1e-6), equivalent_costs([])) == (0.0, [])
    assert joint_epsilon([cost("laplace", 1e-3)], delta=1e-6) > MAX_EPSILON  # the result is not capped at MAX_EPSILON


@given(spent=st.floats(0.01, 5), limit=st.floats(0.01, 5), delta=st.floats(1e-9, 1e-3))
def test_further_epsilon_uses_up_the_limit(spent, limit, delta):
    assert gaussian_epsilon(gaussian_mu(spent, delta=delta), delta=delta) == pytest.approx(spent, abs=1e-6)
    further = further_epsilon(spent, limit=limit, delta=delta)
    runs = [cost("gaussian", 1 / gaussian_mu(e, delta=delta)) for e in (spent, further) if e > 0]
    if spent >= limit:
        assert further == 0
    elif further > 0:
        assert joint_epsilon(runs, delta=delta) == pytest.approx(limit, abs=1e-5)
        assert further > limit - spent - 1e-6 or limit < 0.01


def test_further_epsilon_of_two_runs():
    assert further_epsilon(0.0, limit=3.0, delta=1e-5) == pytest.approx(3.0)
    assert further_epsilon(1.5, limit=3.0, delta=1e-5) == pytest.approx(2.47, abs=0.01)
    assert further_epsilon(3.0, limit=3.0, delta=1e-5) == 0


def test_budgets_add_their_epsilon_and_use_their_delta():
    costs = [cost("gaussian", 9.0)]
    budgets = [PrivacyBudget(epsilon=0.5, delta=4e-6), PrivacyBudget(epsilon=0.25, delta=1e-6)]
    found = epsilon_bounds(costs, budgets, delta=6e-6)
    assert found.added == 0.75
    assert found.upper == pytest.approx(epsilon_bounds(costs, delta=1e-6).upper + 0.75)
    assert epsilon_bounds(costs, budgets, delta=5e-6) is None


def test_small_delta_or_large_epsilon_has_no_loss_distribution():
    found = epsilon_bounds([cost("gaussian", 9.0)], delta=1e-40)
    assert found.pld is None
    assert found.upper == found.closed < found.rdp
    found = epsilon_bounds([cost("dp-sgd", 0.001, 0.5, 1000)], delta=1e-6)
    assert found.pld is None
    assert found.upper == found.rdp > MAX_EPSILON


@settings(max_examples=6)
@given(s=st.floats(0.8, 8), q=st.floats(0.001, 0.3), steps=st.integers(1, 400))
def test_epsilon_increases_with_steps_and_decreases_with_noise(s, q, steps):
    runs = [cost("dp-sgd", s * 1.2, q, steps), cost("dp-sgd", s, q, steps), cost("dp-sgd", s, q, steps + 50)]
    of_rdp = [rdp_epsilon([c], delta=1e-5) for c in runs]
    assert of_rdp == sorted(of_rdp)
    if of_rdp[-1] <= MAX_EPSILON:
        of_pld = [pld_epsilon([c], delta=1e-5, grid=1e-3) for c in runs]
        assert all(less <= more + 1e-6 for less, more in itertools.pairwise(of_pld))


@given(st.permutations(MIXED[0]))
def test_epsilon_is_independent_of_the_order(costs):
    assert rdp_epsilon(costs, delta=1e-6) == pytest.approx(rdp_epsilon(MIXED[0], delta=1e-6))


def test_coarser_grid_gives_a_larger_epsilon():
    values = [pld_epsilon([cost("dp-sgd", 1.1, 0.05, 300)], delta=1e-6, grid=g) for g in (1e-4, 1e-3, 1e-2)]
    assert all(fine <= coarse + 1e-9 for fine, coarse in itertools.pairwise(values))
    assert values[-1] < values[0] * 1.05


def test_missing_library_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "dp_accounting", None)
    with pytest.raises(NotMeasurable, match="is not installed: pip install dp-accounting"):
        epsilon_bounds([cost("gaussian", 3.0)], delta=1e-6)


def test_closed_form_needs_no_further_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "dp_accounting", None)
    costs = [cost("gaussian", 3.0), cost("vote", 5.0, steps=2)]
    assert joint_epsilon(costs, delta=1e-5) == closed_epsilon(costs, delta=1e-5)
    with pytest.raises(NotMeasurable):
        joint_epsilon([cost("gaussian", 3.0, 0.1)], delta=1e-5)
