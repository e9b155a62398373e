import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.config import InterpolateConfig
from synthgen.core.seeds import SeedTree
from synthgen.stages.interpolate import METHODS, Rows, build
from synthgen.stages.interpolate.base import Learned
from synthgen.stages.interpolate.blend import BLOCK_ROWS, Blends, blend, blended, ends

X = np.array([[0, 0, 2], [1, 0, 2], [3, 5, 2]], dtype=np.float32)


def test_by_hand():
    parents, weights = ends(np.array([0, 2]), np.array([2, 1]), np.array([0.25, 1.0]))
    assert parents.tolist() == [[0, 2], [2, 1]]
    assert weights.tolist() == [[0.75, 0.25], [0, 1]]
    rows = Rows(vectors=X, classes=np.zeros(3, dtype=np.int64), groups=np.arange(3))
    points = blended(rows, parents, weights)
    assert points.vectors.tolist() == [[0.75, 1.25, 2], [1, 0, 2]]
    assert points.parents is parents
    assert points.weights is weights
    assert blended(rows, parents[:, :1], np.ones((2, 1))).vectors.tolist() == X[[0, 2]].tolist()


@given(st.integers(1, 2 * BLOCK_ROWS + 3), st.integers(2, 9), st.integers(1, 5), st.integers(1, 2))
def test_blocks_change_nothing(m, n, d, p):
    rng = np.random.default_rng(m)
    x = rng.normal(size=(n, d))
    parents = rng.integers(0, n, size=(m, p))
    weights = rng.dirichlet(np.ones(p), size=m)
    for dtype, error in ((np.float32, 1e-6), (np.float64, 1e-14)):
        out = np.full((m, d), np.nan, dtype=dtype)
        blend(x.astype(dtype), parents, weights, out)
        np.testing.assert_allclose(out, (weights[:, :, None] * x[parents]).sum(axis=1), atol=error)


@pytest.mark.parametrize("method", ["adasyn", "borderline-smote", "random-oversample", "smote"])
def test_a_method_that_says_who_is_in_a_point_makes_those_points(method):
    rng = np.random.default_rng(4)
    x = rng.normal(size=(40, 3)).astype(np.float32)
    rows = Rows(vectors=x, classes=np.repeat([0, 1], 20), groups=np.arange(40))
    learned: Learned = build(InterpolateConfig(method=method, total=1)).learn(rows)
    assert method in METHODS
    assert isinstance(learned, Blends)
    points = learned.points(1, 30, SeedTree(2))
    parents, weights = learned.draw(1, 30, SeedTree(2))
    np.testing.assert_array_equal(points.parents, parents)
    np.testing.assert_array_equal(points.weights, weights)
