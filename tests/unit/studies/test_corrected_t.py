import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from studies.corrected_t import corrected_t, holm_where_made


def test_by_hand():
    # mean 0.025; s² = (2·0.015² + 2·0.005²)/3 = 1/6000; factor 1/4 + 1/4; se² = 1/12000, t² = 7.5 with 3 degrees
    found = corrected_t(np.array([0.01, 0.03, 0.02, 0.04]), 0.25)
    u = math.sqrt(7.5 / 3)  # the distribution function of t with 3 degrees: 1/2 + (u/(1 + u²) + atan u)/π, u = t/√3
    p = 1 - 2 / math.pi * (u / (1 + u * u) + math.atan(u))
    half = 3.182446305 * math.sqrt(1 / 12000)  # t_{3, 0.975} from printed tables
    assert found.folds == 4
    assert found.mean == pytest.approx(0.025)
    assert found.p == pytest.approx(p, abs=1e-12)
    assert found.low == pytest.approx(0.025 - half, abs=1e-9)
    assert found.high == pytest.approx(0.025 + half, abs=1e-9)


@given(st.lists(st.integers(-40, 40), min_size=2, max_size=12, unique=True), st.sampled_from([0.5, 0.9, 0.99]))
def test_without_shared_records_it_is_the_usual_t_test(values, confidence):
    x = np.array(values) / 100
    found, usual = corrected_t(x, 0.0, confidence), stats.ttest_1samp(x, 0.0)
    low, high = usual.confidence_interval(confidence)
    assert found.p == pytest.approx(usual.pvalue, abs=1e-9)
    assert (found.low, found.high) == (pytest.approx(low, abs=1e-9), pytest.approx(high, abs=1e-9))


@given(st.lists(st.integers(-40, 40), min_size=2, max_size=12, unique=True), st.floats(0.01, 3))
def test_shared_records_never_make_it_more_confident(values, ratio):
    x = np.array(values) / 100
    shared, apart = corrected_t(x, ratio), corrected_t(x, 0.0)
    assert shared.p >= apart.p
    assert shared.high - shared.low > apart.high - apart.low
    assert (shared.low > 0 or shared.high < 0) == (shared.p < 0.05)


@pytest.mark.parametrize("values", [[], [0.3], [0.3, 0.3, 0.3], [0.1 + 0.2 - 0.3, 0.0]])
def test_without_spread_there_is_no_interval_and_no_p(values):
    found = corrected_t(np.array(values), 0.25)
    assert found.mean == (pytest.approx(values[0]) if values else None)
    assert (found.folds, found.low, found.high, found.p) == (len(values), None, None, None)


def test_holm_by_hand():
    # sorted: 0.01·4, max(0.04, 0.02·3), max(0.06, 0.03·2), max(0.06, 0.5·1); None is not a test
    assert holm_where_made([0.03, 0.01, None, 0.5, 0.02]) == pytest.approx([0.06, 0.04, None, 0.5, 0.06])
    assert holm_where_made([0.7, 0.6]) == [1.0, 1.0]
    assert holm_where_made([None]) == [None]
    assert holm_where_made([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=6))
def test_holm_is_bonferroni_closed_over_all_subsets(p_values):
    # reference: a hypothesis is rejected only if Bonferroni rejects every set of hypotheses that contains it
    m = len(p_values)
    sets = [[i for i in range(m) if bits >> i & 1] for bits in range(1, 1 << m)]
    slow = [max(min(1.0, len(s) * min(p_values[j] for j in s)) for s in sets if i in s) for i in range(m)]
    assert holm_where_made(p_values) == pytest.approx(slow)
