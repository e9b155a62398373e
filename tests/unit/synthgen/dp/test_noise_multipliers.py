import math

import pytest

from audits.attacks.accounting.accountants import gaussian_epsilon
from synthgen.core.errors import ConfigError
from synthgen.dp.method import QuerySpec
from synthgen.dp.noise_multipliers import noise_multipliers


@pytest.mark.parametrize(("epsilon", "delta"), [(0.5, 1e-5), (3.0, 1e-6)])
def test_all_queries_together_cost_the_budget(epsilon, delta):
    specs = {"a": QuerySpec(share=7), "b": QuerySpec(share=2), "c": QuerySpec(share=1, steps=9)}
    sigmas = noise_multipliers(epsilon, delta, specs)
    mu = math.sqrt(sigmas["a"] ** -2 + sigmas["b"] ** -2 + 9 * sigmas["c"] ** -2)
    spent = gaussian_epsilon(mu, delta=delta)  # another accountant
    assert epsilon * (1 - 1e-4) <= spent <= epsilon
    assert sigmas["b"] ** 2 / sigmas["a"] ** 2 == pytest.approx(3.5)
    assert sigmas["c"] ** 2 / sigmas["a"] ** 2 == pytest.approx(7 * 9)


def test_budget_that_no_noise_meets_is_a_configuration_error():
    with pytest.raises(ConfigError, match=r"noise multiplier 0\.01 to 10000\) gives epsilon 1e-07 and delta 1e-12"):
        noise_multipliers(1e-7, 1e-12, {"means": QuerySpec(share=0.3)})
