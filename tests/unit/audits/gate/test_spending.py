import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from audits.core.stats import needed_for_auc
from audits.gate.spending import confidence_of


def test_confidence_and_needed_persons_equal_values_computed_by_hand():
    assert [confidence_of(j, 0.95) for j in (1, 2, 3)] == pytest.approx([0.96, 0.992, 0.9984])
    for confidence, factor in ((confidence_of(1, 0.95), 1.09), (0.975, 1.27)):
        assert needed_for_auc(0.05, confidence=confidence) / needed_for_auc(0.05) == pytest.approx(factor, abs=0.01)


@given(st.floats(0.8, 0.999), st.integers(1, 40))
def test_all_attempts_together_spend_at_most_alpha(confidence, tries):
    spent = sum(1 - confidence_of(j, confidence) for j in range(1, tries + 1))
    assert spent <= (1 - confidence) * (1 + 1e-9)
    assert confidence_of(tries, confidence) < confidence_of(tries + 1, confidence) or tries > 15


def test_repeated_attempts_rarely_pass_by_luck():
    """Six attempts with a table whose leak lies exactly at the limit: how often does one of them pass?"""

    def luck(confidence):  # P[the upper end of its interval lies below the limit]
        return stats.norm.cdf(-stats.norm.ppf(confidence))

    plain = 1 - (1 - luck(0.95)) ** 6
    spent = 1 - math.prod(1 - luck(confidence_of(j, 0.95)) for j in range(1, 7))
    assert (plain, spent) == (pytest.approx(0.265, abs=0.001), pytest.approx(0.05, abs=0.001))
