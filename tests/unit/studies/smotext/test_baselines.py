import numpy as np
import pytest

from studies.smotext.baselines import partners, sources
from synthgen.core.errors import DataError
from synthgen.core.seeds import SeedTree
from synthgen.core.types import Embedded


def test_every_row_is_used_once_before_any_is_used_again():
    labels = ("b", "a", "b", "a", "b")
    of = sources(labels, {"a": 5, "b": 3}, SeedTree(1))
    assert [labels[i] for i in of] == ["a"] * 5 + ["b"] * 3
    assert set(of[:2]) == set(of[2:4]) == {1, 3}
    assert set(of[5:]) == {0, 2, 4}
    assert (sources(labels, {"b": 2}, SeedTree(1)) == of[5:7]).all()  # each class is drawn independently


def test_partners_are_the_nearest_of_the_class_and_of_other_persons():
    # on a line: a at 0, 1 (same person as 0), 3, 7; b at 2 and 2.5
    points, names = np.array([[0], [1], [3], [7], [2], [2.5]], dtype=np.float32), {"ids": tuple("123456")}
    names |= {"labels": (*"aaaabb",), "groups": (*"ppqrst",)}
    x = Embedded(vectors=points, **names, encoder="none", normalized=False)
    assert partners(x, np.array([0, 1, 2, 0, 4, 5])).tolist() == [2, 2, 1, 3, 5, 4]
    assert partners(x, np.array([2, 4, 2])).tolist() == [1, 5, 0]
    with pytest.raises(DataError, match="too few neighbours") as caught:
        partners(x, np.array([0, 0, 0, 4, 4]))
    assert caught.value.problems == (
        "'a': a record has 2 records of other persons, needs 3",
        "'b': a record has 1 records of other persons, needs 2",
    )
