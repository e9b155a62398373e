import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthgen.core.errors import ConfigError, DataError
from synthgen.core.seeds import SeedTree
from synthgen.core.types import Embedded
from synthgen.interpolate.base import TrainRows, Unfit
from synthgen.interpolate.slerp import ARC_ROWS, Slerp, arc


def unit(x):
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


def rows(n, d, persons, seed=1):
    rng = np.random.default_rng(seed)
    groups = rng.permutation(np.concatenate([np.arange(persons), rng.integers(0, persons, size=n - persons)]))
    vectors = unit(rng.normal(size=(n, d)) + 1).astype(np.float32)
    return TrainRows(vectors=vectors, classes=np.zeros(n, np.int64), groups=groups, normalized=True)


def angle(a, b):
    """Return the angle between unit rows, in float64, from both of its halves."""
    a, b = unit(np.asarray(a, np.float64)), unit(np.asarray(b, np.float64))
    return 2 * np.arctan2(np.linalg.norm(a - b, axis=-1), np.linalg.norm(a + b, axis=-1))


def test_a_right_angle_by_hand():
    a, b = np.array([[1, 0, 0]] * 5, np.float32), np.array([[0, 0, 1]] * 5, np.float32)
    made = arc(a, b, np.array([0, 1 / 3, 1 / 2, 2 / 3, 1]))
    half, root = 1 / 2, math.sqrt(3) / 2
    want = [[1, 0, 0], [root, 0, half], [math.sqrt(half), 0, math.sqrt(half)], [half, 0, root], [0, 0, 1]]
    np.testing.assert_allclose(made, want, atol=1e-7)
    assert made.dtype == np.float32


def test_sixty_degrees_by_hand():
    # a at 0°, b at 60°; a quarter of the way is 15°
    a, b = np.array([[1, 0]], np.float32), np.array([[0.5, math.sqrt(0.75)]], np.float32)
    want = [[math.cos(math.pi / 12), math.sin(math.pi / 12)]]
    np.testing.assert_allclose(arc(a, b, np.array([0.25])), want, atol=1e-7)


@settings(max_examples=80, deadline=None)
@given(st.integers(2, 19), st.integers(1, 11), st.floats(-8, 0.4), st.integers(0, 2**31))
def test_a_point_of_the_arc_has_unit_length_and_its_share_of_the_angle(d, m, digits, seed):
    rng = np.random.default_rng(seed)
    a = unit(rng.normal(size=(m, d))).astype(np.float32)
    b = unit(a + 10**digits * rng.normal(size=(m, d))).astype(np.float32)
    lam = rng.random(m)
    made = arc(a, b, lam)
    np.testing.assert_allclose(np.linalg.norm(made.astype(np.float64), axis=1), 1, atol=2e-7)
    theta = angle(a, b)
    precise = theta < math.pi - 0.01
    np.testing.assert_allclose(angle(a, made)[precise], (lam * theta)[precise], atol=1e-6)
    np.testing.assert_allclose(angle(made, b)[precise], ((1 - lam) * theta)[precise], atol=1e-6)
    np.testing.assert_allclose(arc(b, a, 1 - lam)[precise], made[precise], atol=1e-6)


def test_equal_and_nearly_equal_ends():
    a = unit(np.random.default_rng(2).normal(size=(1, 9))).astype(np.float32)
    b = a.copy()
    b[0, 0] = np.nextafter(b[0, 0], np.float32(2))
    np.testing.assert_allclose(arc(a, a.copy(), np.array([0.3])), a, atol=1e-7)
    np.testing.assert_allclose(arc(a, b, np.array([0.3])), a, atol=1e-7)


def test_the_parts_of_a_long_table_are_each_made():
    x = rows(31, 5, 23)
    m = 2 * ARC_ROWS + 3
    points = Slerp(k_neighbors=4).fit_rows(x).points(0, m, SeedTree(1))
    a, b = (x.vectors[points.parents[:, j]] for j in (0, 1))
    np.testing.assert_allclose(points.vectors[-1:], arc(a[-1:], b[-1:], points.weights[-1:, 1]), atol=1e-7)
    np.testing.assert_allclose(angle(a, points.vectors), points.weights[:, 1] * angle(a, b), atol=1e-6)
    assert all(x.groups[i] != x.groups[j] for i, j in points.parents)
    assert np.array_equal(points.weights.sum(axis=1), np.ones(m))


def test_the_partner_is_near_by_angle():
    degrees = np.array([0, 10, 30, 70, 150])
    vectors = np.stack([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))], axis=1).astype(np.float32)
    x = TrainRows(vectors=vectors, classes=np.zeros(5, np.int64), groups=np.array([0, 0, 1, 2, 3]), normalized=True)
    points = Slerp(k_neighbors=2).fit_rows(x).points(0, 300, SeedTree(2))
    assert set(map(tuple, points.parents.tolist())) == {
        (0, 2),
        (0, 3),
        (1, 2),
        (1, 3),
        (2, 1),
        (2, 0),
        (3, 2),
        (3, 1),
        (4, 3),
        (4, 2),
    }


def test_lengths_that_are_off_by_rounding_decide_nothing():
    # row 2 is nearest to row 0 by angle, row 1 by distance; lengths may be off by 0.001
    turn, length = np.array([0, 0.0010, 0.0008, 1, 2]), np.array([1, 1, 1.0009, 1, 1])
    vectors = (length * np.array([np.cos(turn), np.sin(turn)])).T.astype(np.float32)
    x = TrainRows(vectors=vectors, classes=np.zeros(5, np.int64), groups=np.arange(5), normalized=True)
    points = Slerp(k_neighbors=1).fit_rows(x).points(0, 100, SeedTree(6))
    assert (0, 2) in set(map(tuple, points.parents.tolist()))
    np.testing.assert_allclose(np.linalg.norm(points.vectors, axis=1), 1, atol=2e-7)


@pytest.mark.parametrize(
    ("shape", "mean", "variance"), [(None, 1 / 2, 1 / 12), ((2.0, 5.0), 2 / 7, 10 / 392), ((0.5, 0.5), 1 / 2, 1 / 8)]
)
def test_the_share_is_drawn_as_it_says(shape, mean, variance):
    points = Slerp(k_neighbors=3, lambda_beta=shape).fit_rows(rows(9, 4, 7)).points(0, 20_000, SeedTree(3))
    lam = points.weights[:, 1]
    assert lam.mean() == pytest.approx(mean, abs=0.01)
    assert lam.var() == pytest.approx(variance, abs=0.003)


@pytest.mark.parametrize("options", [{}, {"lambda_beta": (0.7, 2.0)}, {"max_exposure": 60.0}])
def test_asking_for_more_keeps_the_first_rows_across_blocks(options):
    fitted = Slerp(**options).fit_rows(rows(200, 3, 150))
    few, many = (fitted.points(0, m, SeedTree(7)) for m in (4000, 5000))
    assert np.array_equal(few.vectors, many.vectors[:4000])
    assert np.array_equal(few.parents, many.parents[:4000])
    assert np.array_equal(few.weights, many.weights[:4000])


def test_nobody_passes_the_bound():
    x = rows(60, 3, 40)
    free, bound = (Slerp(max_exposure=most).fit_rows(x).points(0, 400, SeedTree(8)) for most in (None, 12.5))
    given_free, given = (
        np.bincount(x.groups[points.parents].ravel(), weights=points.weights.ravel()) for points in (free, bound)
    )
    assert given.max() <= 12.5 < given_free.max()
    with pytest.raises(Unfit, match=r"40 persons with a summed weight of at most 9\.5 each make 380 records at most"):
        Slerp(max_exposure=9.5).fit_rows(x).points(0, 400, SeedTree(8))


def test_vectors_that_are_not_of_unit_length_are_refused():
    x = Embedded(
        vectors=2 * np.eye(7, 4, dtype=np.float32) + 1,
        ids=tuple("abcdefg"),
        labels=("a",) * 7,
        groups=tuple("abcdefg"),
        encoder="test",
        normalized=False,
    )
    with pytest.raises(DataError, match="not of unit length"):
        Slerp().fit(x)


def test_opposite_neighbours_are_refused_by_class_and_far_ones_are_not():
    vectors = np.array([[1, 0], [-1, 1e-4], [0, 1], [1, 0.01], [-1, 0.01]])
    x = Embedded(
        vectors=unit(vectors).astype(np.float32),
        ids=tuple("abcde"),
        labels=("ant", "ant", "ant", "bee", "bee"),
        groups=tuple("pqrst"),
        encoder="test",
        normalized=True,
    )
    assert len(Slerp(k_neighbors=1).fit(x).sample({"ant": 9, "bee": 9}, SeedTree(4))) == 18  # 178.9° for the bees
    with pytest.raises(DataError, match="slerp cannot make records of 1 class") as refused:
        Slerp(k_neighbors=2).fit(x).sample({"ant": 9}, SeedTree(4))
    assert refused.value.problems[0].startswith("'ant': 2 of 3 records have an opposite vector among their 2 nearest")


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        ({"k_neighbors": 0}, ["k_neighbors: Input should be greater than or equal to 1, got 0"]),
        ({"lambda_beta": (0.0, 1.0)}, ["lambda_beta.0: Input should be greater than 0"]),
        ({"lambda_beta": (1.0,)}, ["lambda_beta.1: missing"]),
        ({"lambda_beta": ()}, ["lambda_beta.0: missing", "lambda_beta.1: missing"]),
        ({"lambda_beta": (float("nan"), 1.0)}, ["lambda_beta.0: Input should be"]),
        ({"max_exposure": 0.4}, ["max_exposure: must be at least 1/2"]),
        ({"max_exposure": float("inf")}, ["max_exposure: Input should be a finite number"]),
        ({"k_neighbors": 0, "max_exposure": float("nan")}, ["k_neighbors: Input", "max_exposure: Input"]),
    ],
)
def test_what_cannot_be_is_refused_with_every_reason(options, parts):
    with pytest.raises(ConfigError, match="slerp cannot work with these options") as refused:
        Slerp(**options)
    assert len(refused.value.problems) == len(parts)
    for problem, part in zip(refused.value.problems, parts, strict=True):
        assert problem.startswith(part)
