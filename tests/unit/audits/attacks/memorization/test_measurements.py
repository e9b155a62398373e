from types import SimpleNamespace

import numpy as np
import pytest

from audits.attacks.memorization.measurements import _bag_tests, _hypergeometric_p
from audits.attacks.memorization.word_bags import N_LENGTHS, BagMatches


@pytest.mark.parametrize(("of_train", "of_control", "p"), [(0, 0, 1), (0, 2, 1), (2, 0, 6 / 36), (2, 1, 34 / 84)])
def test_the_p_value_counts_persons_with_a_value(of_train, of_control, p):
    """Four train and five control persons; the p-values are those of drawing persons without replacement."""
    found = np.zeros(9, dtype=np.int64)
    found[:of_train] = 7
    found[4 : 4 + of_control] = 3
    assert _hypergeometric_p(found, 4) == pytest.approx(p)


@pytest.mark.parametrize(
    ("n_copied", "share", "kind", "rows"), [(8, 0.96, 0, 8), (8, 0.94, 0, 0), (9, 0.72, N_LENGTHS, 9)]
)
def test_the_rates_of_bags_of_words_are_compared_per_order(n_copied, share, kind, rows):
    """The bags of words of some train persons match one row each; that of a control person, in the other order."""
    n_train, n_control = 20, 20
    best = np.zeros((n_train + n_control + 1, 2 * N_LENGTHS))
    best[:n_copied, kind] = share
    best[n_train, N_LENGTHS - kind] = 1.0
    row, bag = np.arange(n_copied), np.full(n_copied, share)
    found = SimpleNamespace(
        merged=np.arange(len(best)),
        row_run=np.zeros(30),
        bags=BagMatches(best, row, row, np.full(n_copied, kind), bag),
    )
    p, is_found = _bag_tests(SimpleNamespace(n_train=n_train, n_persons=n_train + n_control), found)
    order = int(kind >= N_LENGTHS)
    assert is_found[order].sum() == rows
    assert is_found[1 - order].sum() == 0
    assert p[1 - order] > 0.5
    assert (p[order] <= 0.01) == (rows > 0)
