import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthgen.core.errors import InternalError
from synthgen.stages.interpolate import partners
from synthgen.stages.interpolate.partners import nearest_persons


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
def test_the_same_as_sorting_everything(data):
    k = data.draw(st.integers(1, 6), label="k")
    own = data.draw(st.lists(st.integers(1, 9), min_size=k + 1, max_size=k + 5), label="rows of each person")
    rng = np.random.default_rng(data.draw(st.integers(0, 2**31), label="seed"))
    groups = rng.permutation(np.repeat(7 + np.arange(len(own)), own))
    vectors = rng.integers(-2, 3, size=(len(groups), 2)).astype(np.float32)  # many ties
    near, distances = nearest_persons(vectors, groups, k)
    want, far = slow(vectors, groups, k)
    assert np.array_equal(near, want)
    np.testing.assert_allclose(distances, far, atol=1e-12)


def test_a_person_of_many_near_rows_is_one_person(monkeypatch):
    monkeypatch.setattr(partners, "AT_ONCE", 64)  # so that rows are searched in several parts
    line = np.concatenate([[0.0, 100, 300], 1 + np.arange(40) / 1000])[:, None].astype(np.float32)
    groups = np.array([0, 1, 2] + [3] * 40)
    near, distances = nearest_persons(line, groups, 3)
    assert near[0].tolist() == [3, 1, 2]
    assert distances[0].tolist() == [1, 100, 300]
    assert near[2].tolist() == [1, 42, 0]
    assert set(map(tuple, near[3:].tolist())) == {(0, 1, 2)}


def test_the_nearest_by_angle():
    vectors = np.array([[1, 0], [9, 1], [0, 1], [1, 0.5]], dtype=np.float32)
    near, distances = nearest_persons(vectors, np.arange(4), 2, metric="cosine")
    assert near[0].tolist() == [1, 3]
    assert distances[0] == pytest.approx([1 - 9 / 82**0.5, 1 - 2 / 5**0.5], abs=1e-6)


def test_too_few_persons_are_the_callers_mistake():
    with pytest.raises(InternalError, match="3 persons, so no row has 3 others"):
        nearest_persons(np.eye(5, dtype=np.float32), np.array([0, 0, 1, 1, 2]), 3)
