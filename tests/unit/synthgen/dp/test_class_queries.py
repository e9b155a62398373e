import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import multivariate_normal

from audits.core.stats import clopper_pearson
from synthgen.core.seeds import SeedTree
from synthgen.dp import noised_sums as sums
from synthgen.dp.class_queries import (
    MIN_SIGNAL,
    MIN_SPREAD,
    WEIGHT,
    Means,
    class_scores,
    denoise,
    query_means,
    query_spread,
    shrink,
)
from synthgen.dp.method import QuerySpec
from synthgen.dp.noise_multipliers import noise_multipliers
from synthgen.dp.noised_sums import UNIT, PrivateMechanism, Query, StreamNoise
from synthgen.dp.person_rows import PersonRows

EPSILON, DELTA, BUILDS = 1.0, 1e-5, 400
D, C, N = 12, 3, 1500
RNG = np.random.default_rng(4)
VARIANCES = 0.05 * 0.7 ** np.arange(D)
MIXING = np.linalg.qr(RNG.normal(size=(D, D)))[0]
SPREAD = MIXING * np.sqrt(VARIANCES)
CENTRES = RNG.normal(size=(C, D)) * 0.12
CLASSES = RNG.integers(0, C, N)
POINTS = CENTRES[CLASSES] + RNG.normal(size=(N, D)) @ SPREAD.T
PEOPLE = PersonRows(points=POINTS, classes=CLASSES, starts=np.arange(N), n_classes=C)


def query(sigma, clip=1.0, steps=1):
    return Query(name="any", noise_multiplier=sigma, clip=clip, steps=steps)


def mechanism(seed):
    return PrivateMechanism(StreamNoise(SeedTree(seed)))


@pytest.fixture(scope="module")
def means():
    """Return the class means with hardly any noise."""
    return query_means(PEOPLE, VARIANCES, query(1e-6), mechanism(1))


def test_means_are_exact_with_little_noise_and_shrunk_together_with_much_noise(means):
    assert np.allclose(means.counts, np.bincount(CLASSES), rtol=1e-3)
    for c in range(C):
        assert np.allclose(means.points[c], POINTS[c == CLASSES].mean(axis=0), atol=0.01)
    errors = []
    for seed in range(5):
        shrunk = query_means(PEOPLE, VARIANCES, query(60.0), mechanism(seed))
        raw = 60.0 / (N / C) * np.sqrt(D)
        errors.append(np.linalg.norm(shrunk.points - CENTRES, axis=1).mean() / raw)
    assert np.mean(errors) < 0.9  # the error is smaller than that of the noise alone


def test_spread_is_the_common_covariance_or_the_public_one_under_much_noise(means):
    residual = POINTS - means.points[CLASSES]
    weights = 1 / np.hypot(WEIGHT, (residual**2).sum(axis=1))  # one record per person
    inside = (residual.T * weights) @ residual / weights.sum()
    clear = query_spread(PEOPLE, means, VARIANCES, query(1e-6), mechanism(2))
    assert np.allclose(clear @ clear.T, inside, atol=1e-5)
    hidden = query_spread(PEOPLE, means, VARIANCES, query(500.0), mechanism(2))
    off = ~np.eye(D, dtype=bool)
    assert np.abs((hidden @ hidden.T)[off]).mean() < 0.02 * VARIANCES.sum()


def test_every_person_has_a_row_of_norm_1_and_the_weighted_mean_of_their_covariances_is_queried(means):
    starts = np.array([0, 1, 5, 20])
    few = PersonRows(points=POINTS[:22], classes=CLASSES[:22], starts=starts, n_classes=C)
    asked = []

    def recorded(rows, q):
        asked.extend(np.concatenate(list(rows)))
        return mechanism(1)([np.array(asked)], q)

    spread = query_spread(few, means, VARIANCES, query(1e-6), recorded)
    slow, weights = np.zeros((D, D)), 0.0
    for row, first, last in zip(asked, starts, [*starts[1:], 22], strict=True):
        residual = POINTS[first:last] - means.points[CLASSES[first:last]]
        own = residual.T @ residual / len(residual)
        norm = np.sqrt(WEIGHT**2 + (own**2).sum())
        assert np.linalg.norm(row) == pytest.approx(1.0)
        assert row[0] == pytest.approx(WEIGHT / norm)
        slow, weights = slow + own / norm, weights + 1 / norm
    assert np.allclose(spread @ spread.T, slow / weights, atol=1e-5)


def test_noise_is_small_for_texts_that_resemble_one_another():
    errors = {}
    for size in (1.0, 0.1):  # the covariance is 100 times smaller, and so is the error
        points = size * (POINTS - CENTRES[CLASSES])
        near = PersonRows(points=points, classes=CLASSES, starts=np.arange(N), n_classes=C)
        centre = Means(counts=np.full(C, N / C), points=np.zeros((C, D)))
        spread = query_spread(near, centre, size**2 * VARIANCES, query(8.0), mechanism(3))
        errors[size] = np.linalg.norm(spread @ spread.T - np.cov(points.T))
    assert errors[0.1] < 0.2 * errors[1.0]


def test_low_rank_is_recovered_without_noise_and_noise_alone_gives_zero():
    rng = np.random.default_rng(6)
    axes = np.linalg.qr(rng.normal(size=(60, 3)))[0]
    matrix = (axes * [3.0, 1.0, -2.0]) @ axes.T
    assert np.allclose(denoise(matrix, 0.0), matrix)
    noise = rng.normal(size=(60, 60)) * 0.1
    noise = (noise + noise.T) / 2  # standard deviation .1 on the diagonal and .1 / √2 elsewhere
    assert np.linalg.norm(denoise(noise, 0.1)) < 0.2 * np.linalg.norm(noise)
    seen = matrix + noise
    assert np.linalg.norm(denoise(seen, 0.1) - matrix) < 0.6 * np.linalg.norm(noise)
    assert np.linalg.matrix_rank(denoise(seen, 0.1), tol=0.3) == 3


def test_scores_are_the_log_probabilities_of_classes_with_the_densities_of_the_model():
    density = [multivariate_normal(mean, SPREAD @ SPREAD.T) for mean in CENTRES]
    expected = np.stack([one.logpdf(POINTS[:50]) for one in density], axis=1)
    expected -= np.logaddexp.reduce(expected, axis=1, keepdims=True)
    assert np.allclose(class_scores(POINTS[:50], CENTRES, SPREAD), expected, atol=1e-9)
    far = class_scores(1e6 * POINTS[:5], CENTRES, SPREAD)
    assert np.isfinite(far).all()
    assert np.exp(far).sum(axis=1) == pytest.approx(np.ones(5))


@given(st.integers(1, 4), st.floats(1e-6, 10), st.floats(0, 3), st.integers(0, 99))
def test_shrunk_rows_equal_the_formula_and_lie_between_the_noised_rows_and_zero(n, noise, scale, seed):
    rng = np.random.default_rng(seed)
    seen, error = scale * rng.normal(size=(n, D)), noise * rng.uniform(0.5, 2, n)
    excess = sum(seen[i, j] ** 2 - error[i] for i in range(n) for j in range(D))
    kappa = max(MIN_SIGNAL, excess / (n * VARIANCES.sum()))
    slow = [[seen[i, j] * kappa * v / (kappa * v + error[i]) for j, v in enumerate(VARIANCES)] for i in range(n)]
    found = shrink(seen, error, VARIANCES)
    assert np.allclose(found, slow, rtol=1e-9)
    assert (np.abs(found) <= np.abs(seen)).all()
    assert (found * seen >= 0).all()


def test_means_that_the_noise_hides_differ_by_the_public_prior_and_lie_near_public_text():
    few = PersonRows(points=POINTS[:30] + 3, classes=CLASSES[:30], starts=np.arange(30), n_classes=C)
    raw = POINTS[:30].mean() + 3
    found = query_means(few, VARIANCES, query(200.0), mechanism(5)).points
    assert 0 < np.abs(found - found.mean(axis=0)).max() < 0.1
    assert np.abs(found).max() < 0.1 * raw  # the public basis is centred at 0


def test_the_covariance_is_never_singular(means):
    shrunken = PersonRows(points=means.points[CLASSES], classes=CLASSES, starts=np.arange(N), n_classes=C)
    spread = query_spread(shrunken, means, VARIANCES, query(1e-6), mechanism(2))
    assert np.linalg.eigvalsh(spread @ spread.T).min() >= 0.09 * MIN_SPREAD * VARIANCES[-1]


def proven(monkeypatch, *, clipped):
    """Return the lower limit of epsilon from the likelihood ratio of 400 results with and 400 without one outlier.

    The attacker knows all other persons and sees the noised result itself, unlike a reader of a release.
    """
    outlier = np.repeat(CENTRES[:1] + 6.0, 40, axis=0)  # forty records, far outside
    points, classes = np.concatenate([POINTS[:80], outlier]), np.append(CLASSES[:80], [0] * 40).astype(np.int64)
    worlds = {}
    for with_it, n in ((False, 80), (True, 120)):
        rows = {"points": points[:n], "classes": classes[:n], "starts": np.arange(80 + with_it)}
        worlds[with_it] = PersonRows(**rows, n_classes=C)
    if not clipped:
        monkeypatch.setattr(sums, "exact_sum", unclipped)
    means_query = query(noise_multipliers(EPSILON, DELTA, {"means": QuerySpec(share=1.0)})["means"])
    noise, sigma = StreamNoise(SeedTree(8)), means_query.noise_multiplier * UNIT
    seen, clean = {}, {}
    for with_it, people in worlds.items():
        answers = []

        def recorded(rows, q, answers=answers, with_it=with_it):
            rows = list(rows)
            clean[with_it] = sums.exact_sum(rows, 1.0)
            answers.append(PrivateMechanism(noise)(rows, q) * UNIT)
            return answers[-1]

        for _ in range(BUILDS):
            query_means(people, VARIANCES, means_query, recorded)
        seen[with_it] = np.array(answers)
    person = clean[True] - clean[False]
    ratio = {with_it: (answers - clean[False]) @ person / sigma**2 for with_it, answers in seen.items()}
    best = 0.0
    for at in np.quantile(np.concatenate(list(ratio.values())), np.linspace(0.02, 0.98, 60)):
        hits, alarms = ((ratio[with_it] > at).sum() for with_it in (True, False))
        low = clopper_pearson(hits, BUILDS, confidence=0.999)[0]
        high = clopper_pearson(alarms, BUILDS, confidence=0.999)[1]
        best = max(best, np.log(max(low - DELTA, 1e-9) / high))
    return best


def unclipped(rows, _clip):
    return sum(np.rint(block * UNIT).astype(np.int64).sum(axis=0) for block in rows)


def test_best_attack_stays_below_the_claim_and_exceeds_it_without_clipping(monkeypatch):
    assert proven(monkeypatch, clipped=True) <= EPSILON
    assert proven(monkeypatch, clipped=False) > EPSILON
