"""Finding a person again from the synthetic row nearest to them."""

import numpy as np
import pytest

from audits.linkage.inversion import invert
from audits.linkage.views import Found


def test_a_person_is_found_again_by_any_of_their_records():
    whole = Found(
        rows=np.array([[2], [0], [1], [2], [0]]), similarities=np.array([[0.9], [0.1], [-0.2], [0.8], [0.3]])
    )
    back = np.array([1, 4, 3])  # the record nearest to each of three synthetic rows
    row_person = np.array([0, 1, 1, 0, 2])
    found = invert(whole, back, row_person)
    assert list(found.right) == [True, True, False, True, False]
    assert found.asked.all()
    assert found.confidence == pytest.approx([0.9, 0.1, 0, 0.8, 0.3])
