import numpy as np
import pytest

from synthgen.stages.interpolate.base import Rows, Unfit
from synthgen.stages.interpolate.surroundings import surroundings


def rows(places, classes, groups):
    return Rows(
        vectors=np.array(places, dtype=np.float32)[:, None],
        classes=np.array(classes, dtype=np.int64),
        groups=np.array(groups, dtype=np.int64),
    )


def test_neighbours_of_any_class_by_hand():
    # 0 and 1 are of class 1; 1 and 2 are one person, so they are not neighbours
    around, other = surroundings(rows([0, 1, 3, 7, 15], [1, 1, 0, 2, 1], [4, 0, 0, 1, 2]), 1, 3)
    assert around.tolist() == [[1, 2, 3], [0, 3, 4], [3, 2, 1]]
    assert other.tolist() == [[False, True, True], [False, True, False], [True, True, False]]


def test_too_few_records_of_other_persons_are_named_with_their_number():
    few = rows([0, 1, 3, 7, 15], [1, 1, 0, 2, 1], [0, 0, 0, 1, 2])
    assert surroundings(few, 2, 4)[0].shape == (1, 4)  # its person has one record
    assert surroundings(few, 1, 2)[0].shape == (3, 2)
    with pytest.raises(Unfit, match="2 records of other persons, of any class, around one of its records, needs 3"):
        surroundings(few, 1, 3)
