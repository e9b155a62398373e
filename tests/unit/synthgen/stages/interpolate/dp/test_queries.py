import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from synthgen.core.seeds import SeedTree
from synthgen.privacy.noise import StreamNoise
from synthgen.privacy.sums import Query, private_sum
from synthgen.stages.interpolate.dp.people import PersonRows
from synthgen.stages.interpolate.dp.queries import ask_boundary, ask_means, ask_spread, class_scores

D, C, N = 12, 3, 1500
RNG = np.random.default_rng(4)
VARIANCES = 0.05 * 0.7 ** np.arange(D)
MIXING = np.linalg.qr(RNG.normal(size=(D, D)))[0]
SPREAD = MIXING * np.sqrt(VARIANCES)
CENTRES = RNG.normal(size=(C, D)) * 0.12
CLASSES = RNG.integers(0, C, N)
POINTS = CENTRES[CLASSES] + RNG.normal(size=(N, D)) @ SPREAD.T
PEOPLE = PersonRows(points=POINTS, classes=CLASSES, starts=np.arange(N), n_classes=C)


def ask_with(noise):
    return lambda rows, query: private_sum(rows, query, noise)


def query(sigma, clip=1.0):
    return Query(name="any", noise_multiplier=sigma, clip=clip)


def test_with_little_noise_means_and_counts_are_those_of_the_classes():
    means = ask_means(PEOPLE, VARIANCES, query(1e-6), ask_with(StreamNoise(SeedTree(1))))
    assert np.allclose(means.counts, np.bincount(CLASSES), rtol=1e-3)
    for c in range(C):
        assert np.allclose(means.points[c], POINTS[c == CLASSES].mean(axis=0), atol=0.01)


def test_with_much_noise_the_classes_fall_together_instead_of_apart():
    errors = []
    for seed in range(5):
        means = ask_means(PEOPLE, VARIANCES, query(60.0), ask_with(StreamNoise(SeedTree(seed))))
        raw = 60.0 / (N / C) * np.sqrt(D)
        errors.append(np.linalg.norm(means.points - CENTRES, axis=1).mean() / raw)
    assert np.mean(errors) < 0.9  # shrunk, nearer to the truth than the noise alone is wide


def test_the_spread_is_the_common_covariance_and_the_public_one_where_noise_hides_it():
    means = ask_means(PEOPLE, VARIANCES, query(1e-6), ask_with(StreamNoise(SeedTree(1))))
    inside = np.cov((POINTS - means.points[CLASSES]).T)
    clear = ask_spread(PEOPLE, means, VARIANCES, query(1e-6, 0.7), ask_with(StreamNoise(SeedTree(2))))
    assert np.allclose(clear @ clear.T, inside, atol=0.003)
    hidden = ask_spread(PEOPLE, means, VARIANCES, query(500.0, 0.7), ask_with(StreamNoise(SeedTree(2))))
    off = ~np.eye(D, dtype=bool)
    assert np.abs((hidden @ hidden.T)[off]).mean() < 0.02 * VARIANCES.sum()


def test_the_boundary_is_a_classifier_that_noise_makes_worse_and_not_wild():
    means = ask_means(PEOPLE, VARIANCES, query(1e-6), ask_with(StreamNoise(SeedTree(1))))
    scales = 1 / np.sqrt(VARIANCES + VARIANCES[4])
    best = LogisticRegression(C=10, max_iter=2000).fit(POINTS, CLASSES).score(POINTS, CLASSES)

    def accuracy(sigma):
        weights = ask_boundary(PEOPLE, means, scales, query(sigma, 0.5), ask_with(StreamNoise(SeedTree(3))))
        return float((class_scores(POINTS, weights, scales).argmax(axis=1) == CLASSES).mean())

    assert accuracy(1e-6) > best - 0.03
    assert 1 / C + 0.1 < accuracy(10.0) <= best + 0.01


def test_scores_are_logarithms_of_probabilities():
    scores = class_scores(POINTS[:5], RNG.normal(size=(D + 1, C)), np.ones(D))
    assert np.exp(scores).sum(axis=1) == pytest.approx(np.ones(5))
