"""Margins: what rows can carry, when a share is within one, and what the audit would have seen."""

import numpy as np
import pytest
from scipy import stats

from audits.attacks.parent_recovery.encoder_shares import MARGINS, ShareTest, margin_of
from audits.core.stats import needed_for_share, power_of_each
from audits.embeddings.distances import Share


def share_test(value, n, margin, null=0.5):
    return ShareTest(what="x", share=Share(value=value, error=0.5 / np.sqrt(n)), null=null, margin=margin)


@pytest.mark.parametrize(
    ("n", "margin"), [(100, None), (160, 0.10), (1000, 0.10), (1500, 0.05), (3000, 0.05), (4200, 0.03)]
)
def test_more_rows_carry_a_stricter_margin(n, margin):
    assert margin_of(Share(value=0.5, error=0.5 / np.sqrt(n)), 6) == margin


def test_a_share_that_cannot_vary_carries_no_margin():
    assert margin_of(Share(value=0.5, error=0.0), 6) is None
    assert not share_test(0.5, 400, None).is_within(None, 0.95)
    assert ShareTest(what="x", share=Share(value=0.9, error=0.0), null=0.5, margin=0.1).p_beyond(0.1) == 1.0


def test_safe_shares_at_the_least_rows_of_a_margin_come_out_within_it_together():
    n_shares = 6
    n = needed_for_share(0.05, power=power_of_each(n_shares))
    values = np.random.default_rng(0).normal(0.5, 0.5 / np.sqrt(n), size=(1000, n_shares))
    inside = [all(share_test(v, n, 0.05).is_within(0.05, 0.95) for v in row) for row in values]
    assert np.mean(inside) == pytest.approx(0.8, abs=0.04)


def test_a_share_at_its_margin_passes_once_in_twenty():
    values = np.random.default_rng(0).normal(0.55, 0.5 / np.sqrt(2000), size=4000)
    assert np.mean([share_test(v, 2000, 0.05).is_within(0.05, 0.95) for v in values]) == pytest.approx(
        0.05, abs=0.012
    )


def test_both_sides_count_and_the_p_value_is_two_sided():
    assert share_test(0.62, 900, 0.05).p_beyond(0.05) == share_test(0.38, 900, 0.05).p_beyond(0.05)
    assert share_test(0.62, 900, 0.05).p_beyond(0.05) == pytest.approx(2 * stats.norm.sf(0.07 / 0.5 * 30))
    assert share_test(0.54, 900, 0.05).p_beyond(0.05) == 1.0
    assert not share_test(0.4, 900, 0.05).is_within(0.05, 0.95)
    assert not share_test(0.6, 900, 0.05).is_within(0.05, 0.95)


def test_an_estimate_less_its_null_is_an_excess():
    excess = share_test(0.3, 400, 0.1, null=0.25).share.estimate(0.95, less=0.25)
    assert (excess.value, excess.n) == (pytest.approx(0.05), pytest.approx(400, abs=1))
    assert excess.high - excess.low == pytest.approx(2 * stats.norm.ppf(0.95) * 0.025)


@pytest.mark.parametrize(("n", "margin"), [(200, 0.10), (1500, 0.05), (5000, 0.03)])
def test_the_smallest_leak_is_stopped_four_times_in_five(n, margin):
    leak = share_test(0.5, n, margin).smallest_leak(6, 0.95)
    shares = [
        share_test(v, n, margin) for v in np.random.default_rng(1).normal(0.5 + leak, 0.5 / np.sqrt(n), size=3000)
    ]
    stopped = [
        not s.is_within(margin, 0.95) or (6 * s.p_beyond(0.0) < 0.05 and not s.is_within(MARGINS[0], 0.95))
        for s in shares
    ]
    assert 0.78 <= np.mean(stopped) <= 0.9
    assert share_test(0.5, n, None).smallest_leak(6, 0.95) is None
