from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.core.seeds import SeedTree
from synthgen.interpolate.base import FittedByClass, TrainRows
from synthgen.interpolate.config import InterpolateConfig
from synthgen.interpolate.linear import (
    BLOCK_ROWS,
    LinearInterpolator,
    draw_lambdas,
    interpolate_linearly,
    pair_weights,
)


def generator():
    return SeedTree(5).child("lambda").generator()


def test_draw_lambdas_of_more_points_keeps_the_first():
    for count in (3, 40):
        np.testing.assert_array_equal(draw_lambdas(generator(), count), generator().random(40)[:count])


@pytest.mark.parametrize(("beta", "mean", "variance"), [(None, 1 / 2, 1 / 12), ((2.0, 6.0), 1 / 4, 1 / 48)])
def test_draw_lambdas_is_uniform_or_follows_the_beta_distribution(beta, mean, variance):
    lam = draw_lambdas(generator(), 40_000, beta)
    assert ((lam >= 0) & (lam <= 1)).all()
    assert (lam.mean(), lam.var()) == (pytest.approx(mean, abs=0.01), pytest.approx(variance, rel=0.05))


def test_pair_weights_and_linear_interpolator_worked_examples():
    x = np.array([[0, 0, 2], [1, 0, 2], [3, 5, 2]], dtype=np.float32)
    parents, weights = np.array([[0, 2], [2, 1]]), pair_weights(np.array([0.25, 1.0]))
    assert weights.tolist() == [[0.75, 0.25], [0, 1]]
    rows = TrainRows(vectors=x, classes=np.zeros(3, dtype=np.int64), groups=np.arange(3))

    class Given(LinearInterpolator):
        name: ClassVar[str] = "given"

        def fit_class(self, rows, code):
            return code

        def draw(self, state, m, rng):
            return (parents, weights) if state == 0 else (parents[:, :1], np.ones((2, 1)))

    fitted = FittedByClass(Given(), rows)
    points = fitted.points(0, 2, SeedTree(1))
    assert points.vectors.tolist() == [[0.75, 1.25, 2], [1, 0, 2]]
    assert (points.parents is parents, points.weights is weights) == (True, True)
    assert fitted.points(1, 2, SeedTree(1)).vectors.tolist() == x[[0, 2]].tolist()


@given(st.integers(1, 2 * BLOCK_ROWS + 3), st.integers(2, 9), st.integers(1, 5), st.integers(1, 2))
def test_interpolate_linearly_does_not_depend_on_blocks(m, n, d, p):
    rng = np.random.default_rng(m)
    x, parents = rng.normal(size=(n, d)), rng.integers(0, n, size=(m, p))
    weights = rng.dirichlet(np.ones(p), size=m)
    for dtype, error in ((np.float32, 1e-6), (np.float64, 1e-14)):
        out = np.full((m, d), np.nan, dtype=dtype)
        interpolate_linearly(x.astype(dtype), parents, weights, out)
        np.testing.assert_allclose(out, (weights[:, :, None] * x[parents]).sum(axis=1), atol=error)


@pytest.mark.parametrize("method", ["adasyn", "borderline-smote", "random-oversample", "smote"])
def test_linear_methods_return_the_points_of_their_drawn_parents(method):
    rng = np.random.default_rng(4)
    x = rng.normal(size=(40, 3)).astype(np.float32)
    rows = TrainRows(vectors=x, classes=np.repeat([0, 1], 20), groups=np.arange(40))
    fitted = InterpolateConfig(method=method, total=1).build().fit_rows(rows)
    assert isinstance(fitted.method, LinearInterpolator)
    points = fitted.points(1, 30, SeedTree(2))
    drawn_again = fitted.method.draw(fitted.state(1), 30, SeedTree(2))
    for made, drawn in zip((points.parents, points.weights), drawn_again, strict=True):
        np.testing.assert_array_equal(made, drawn)
