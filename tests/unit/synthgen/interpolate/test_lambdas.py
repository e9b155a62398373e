import numpy as np
import pytest

from synthgen.core.seeds import SeedTree
from synthgen.interpolate.lambdas import draw_dirichlet_weights, draw_lambdas, pair_weights


def generator():
    return SeedTree(5).child("lambda").generator()


def test_one_draw_a_point_so_that_more_points_keep_the_first():
    few, many = draw_lambdas(generator(), 3), draw_lambdas(generator(), 40)
    np.testing.assert_array_equal(few, many[:3])
    np.testing.assert_array_equal(many, generator().random(40))


@pytest.mark.parametrize(("beta", "mean", "variance"), [(None, 1 / 2, 1 / 12), ((2.0, 6.0), 1 / 4, 1 / 48)])
def test_lambda_is_uniform_or_of_the_shape_asked_for(beta, mean, variance):
    lam = draw_lambdas(generator(), 40_000, beta)
    assert ((lam >= 0) & (lam <= 1)).all()
    assert lam.mean() == pytest.approx(mean, abs=0.01)
    assert lam.var() == pytest.approx(variance, rel=0.05)


def test_weights_of_a_pair_by_hand():
    assert pair_weights(np.array([0.25, 1.0])).tolist() == [[0.75, 0.25], [0, 1]]


def test_dirichlet_weights_sum_to_one():
    weights = draw_dirichlet_weights(generator(), 20_000, 3, 2.0)
    assert weights.shape == (20_000, 3)
    np.testing.assert_allclose(weights.sum(axis=1), 1, rtol=1e-12)
    np.testing.assert_allclose(weights.mean(axis=0), 1 / 3, atol=0.01)
    np.testing.assert_allclose(weights.var(axis=0), 2 * 4 / (36 * 7), rtol=0.05)
