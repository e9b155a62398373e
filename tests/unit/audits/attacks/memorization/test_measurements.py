import numpy as np
import pytest

from audits.attacks.memorization.measurements import _more_of_train


@pytest.mark.parametrize(("of_train", "of_control", "p"), [(0, 0, 1), (0, 2, 1), (2, 0, 6 / 36), (2, 1, 34 / 84)])
def test_the_p_value_counts_persons_with_a_value(of_train, of_control, p):
    """Four train and five control persons; the p-values are those of drawing persons without replacement."""
    found = np.zeros(9, dtype=np.int64)
    found[:of_train] = 7
    found[4 : 4 + of_control] = 3
    assert _more_of_train(found, 4) == pytest.approx(p)
