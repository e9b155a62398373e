import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from studies.smotext.nearness import character_cosines, membership_auc, parent_nearest, unit_cosines
from synthgen.core.errors import DataError


def test_cosines_by_hand():
    synthetic = np.array([[3, 0], [1, 1], [0, 0]], dtype=np.float32)
    real = np.array([[0, 2], [4, 3]], dtype=np.float32)
    wanted = [[0, 0.8], [np.sqrt(0.5), 1.4 / np.sqrt(2)], [0, 0]]
    assert np.allclose(unit_cosines(synthetic, real), wanted)


def test_characters_find_the_text_that_was_copied():
    real = [f"the {word} was seen at noon" for word in ("elephant", "tractor", "submarine")]
    near = character_cosines(["a tractor", "submarines, two", ""], real)
    assert near.shape == (3, 3)
    assert near.argmax(axis=1)[:2].tolist() == [1, 2]
    assert near[2].max() == 0
    many = character_cosines(["tractor"] * 300, real)  # more texts than one block
    assert np.allclose(many, many[0])


def test_parents_by_hand():
    near = np.array([[0.1, 0.9, 0.2], [0.5, 0.4, 0.3], [0.1, 0.2, 0.3], [0.7, 0.1, 0.6]])
    assert parent_nearest(near, [(1,), (1, 2), (0, 2), (2,)]) == 0.5
    for rows, parents in ((near, [(1,), (), (0,), (2,)]), (near[:0], [])):
        with pytest.raises(DataError, match="requires records with parents"):
            parent_nearest(rows, parents)


def test_membership_is_the_area_under_the_curve():
    near = np.random.default_rng(4).random((5, 11)).round(1)  # with ties
    best = near.max(axis=0)
    assert membership_auc(near, 4) == pytest.approx(roc_auc_score([1] * 4 + [0] * 7, best))
    assert membership_auc(np.array([[0.9, 0.2, 0.1]]), 1) == 1
    assert membership_auc(np.array([[0.5, 0.5, 0.5]]), 2) == 0.5


@pytest.mark.parametrize(("shape", "members"), [((0, 3), 1), ((2, 3), 0), ((2, 3), 3)])
def test_membership_without_rows_or_without_both_sides_is_refused(shape, members):
    with pytest.raises(DataError, match="membership needs"):
        membership_auc(np.zeros(shape), members)
