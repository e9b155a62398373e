import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from audits.core.stats import clopper_pearson
from synthgen.core.seeds import SeedTree
from synthgen.dp import noised_sums as sums
from synthgen.dp.class_queries import class_scores, query_boundary, query_means, query_spread
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
    inside = np.cov((POINTS - means.points[CLASSES]).T)
    clear = query_spread(PEOPLE, means, VARIANCES, query(1e-6, 0.7), mechanism(2))
    assert np.allclose(clear @ clear.T, inside, atol=0.003)
    hidden = query_spread(PEOPLE, means, VARIANCES, query(500.0, 0.7), mechanism(2))
    off = ~np.eye(D, dtype=bool)
    assert np.abs((hidden @ hidden.T)[off]).mean() < 0.02 * VARIANCES.sum()


def test_boundary_gives_log_probabilities_and_noise_makes_it_moderately_worse(means):
    scales = 1 / np.sqrt(VARIANCES + VARIANCES[4])
    best = LogisticRegression(C=10, max_iter=2000).fit(POINTS, CLASSES).score(POINTS, CLASSES)

    def accuracy(sigma):
        weights = query_boundary(PEOPLE, means, scales, query(sigma, 0.5, 30), mechanism(3))
        return float((class_scores(POINTS, weights, scales).argmax(axis=1) == CLASSES).mean())

    assert accuracy(1e-6) > best - 0.03
    assert 1 / C + 0.1 < accuracy(10.0) <= best + 0.01
    scores = class_scores(POINTS[:5], RNG.normal(size=(D + 1, C)), np.ones(D))
    assert np.exp(scores).sum(axis=1) == pytest.approx(np.ones(5))


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
            clean[with_it] = sums.exact_sum(rows, 1.0)[0]
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
    return sum(np.rint(block * UNIT).astype(np.int64).sum(axis=0) for block in rows), 0.0


def test_best_attack_stays_below_the_claim_and_exceeds_it_without_clipping(monkeypatch):
    assert proven(monkeypatch, clipped=True) <= EPSILON
    assert proven(monkeypatch, clipped=False) > EPSILON
