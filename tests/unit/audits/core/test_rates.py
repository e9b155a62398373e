import numpy as np
import pytest

from audits.core.rates import difference, exact, one_person_power, provable_limit, share, too_few
from audits.core.stats import newcombe


@pytest.mark.parametrize(
    ("n", "tau", "needed"),
    [(298, None, 299), (299, 0.01, 998), (997, 0.01, 998), (998, 0.003, 2995), (2994, 0.003, 2995), (2995, 0.001, 0)],
)
def test_the_limit_follows_from_the_number_of_persons(n, tau, needed):
    assert provable_limit(n) == (tau, needed)
    no_events = np.zeros(n, dtype=bool)
    assert tau is None or difference(no_events, no_events, confidence=0.95).high <= tau


def test_difference_share_and_exact_numbers():
    train, control = np.arange(40) < 9, np.arange(35) < 2
    e = difference(train, control, confidence=0.9)
    assert e.value == pytest.approx(9 / 40 - 2 / 35)
    assert (e.low, e.high) == pytest.approx(newcombe(9, 40, 2, 35, confidence=0.9))
    assert e.n == 35
    e = share(np.arange(30) < 3, confidence=0.95)
    assert e.low < 0.1 < e.high
    assert exact(4, confidence=0.95, n=7).low == exact(4, confidence=0.95, n=7).high == 4


def test_the_required_numbers_and_the_power_are_stated():
    expected = "299 in each are required to show that at most 1 % of the persons leak, or 2995 to show at most 0.1 %"
    assert expected in too_few(60)
    power = one_person_power(320, 310)
    assert power == {"n": 310, "n_needed": 2995, "smallest_leak": 1 / 320, "epsilon_ceiling": None}
