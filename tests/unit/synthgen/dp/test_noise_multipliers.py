import math

import pytest

from audits.attacks.accounting.accountants import epsilon_bounds, gaussian_epsilon
from audits.attacks.accounting.mechanism_log import MechanismCost
from synthgen.core.errors import ConfigError
from synthgen.dp.noise_multipliers import Priced, noise_multipliers


@pytest.mark.parametrize(("epsilon", "delta"), [(0.5, 1e-5), (3.0, 1e-6)])
def test_all_queries_together_cost_the_budget_and_no_more(epsilon, delta):
    sigmas = noise_multipliers(
        epsilon, delta, {"a": Priced(share=7), "b": Priced(share=2), "c": Priced(share=1, steps=9)}
    )
    spent = gaussian_epsilon(
        math.sqrt(sigmas["a"] ** -2 + sigmas["b"] ** -2 + 9 * sigmas["c"] ** -2), delta=delta
    )  # another accountant
    assert epsilon * (1 - 1e-4) <= spent <= epsilon
    assert sigmas["b"] ** 2 / sigmas["a"] ** 2 == pytest.approx(3.5)
    assert sigmas["c"] ** 2 / sigmas["a"] ** 2 == pytest.approx(7 * 9)


@pytest.mark.parametrize(("epsilon", "rate", "steps"), [(1.0, 0.2, 300), (4.0, 0.05, 60)])
def test_sampled_steps_and_others_cost_the_budget_together_by_the_audits_own_account(epsilon, rate, steps):
    asked = {"a": Priced(share=1), "b": Priced(share=1, steps=steps, sampling_rate=rate)}
    sigmas = noise_multipliers(epsilon, 1e-5, asked)
    costs = [
        MechanismCost(
            kind="gaussian", noise_multiplier=sigmas[name], steps=one.steps, sampling_rate=one.sampling_rate
        )
        for name, one in asked.items()
    ]
    assert 0.99 * epsilon <= epsilon_bounds(costs, delta=1e-5).upper <= epsilon
    unsampled = noise_multipliers(epsilon, 1e-5, {"a": Priced(share=1), "b": Priced(share=1, steps=steps)})
    assert sigmas["b"] < 0.7 * unsampled["b"]  # drawing persons is worth noise


def test_a_budget_that_no_noise_meets_is_told_so():
    asked = {"vae": Priced(share=0.7, steps=200, sampling_rate=256 / 1e9), "means": Priced(share=0.3)}
    with pytest.raises(ConfigError, match=r"no noise of .* clip norms was found"):
        noise_multipliers(4.0, 1e-11, asked)
