import math

import pytest

from audits.accounting.accountants import gaussian_epsilon
from synthgen.privacy.budget import noise_multipliers


@pytest.mark.parametrize(("epsilon", "delta"), [(0.5, 1e-5), (3.0, 1e-6)])
def test_all_queries_together_cost_the_budget_and_no_more(epsilon, delta):
    sigmas = noise_multipliers(epsilon, delta, {"a": 7, "b": 2, "c": 1})
    spent = gaussian_epsilon(math.sqrt(sum(s**-2 for s in sigmas.values())), delta=delta)  # another accountant
    assert epsilon * (1 - 1e-4) <= spent <= epsilon
    assert sigmas["b"] ** 2 / sigmas["a"] ** 2 == pytest.approx(3.5)
