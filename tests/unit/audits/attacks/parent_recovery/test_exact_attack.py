"""Exact attacks on vectors: they find mixed vectors without noise, noise hides them, and chance gives no finding."""

import math

import numpy as np
import pytest
from scipy import optimize

from audits.attacks.parent_recovery.exact_attack import attack_segments, line_intersections, segment_residuals

RNG = np.random.default_rng


def vectors(n, seed, d=24, intrinsic=7):
    """Return points near a common subspace, as encodings of texts of one kind are."""
    rng, axes = RNG(seed), RNG(99).normal(size=(intrinsic, d))
    return (rng.normal(size=(n, intrinsic)) @ axes + 0.1 * rng.normal(size=(n, d))).astype(np.float32)


TRAIN, CONTROL, FRESH = vectors(90, 1), vectors(80, 2), vectors(230, 3)


def smote(m, seed, noise=0.0):
    """Return points between a row of TRAIN and one of its five nearest rows."""
    rng = RNG(seed)
    distances = np.linalg.norm(TRAIN[:, None] - TRAIN[None], axis=2)
    near = np.argsort(distances, axis=1)[:, 1:6]
    i, which, weight = rng.integers(90, size=m), rng.integers(5, size=m), rng.random((m, 1)).astype(np.float32)
    points = TRAIN[i] + weight * (TRAIN[near[i, which]] - TRAIN[i])
    return (points + noise * rng.normal(size=points.shape)).astype(np.float32)


def unit(rows):
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def test_mixed_points_are_found_and_fresh_ones_are_not():
    mixed = attack_segments(smote(170, 4), TRAIN, CONTROL)
    assert mixed.between_train >= 165  # the others are copies, because of their weights
    assert (mixed.between_control, mixed.rows, mixed.proven) == (0, 170, True)
    assert mixed.sign_test_p < 1e-40
    fresh = attack_segments(FRESH, TRAIN, CONTROL)
    assert (fresh.between_train, fresh.between_control, fresh.train_rows_recovered_from_lines) == (0, 0, 0)
    assert (fresh.proven, fresh.sign_test_p) == (False, 1.0)

    assert attack_segments(unit(smote(170, 4)), unit(TRAIN), unit(CONTROL)).between_train >= 165
    assert attack_segments(TRAIN[:70], TRAIN, CONTROL).between_train == 0  # copies are not between rows


@pytest.mark.parametrize("seed", range(4))
def test_one_mixed_point_among_fresh_ones_is_proof(seed):
    found = attack_segments(np.vstack([FRESH, smote(1, seed + 10)]), TRAIN, CONTROL)
    assert (found.between_train, found.proven) == (1, True)


def test_noise_hides_lines_from_the_exact_attack():
    found = {noise: attack_segments(smote(900, 4, noise), TRAIN, CONTROL) for noise in (0.0, 1e-6, 1e-2)}
    assert found[1e-6].between_train > 850
    assert found[0.0].train_rows_recovered_from_lines > 30
    assert found[1e-2].between_train == found[1e-2].train_rows_recovered_from_lines == 0


def test_two_dimensions_prove_nothing():
    found = attack_segments(FRESH[:, :2], TRAIN[:, :2], CONTROL[:, :2])
    assert found.between_train > 100
    assert found.between_control > 100
    assert not found.proven
    assert found.sign_test_p > 0.01


def test_segment_residuals_equal_solving_every_pair():
    pairs = [(p, q) for p in range(14) for q in range(p)]
    z, x = unit(vectors(11, 5, d=6).astype(float)), unit(vectors(14, 6, d=6).astype(float))
    found = segment_residuals(z.astype(np.float32), x.astype(np.float32))
    for i in np.flatnonzero(np.isfinite(found)):
        solved = [(optimize.nnls(x[[p, q]].T, z[i])[1], np.linalg.norm(x[p] - x[q])) for p, q in pairs]
        away, apart = min(solved)
        assert found[i] == pytest.approx(away / apart, abs=1e-5)


def test_lines_intersect_at_the_parents():
    parent, others = np.array([1.0, 2, 0, 1, 3]), RNG(8).normal(size=(4, 5))
    points = np.concatenate([parent + w * (o - parent) for o in others for w in ([0.2], [0.5], [0.9])]).reshape(-1, 5)
    met = line_intersections(points)
    assert len(met) > 0
    assert met == pytest.approx(np.tile(parent, (len(met), 1)), abs=1e-6)
    assert len(line_intersections(points[:6])) == 0  # two lines
    assert len(line_intersections(points[[0, 1, 3, 4, 6, 7, 9, 10]])) == 0  # two points per line
    assert len(line_intersections(np.repeat(RNG(1).normal(size=(9, 5)), 4, axis=0))) == 0  # repeated points


def test_sign_test_decides_if_control_has_such_points():
    between = (CONTROL[:12] + CONTROL[12:24]) / 2
    found = attack_segments(np.vstack([smote(40, 4), between]), TRAIN, CONTROL)
    assert (found.between_train, found.between_control) == (40, 12)
    assert not found.proven
    assert found.sign_test_p == pytest.approx(sum(math.comb(52, k) for k in range(40, 53)) / 2**52)
