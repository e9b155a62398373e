import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthgen.core.errors import InternalError
from synthgen.core.neighbours import indexed
from synthgen.interpolate import neighbourhoods
from synthgen.interpolate.base import TrainRows, Unfit
from synthgen.interpolate.neighbourhoods import nearest_persons_in_class, neighbours_in_any_class, neighbours_in_class


def slow(vectors, groups, k):
    """Return each row's k nearest persons, by sorting every other row and keeping each person's first."""
    rows, distances = [], []
    for i in range(len(groups)):
        far = np.sqrt(np.square(vectors.astype(np.float64) - vectors[i]).sum(axis=1))
        order = sorted((j for j in range(len(groups)) if groups[j] != groups[i]), key=lambda j: (far[j], j))
        first = {}
        for j in order:
            first.setdefault(groups[j], j)
        chosen = list(first.values())[:k]
        rows.append(chosen)
        distances.append(far[chosen])
    return np.array(rows), np.array(distances)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_nearest_persons_equal_sorting_all_rows(data):
    k = data.draw(st.integers(1, 6), label="k")
    own = data.draw(st.lists(st.integers(1, 9), min_size=k + 1, max_size=k + 5), label="rows of each person")
    rng = np.random.default_rng(data.draw(st.integers(0, 2**31), label="seed"))
    groups = rng.permutation(np.repeat(7 + np.arange(len(own)), own))
    vectors = rng.integers(-2, 3, size=(len(groups), 2)).astype(np.float32)  # many ties
    near, distances = nearest_persons_in_class(one_class(vectors, groups), 0, k)
    want, far = slow(vectors, groups, k)
    assert np.array_equal(near, want)
    np.testing.assert_allclose(distances, far, atol=1e-12)


def test_nearest_persons_count_each_person_once_and_require_enough_persons(monkeypatch):
    monkeypatch.setattr(neighbourhoods, "AT_ONCE", 64)  # so that rows are searched in several parts
    line = np.concatenate([[0.0, 100, 300], 1 + np.arange(40) / 1000])[:, None].astype(np.float32)
    groups = np.array([0, 1, 2] + [3] * 40)
    near, distances = nearest_persons_in_class(one_class(line, groups), 0, 3)
    assert (near[0].tolist(), distances[0].tolist(), near[2].tolist()) == ([3, 1, 2], [1, 100, 300], [1, 42, 0])
    assert set(map(tuple, near[3:].tolist())) == {(0, 1, 2)}
    with pytest.raises(InternalError, match="only 3 persons, so no row has 3 other persons"):
        nearest_persons_in_class(one_class(np.eye(5, dtype=np.float32), np.array([0, 0, 1, 1, 2])), 0, 3)


def one_class(vectors, groups):
    return TrainRows(vectors=vectors, classes=np.zeros(len(groups), dtype=np.int64), groups=groups)


def line(groups):
    """Return five rows at 0, 1, 3, 7 and 15 on a line; rows 0, 1 and 4 are of class 1."""
    vectors = np.array([0, 1, 3, 7, 15], dtype=np.float32)[:, None]
    return TrainRows(vectors=vectors, classes=np.array([1, 1, 0, 2, 1]), groups=np.array(groups))


def test_neighbours_in_any_class_worked_example():
    # rows 1 and 2 belong to one person, so they are not neighbours
    around, other = neighbours_in_any_class(line([4, 0, 0, 1, 2]), 1, 3)
    assert around.tolist() == [[1, 2, 3], [0, 3, 4], [3, 2, 1]]
    assert other.tolist() == [[False, True, True], [False, True, False], [True, True, False]]


def test_neighbours_in_any_class_requires_enough_rows_of_other_persons():
    few = line([0, 0, 0, 1, 2])
    assert neighbours_in_any_class(few, 2, 4)[0].shape == (1, 4)  # the person of this row has one record
    assert neighbours_in_any_class(few, 1, 2)[0].shape == (3, 2)
    with pytest.raises(Unfit, match="needs 3 records of other persons, but only 2 exist"):
        neighbours_in_any_class(few, 1, 3)


def test_neighbours_in_class_are_numbered_within_the_class():
    x = line([0, 0, 0, 1, 2])  # the first two rows of class 1 are one person
    near, distances = neighbours_in_class(x, 1, 1)
    assert (near.tolist(), distances.tolist()) == ([[2], [2], [1]], [[15], [14], [14]])
    assert neighbours_in_class(x, 1, 1, targets=np.array([2]))[0].tolist() == [[1]]


def test_neighbours_in_class_with_the_cosine_distance():
    vectors = np.array([[1, 0], [9, 1], [0, 1], [1, 0.5]], dtype=np.float32)
    x = TrainRows(vectors=vectors, classes=np.zeros(4, np.int64), groups=np.arange(4))
    near, distances = neighbours_in_class(x, 0, 2, metric="cosine")
    assert near[0].tolist() == [1, 3]
    assert distances[0] == pytest.approx([1 - 9 / 82**0.5, 1 - 2 / 5**0.5], abs=1e-6)


@pytest.fixture
def many(monkeypatch):
    """Rows of two classes, of which the first has enough rows for an index of its own."""
    monkeypatch.setattr(indexed, "INDEXED_ROWS", 900)
    monkeypatch.setattr(neighbourhoods, "INDEXED_ROWS", 900)
    rng = np.random.default_rng(8)
    vectors = rng.normal(size=(1211, 18)).astype(np.float32) * np.geomspace(1, 0.05, 18, dtype=np.float32)
    return TrainRows(vectors=vectors, classes=np.repeat([0, 1], [950, 261]), groups=np.arange(1211) // 2)


def test_among_many_rows_an_index_is_used_and_reported(many):
    near, distances = neighbours_in_class(many, 0, 4)
    around, other = neighbours_in_any_class(many, 1, 6)
    persons, _ = nearest_persons_in_class(many, 0, 3)
    reports = {where: report.engine for where, report in many.reports.items()}
    assert reports == {(0, 4): "ivf", (None, 6): "ivf", (0, 6): "ivf"}  # 3 persons with 2 rows each: k = 6
    exact = TrainRows(vectors=many.vectors, classes=many.classes, groups=many.groups)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(indexed, "INDEXED_ROWS", 10**6)
        patch.setattr(neighbourhoods, "INDEXED_ROWS", 10**6)
        same = [
            (near == neighbours_in_class(exact, 0, 4)[0]).mean(),
            (around == neighbours_in_any_class(exact, 1, 6)[0]).mean(),
            (persons == nearest_persons_in_class(exact, 0, 3)[0]).mean(),
        ]
    assert min(same) > 0.8
    assert not exact.reports
    assert (other == (many.classes[around] != 1)).all()
    assert (np.diff(distances, axis=1) >= 0).all()


def test_few_searched_rows_are_searched_exactly_among_many(many):
    neighbours_in_class(many, 0, 4, targets=np.array([3, 9]))
    neighbours_in_class(many, 1, 4)  # a class with few rows is not reported
    assert {where: report.engine for where, report in many.reports.items()} == {(0, 4): "exact"}


def test_whether_an_index_is_used_does_not_depend_on_the_order_of_the_classes(many):
    neighbours_in_any_class(many, 0, 5)
    other = TrainRows(vectors=many.vectors, classes=many.classes, groups=many.groups)
    after = neighbours_in_any_class(many, 1, 5)[0]
    assert np.array_equal(after, neighbours_in_any_class(other, 1, 5)[0])
