import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import gammainc

from synthgen.core.errors import ConfigError, DataError
from synthgen.core.seeds import SeedTree
from synthgen.interpolate.base import TrainRows, Unfit
from synthgen.interpolate.mixture import ARC_ROWS, Mixture, Slerp, arc, weighted_sum

NAN = float("nan")


def unit(x):
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


def rows(n, d, persons, seed=1, *, normalized=False):
    """Return n rows of one class, of that many persons."""
    rng = np.random.default_rng(seed)
    groups = rng.permutation(np.concatenate([np.arange(persons), rng.integers(0, persons, size=n - persons)]))
    vectors = rng.normal(size=(n, d))
    vectors = (unit(vectors + 1) if normalized else vectors).astype(np.float32)
    return TrainRows(vectors=vectors, classes=np.zeros(n, np.int64), groups=groups, normalized=normalized)


def exposures(points, groups):
    return np.bincount(groups[points.parents].ravel(), weights=points.weights.ravel())


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_mixture_points_are_convex_combinations_of_different_persons(data):
    p = data.draw(st.integers(2, 7), label="p")
    k = data.draw(st.integers(p, p + 4), label="k")
    persons = data.draw(st.integers(k + 1, k + 6), label="persons")
    n = data.draw(st.integers(persons + 1, 3 * persons), label="n")
    d = data.draw(st.sampled_from([d for d in range(1, 30) if d not in {n, k, p, persons}]), label="d")
    m = data.draw(st.sampled_from([m for m in range(1, 70) if m not in {n, k, p, d}]), label="m")
    alpha = data.draw(st.sampled_from([1e-9, 0.05, 1, 7.5, 1000]), label="alpha")
    bound = data.draw(st.none() | st.just(3 * max(1, m / persons)), label="bound")
    x = rows(n, d, persons, seed=data.draw(st.integers(0, 999), label="seed"))
    method = Mixture(k_neighbors=k, parents=p, alpha=alpha, max_exposure=bound)
    points = method.fit_rows(x).points(0, m, SeedTree(3))
    assert (points.vectors.shape, points.vectors.dtype) == ((m, d), np.float32)
    assert points.parents.shape == points.weights.shape == (m, p)
    np.testing.assert_allclose(points.weights.sum(axis=1), 1, atol=1e-12)
    assert points.weights.min() >= 0
    assert all(len(set(x.groups[row])) == p for row in points.parents)
    exact = np.einsum("mp,mpd->md", points.weights, x.vectors[points.parents].astype(np.float64))
    np.testing.assert_allclose(points.vectors, exact, atol=2e-6)
    if bound is not None:
        assert exposures(points, x.groups).max() <= bound


def test_mixture_sums_vectors_of_the_nearest_persons():
    vectors = np.array([[8, 0], [0, 4], [-4, 2], [1, 1]], dtype=np.float32)
    made = weighted_sum(vectors, np.array([[2, 0, 1], [3, 1, 0]]), np.array([[0.25, 0.5, 0.25], [1, 0, 0]]))
    assert made.tolist() == [[3, 1.5], [1, 1]]
    # persons at 0, 1, 3, 7, 15 on a line; the person at 1 has two more records far off, which are never the nearest
    line = np.array([0, 1, 3, 7, 15, 1000, 1001], dtype=np.float32)[:, None]
    x = TrainRows(vectors=line, classes=np.zeros(7, np.int64), groups=np.array([0, 1, 2, 3, 4, 1, 1]))
    points = Mixture(k_neighbors=2, parents=3).fit_rows(x).points(0, 500, SeedTree(4))
    sets = {(row[0] < 5, *sorted(row)) for row in points.parents.tolist()}
    assert sets == {(True, 0, 1, 2), (True, 1, 2, 3), (True, 2, 3, 4), (False, 3, 4, 5), (False, 3, 4, 6)}


def test_mixture_draws_records_and_near_persons_uniformly():
    x = rows(11, 3, 11)
    points = Mixture(k_neighbors=6, parents=4, alpha=2).fit_rows(x).points(0, 33_000, SeedTree(5))
    base = np.bincount(points.parents[:, 0])
    assert np.abs(base - 3000).max() < 5 * 3000**0.5
    others = points.parents[points.parents[:, 0] == 2][:, 1:]
    drawn = np.bincount(others.ravel(), minlength=11)
    assert (drawn > 0).sum() == 6
    assert np.abs(drawn[drawn > 0] - len(others) / 2).max() < 5 * (len(others) / 4) ** 0.5
    # each weight of a symmetric Dirichlet distribution has mean 1/4 and variance (1/4)(3/4)/(4·2 + 1)
    np.testing.assert_allclose(points.weights.mean(axis=0), 0.25, atol=0.004)
    np.testing.assert_allclose(points.weights.var(axis=0), 3 / 16 / 9, atol=0.001)


def test_mixture_noise_has_the_documented_length():
    d = 200
    x = rows(9, d, 9)
    quiet, loud = (Mixture(noise=noise).fit_rows(x).points(0, 3000, SeedTree(6)) for noise in (0, 0.5))
    assert np.array_equal(quiet.parents, loud.parents)
    noise = (loud.vectors - quiet.vectors).astype(np.float64)
    apart = np.linalg.norm(x.vectors[:, None] - x.vectors[None, :], axis=2) + np.diag([np.inf] * 9)
    d_1 = apart.min(axis=1)[loud.parents[:, 0]]
    # ‖ε‖² / (noise · d_1)² is χ²(d) / d: mean 1 ± .0018, variance 2/d ± .0003
    ratio = np.square(noise).sum(axis=1) / np.square(0.5 * d_1)
    assert (ratio.mean(), ratio.var()) == (pytest.approx(1, abs=0.01), pytest.approx(2 / d, abs=0.0015))
    unit = noise / (0.5 * d_1 / d**0.5)[:, None]  # isotropic: each coordinate's variance is 1 ± .026
    assert np.abs(unit.var(axis=0) - 1).max() < 0.12
    assert np.abs(unit.mean(axis=0)).max() < 0.09


@pytest.mark.parametrize(
    "method",
    [
        *(Mixture(noise=noise, max_exposure=limit) for noise in (0.0, 0.3) for limit in (None, 60.0)),
        *(Slerp(), Slerp(lambda_beta=(0.7, 2.0)), Slerp(max_exposure=60.0)),
    ],
)
def test_more_points_keep_the_first(method):
    fitted = method.fit_rows(rows(200, 3, 150, normalized=method.name == "slerp"))
    few, many = (fitted.points(0, m, SeedTree(7)) for m in (4000, 5000))
    for name in ("vectors", "parents", "weights"):
        assert np.array_equal(getattr(few, name), getattr(many, name)[:4000])


@pytest.mark.parametrize("kind", [Mixture, Slerp])
def test_max_exposure_is_respected(kind):
    x = rows(60, 3, 40, normalized=kind is Slerp)
    free, limited = (kind(max_exposure=most).fit_rows(x).points(0, 400, SeedTree(8)) for most in (None, 12.5))
    assert exposures(limited, x.groups).max() <= 12.5 < exposures(free, x.groups).max()
    assert not np.array_equal(free.parents, limited.parents)
    with pytest.raises(Unfit, match=r"40 persons with a summed weight of at most 9\.5 each allow 380 records"):
        kind(max_exposure=9.5).fit_rows(x).points(0, 400, SeedTree(8))


def test_mixture_names_classes_that_exceed_max_exposure(embed):
    with pytest.raises(DataError, match="mixture cannot make records of 1 class") as refused:
        Mixture(max_exposure=2).fit(embed(np.eye(7, 4), ("ant",) * 7)).sample({"ant": 15}, SeedTree(9))
    assert refused.value.problems[0].startswith("'ant': 7 persons with a summed weight of at most 2 each allow 14")


@pytest.mark.parametrize(
    ("kind", "options", "parts"),
    [
        (Mixture, {"parents": 7}, ["parents: with 7 parents, `k_neighbors` must be at least 6, not 5"]),
        (Mixture, {"parents": 1, "k_neighbors": 3}, ["parents: must be greater than or equal to 2, got 1"]),
        (Mixture, {"parents": 51, "k_neighbors": 60}, ["parents: must be less than or equal to 50, got 51"]),
        (Mixture, {"alpha": 0.0}, ["alpha: must be greater than 0"]),
        (Mixture, {"alpha": NAN}, ["alpha: must be"]),
        (Mixture, {"alpha": float("inf")}, ["alpha: must be less than or equal to 1000"]),
        (Mixture, {"noise": -0.1}, ["noise: must be greater than or equal to 0"]),
        (Mixture, {"noise": NAN}, ["noise: must be"]),
        (Mixture, {"max_exposure": 0.3}, ["max_exposure: must be at least 1/3"]),
        (Mixture, {"max_exposure": NAN}, ["max_exposure: must be a finite number"]),
        (
            Mixture,
            {"parents": 7, "alpha": -1.0},
            ["parents: with 7 parents, `k_neighbors` must be at least", "alpha: must"],
        ),
        (Slerp, {"k_neighbors": 0}, ["k_neighbors: must be greater than or equal to 1, got 0"]),
        (Slerp, {"lambda_beta": (0.0, 1.0)}, ["lambda_beta.0: must be greater than 0"]),
        (Slerp, {"lambda_beta": (1.0,)}, ["lambda_beta.1: missing"]),
        (Slerp, {"lambda_beta": ()}, ["lambda_beta.0: missing", "lambda_beta.1: missing"]),
        (Slerp, {"lambda_beta": (NAN, 1.0)}, ["lambda_beta.0: must be"]),
        (Slerp, {"max_exposure": 0.4}, ["max_exposure: must be at least 1/2"]),
        (Slerp, {"max_exposure": float("inf")}, ["max_exposure: must be a finite number"]),
        (Slerp, {"k_neighbors": 0, "max_exposure": NAN}, ["k_neighbors: must", "max_exposure: must"]),
    ],
)
def test_all_invalid_options_are_reported(kind, options, parts):
    with pytest.raises(ConfigError, match=f"the method {kind.name} has invalid options") as refused:
        kind(**options)
    assert len(refused.value.problems) == len(parts)
    for problem, part in zip(refused.value.problems, parts, strict=True):
        assert problem.startswith(part)


def mean_largest_weight(p, alpha):
    """Return E[max w]: the largest of p Gamma(α) variables over their sum, which is independent of the shares."""
    whole, _ = quad(lambda x: 1 - gammainc(alpha, x) ** p, 0, alpha + 60 * alpha**0.5 + 60, limit=500, points=[alpha])
    return whole / (p * alpha)


def test_mixture_docstring_table_agrees_with_theory_and_drawn_weights():
    lines = Mixture.__doc__.splitlines()
    head = next(i for i, line in enumerate(lines) if line.strip().startswith("p    α = "))
    alphas = [float(number) for number in re.findall(r"[\d.]+", lines[head])]
    assert alphas == [0.1, 0.5, 1, 2, 5, 10]
    seen = []
    for line in lines[head + 1 : head + 7]:
        p, *cells = line.split()
        seen.append(int(p))
        for alpha, largest, effective in zip(alphas, cells[::2], cells[1::2], strict=True):
            assert float(largest) == pytest.approx(mean_largest_weight(int(p), alpha), abs=6e-4)
            assert float(effective) == pytest.approx((int(p) * alpha + 1) / (alpha + 1), abs=0.0501)
    assert seen == [2, 3, 5, 10, 20, 50]
    assert mean_largest_weight(3, 1) == pytest.approx((1 + 1 / 2 + 1 / 3) / 3)  # α = 1: harmonic number H_p / p
    fitted = Mixture(k_neighbors=4, parents=5, alpha=0.5).fit_rows(rows(9, 2, 8))
    weights = fitted.points(0, 20_000, SeedTree(2)).weights
    assert weights.max(axis=1).mean() == pytest.approx(0.555, abs=0.005)
    assert 1 / np.square(weights).sum(axis=1).mean() == pytest.approx(3.5 / 1.5, abs=0.03)


def angle(a, b):
    """Return the angle between unit rows in float64."""
    a, b = unit(np.asarray(a, np.float64)), unit(np.asarray(b, np.float64))
    return 2 * np.arctan2(np.linalg.norm(a - b, axis=-1), np.linalg.norm(a + b, axis=-1))


@pytest.mark.parametrize("degrees", [90, 60])
def test_arc_worked_examples(degrees):
    shares = np.array([0, 1 / 4, 1 / 3, 1 / 2, 2 / 3, 1])
    a, b = (np.array([[math.cos(turn), 0, math.sin(turn)]] * 6, np.float32) for turn in (0, math.radians(degrees)))
    wanted = [[math.cos(turn), 0, math.sin(turn)] for turn in np.radians(degrees * shares)]
    made = arc(a, b, shares)
    np.testing.assert_allclose(made, wanted, atol=1e-7)
    assert made.dtype == np.float32


@settings(max_examples=80, deadline=None)
@given(st.integers(2, 19), st.integers(1, 11), st.floats(-8, 0.4), st.integers(0, 2**31))
def test_arc_points_have_unit_length_and_the_given_share_of_the_angle(d, m, digits, seed):
    rng = np.random.default_rng(seed)
    a = unit(rng.normal(size=(m, d))).astype(np.float32)
    b, lam = unit(a + 10**digits * rng.normal(size=(m, d))).astype(np.float32), rng.random(m)
    made = arc(a, b, lam)
    np.testing.assert_allclose(np.linalg.norm(made.astype(np.float64), axis=1), 1, atol=2e-7)
    theta = angle(a, b)
    precise = theta < math.pi - 0.01
    np.testing.assert_allclose(angle(a, made)[precise], (lam * theta)[precise], atol=1e-6)
    np.testing.assert_allclose(angle(made, b)[precise], ((1 - lam) * theta)[precise], atol=1e-6)
    np.testing.assert_allclose(arc(b, a, 1 - lam)[precise], made[precise], atol=1e-6)


def test_arc_of_equal_and_nearly_equal_ends():
    a = unit(np.random.default_rng(2).normal(size=(1, 9))).astype(np.float32)
    b = a.copy()
    b[0, 0] = np.nextafter(b[0, 0], np.float32(2))
    for end in (a.copy(), b):
        np.testing.assert_allclose(arc(a, end, np.array([0.3])), a, atol=1e-7)


def test_slerp_computes_all_blocks():
    x, m = rows(31, 5, 23, normalized=True), 2 * ARC_ROWS + 3
    points = Slerp(k_neighbors=4).fit_rows(x).points(0, m, SeedTree(1))
    a, b = (x.vectors[points.parents[:, j]] for j in (0, 1))
    np.testing.assert_allclose(points.vectors[-1:], arc(a[-1:], b[-1:], points.weights[-1:, 1]), atol=1e-7)
    np.testing.assert_allclose(angle(a, points.vectors), points.weights[:, 1] * angle(a, b), atol=1e-6)
    assert all(x.groups[i] != x.groups[j] for i, j in points.parents)
    assert np.array_equal(points.weights.sum(axis=1), np.ones(m))


def test_slerp_partners_are_nearest_by_angle():
    degrees = np.array([0, 10, 30, 70, 150])
    vectors = np.stack([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))], axis=1).astype(np.float32)
    x = TrainRows(vectors=vectors, classes=np.zeros(5, np.int64), groups=np.array([0, 0, 1, 2, 3]), normalized=True)
    points = Slerp(k_neighbors=2).fit_rows(x).points(0, 300, SeedTree(2))
    near = {0: (2, 3), 1: (2, 3), 2: (1, 0), 3: (2, 1), 4: (3, 2)}
    assert set(map(tuple, points.parents.tolist())) == {(a, b) for a, partners in near.items() for b in partners}


def test_slerp_ignores_rounding_errors_of_lengths():
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
def test_slerp_lambda_follows_the_beta_distribution(shape, mean, variance):
    fitted = Slerp(k_neighbors=3, lambda_beta=shape).fit_rows(rows(9, 4, 7, normalized=True))
    lam = fitted.points(0, 20_000, SeedTree(3)).weights[:, 1]
    assert (lam.mean(), lam.var()) == (pytest.approx(mean, abs=0.01), pytest.approx(variance, abs=0.003))


def test_slerp_rejects_other_lengths_and_opposite_neighbours_but_not_distant_ones(embed):
    with pytest.raises(DataError, match="requires vectors of unit length"):
        Slerp().fit(embed(2 * np.eye(7, 4) + 1, "aaaaaaa"))
    vectors = unit(np.array([[1, 0], [-1, 1e-4], [0, 1], [1, 0.01], [-1, 0.01]]))
    x = embed(vectors, ("ant", "ant", "ant", "bee", "bee"), normalized=True)
    assert len(Slerp(k_neighbors=1).fit(x).sample({"ant": 9, "bee": 9}, SeedTree(4))) == 18  # bees: 178.9° apart
    with pytest.raises(DataError, match="slerp cannot make records of 1 class") as refused:
        Slerp(k_neighbors=2).fit(x).sample({"ant": 9}, SeedTree(4))
    assert refused.value.problems[0].startswith("'ant': 2 of 3 records have an opposite vector among their 2 nearest")
