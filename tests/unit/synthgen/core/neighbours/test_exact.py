import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthgen.core.errors import DataError, InternalError
from synthgen.core.neighbours import nearest_rows


def slow_nearest(vectors, groups, k):
    """Return the neighbours and distances from all pairs in float64."""
    points = vectors.astype(np.float64)
    indices, distances = [], []
    for i in range(len(points)):
        others = [j for j in range(len(points)) if groups[j] != groups[i]]
        ranked = sorted(others, key=lambda j: (np.square(points[i] - points[j]).sum(), j))[:k]
        indices.append(ranked)
        distances.append([np.sqrt(np.square(points[i] - points[j]).sum()) for j in ranked])
    return np.array(indices), np.array(distances)


@settings(max_examples=40, deadline=None)
@given(st.integers(9, 40), st.integers(1, 6), st.integers(1, 4), st.integers(0, 2**31))
def test_nearest_rows_equals_a_search_over_all_pairs_with_ties(n, d, k, seed):
    rng = np.random.default_rng(seed)
    vectors = rng.integers(-2, 3, size=(n, d)).astype(np.float32)  # many equal distances
    groups = np.arange(n) % (k + 2)
    indices, distances = nearest_rows(vectors, groups, k)
    expected = slow_nearest(vectors, groups, k)
    assert np.array_equal(indices, expected[0])
    np.testing.assert_allclose(distances, expected[1])


def test_nearest_rows_orders_near_ties_far_from_the_origin():
    # at this length the float32 product errs by more than the differences between the distances
    rng = np.random.default_rng(4)
    vectors = (100 + rng.integers(0, 40, size=(60, 3)) / 64).astype(np.float32)
    indices, _ = nearest_rows(vectors, np.arange(60), 4)
    assert np.array_equal(indices, slow_nearest(vectors, np.arange(60), 4)[0])


def test_nearest_rows_excludes_rows_of_the_same_person():
    vectors = np.array([[0, 0], [0, 0], [5, 0], [9, 0]], dtype=np.float32)
    indices, distances = nearest_rows(vectors, np.array([0, 0, 1, 1]), 2)
    assert indices.tolist() == [[2, 3], [2, 3], [0, 1], [0, 1]]
    assert distances[0].tolist() == [5, 9]


def test_nearest_rows_with_the_cosine_distance():
    vectors = np.array([[2, 0], [0, 3], [3, 4]], dtype=np.float32)
    indices, distances = nearest_rows(vectors, np.arange(3), 2, metric="cosine")
    assert indices[0].tolist() == [2, 1]
    np.testing.assert_allclose(distances[0], [1 - 0.6, 1], atol=1e-6)


def test_nearest_rows_rejects_vectors_of_norm_zero():
    for vectors in (np.zeros((3, 2), np.float32), np.array([[1, 2], [1e-20, 0]], np.float32)):
        with pytest.raises(DataError, match="norm of a vector is zero or almost zero"):
            nearest_rows(vectors, np.arange(len(vectors)), 1, metric="cosine")


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("scale", [1e19, 3e38, 1e-15, 1e-40, np.inf, np.nan])
def test_nearest_rows_rejects_norms_whose_squares_do_not_fit_float32(scale, metric):
    vectors = np.array([[1, 0], [0.5, 1]]) * scale if np.isfinite(scale) else np.array([[1, 0], [scale, 1]])
    with pytest.raises(DataError, match=r"must be from 1e-14 to 1e\+18"):
        nearest_rows(vectors.astype(np.float32), np.arange(2), 1, metric=metric)


def test_nearest_rows_requires_enough_rows_of_other_persons():
    with pytest.raises(InternalError, match="needs at least 2 vectors of other persons"):
        nearest_rows(np.zeros((3, 2), dtype=np.float32), np.array([0, 0, 1]), 2)


def test_nearest_rows_searches_selected_rows_among_all():
    rng = np.random.default_rng(5)
    vectors, groups = rng.normal(size=(41, 6)).astype(np.float32), rng.integers(0, 13, size=41)
    rows = np.array([7, 40, 0, 7])
    whole, some = nearest_rows(vectors, groups, 3), nearest_rows(vectors, groups, 3, rows=rows)
    assert np.array_equal(some[0], whole[0][rows])
    assert np.array_equal(some[1], whole[1][rows])
    assert nearest_rows(vectors, groups, 3, rows=rows[:0])[0].shape == (0, 3)


def test_nearest_rows_does_not_depend_on_the_block_size_or_the_screen(monkeypatch):
    rng = np.random.default_rng(6)
    vectors = (rng.normal(size=(1900, 5)) @ rng.normal(size=(5, 23))).astype(np.float32)
    vectors[100:140] = vectors[200:240]  # exact ties
    groups = rng.integers(0, 700, size=1900)
    results = []
    for large, block in ((0, 1024), (10**12, 1024), (10**12, 105)):
        monkeypatch.setattr("synthgen.core.neighbours.exact.LARGE", large)
        monkeypatch.setattr("synthgen.core.neighbours.exact.BLOCK_ROWS", block)
        results.append(nearest_rows(vectors, groups, 4))
    for other in results[1:]:
        assert np.array_equal(results[0][0], other[0])
        assert np.array_equal(results[0][1], other[1])
