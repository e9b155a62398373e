"""Finding a person again from the synthetic row nearest to them."""

import numpy as np
import pytest

from audits.attacks.linkage.retrieval_inversion import invert
from audits.attacks.linkage.view_retrieval import NearestRows


def test_a_person_is_found_again_by_any_of_their_records():
    full = NearestRows(
        rows=np.array([[2], [0], [1], [2], [0]]), similarities=np.array([[0.9], [0.1], [-0.2], [0.8], [0.3]])
    )
    reverse = np.array([1, 4, 3])  # the record nearest to each of three synthetic rows
    row_person = np.array([0, 1, 1, 0, 2])
    found = invert(full, reverse, row_person)
    assert list(found.correct) == [True, True, False, True, False]
    assert found.is_trial.all()
    assert found.confidence == pytest.approx([0.9, 0.1, 0, 0.8, 0.3])
