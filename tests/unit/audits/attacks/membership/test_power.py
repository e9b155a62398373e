import numpy as np
import pytest
from scipy import stats

from audits.attacks.membership.power import POWERS, found_with
from audits.core.stats import CHANCE_LEVEL, FAIL_LEVEL, holm, scan_test
from audits.core.two_sided import area_of

N_TRAIN, N_CONTROL, ATTACKS = 500, 400, 6


@pytest.fixture(scope="module")
def curve():
    return found_with(N_TRAIN, N_CONTROL, attacks=ATTACKS, margin=0.05, epsilon_limit=1.0, coins=780)


def test_more_power_requires_larger_leaks(curve):
    assert curve["power"] == list(POWERS)
    for leak in ("auc", "copied_share", "epsilon"):
        assert curve[leak] == sorted(curve[leak])
    assert 0.55 < curve["auc"][1] < 0.7
    assert 0 < curve["copied_share"][1] < 0.1
    assert 0.5 < curve["epsilon"][1] < 4


def test_the_stated_power_equals_the_simulated_one(curve):
    rng = np.random.default_rng(1)
    shift = np.sqrt(2) * stats.norm.ppf(curve["auc"][1])
    copied = round(curve["copied_share"][1] * N_TRAIN)
    found = np.zeros(2)
    for _ in range(200):
        train, control = rng.normal(size=N_TRAIN), rng.normal(size=N_CONTROL)
        others = [1.0] * (ATTACKS - 1)
        found[0] += min(holm([area_of(train + shift, control).p_beyond(0.05), *others])) < FAIL_LEVEL
        train[:copied] += 9
        found[1] += min(holm([scan_test(train, control).p, *others])) < CHANCE_LEVEL
    assert found / 200 == pytest.approx([0.8, 0.9], abs=0.1)


def test_with_too_few_persons_no_epsilon_is_detected():
    curve = found_with(20, 20, attacks=9, margin=0.05, epsilon_limit=1.0, coins=9)
    assert curve["epsilon"] == [None, None, None]
