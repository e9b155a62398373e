import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from audits.core.stats import clopper_pearson
from synthgen.core.seeds import SeedTree
from synthgen.dp import noised_sums as sums
from synthgen.dp.class_queries import ask_boundary, ask_means, ask_spread, class_scores
from synthgen.dp.noise import StreamNoise
from synthgen.dp.noise_multipliers import Priced, noise_multipliers
from synthgen.dp.noised_sums import UNIT, PrivateAsk, Query, private_sum
from synthgen.dp.person_rows import PersonRows

D, C, N = 12, 3, 1500
RNG = np.random.default_rng(4)
VARIANCES = 0.05 * 0.7 ** np.arange(D)
MIXING = np.linalg.qr(RNG.normal(size=(D, D)))[0]
SPREAD = MIXING * np.sqrt(VARIANCES)
CENTRES = RNG.normal(size=(C, D)) * 0.12
CLASSES = RNG.integers(0, C, N)
POINTS = CENTRES[CLASSES] + RNG.normal(size=(N, D)) @ SPREAD.T
PEOPLE = PersonRows(points=POINTS, classes=CLASSES, starts=np.arange(N), n_classes=C)


ask_with = PrivateAsk


def query(sigma, clip=1.0, steps=1):
    return Query(name="any", noise_multiplier=sigma, clip=clip, steps=steps)


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
        weights = ask_boundary(PEOPLE, means, scales, query(sigma, 0.5, 30), ask_with(StreamNoise(SeedTree(3))))
        return float((class_scores(POINTS, weights, scales).argmax(axis=1) == CLASSES).mean())

    assert accuracy(1e-6) > best - 0.03
    assert 1 / C + 0.1 < accuracy(10.0) <= best + 0.01


def test_scores_are_logarithms_of_probabilities():
    scores = class_scores(POINTS[:5], RNG.normal(size=(D + 1, C)), np.ones(D))
    assert np.exp(scores).sum(axis=1) == pytest.approx(np.ones(5))


EPSILON, DELTA, BUILDS = 1.0, 1e-5, 400


def proven(monkeypatch, *, clipped):
    """Return the epsilon that 400 builds with and 400 without one loud person prove by the likelihood ratio.

    The attacker knows all other persons and sees the noised answer itself, as no reader of a release does.
    """
    loud = np.repeat(CENTRES[:1] + 6.0, 40, axis=0)  # forty records, far outside
    points = np.concatenate([POINTS[:80], loud])
    worlds = {
        with_it: PersonRows(
            points=points[: 80 + 40 * with_it],
            classes=np.append(CLASSES[:80], [0] * 40 * with_it).astype(np.int64),
            starts=np.arange(80 + with_it),
            n_classes=C,
        )
        for with_it in (False, True)
    }
    if not clipped:
        monkeypatch.setattr(sums, "exact_sum", lambda rows, _clip: (unclipped(rows), 0.0))
    asked = query(noise_multipliers(EPSILON, DELTA, {"means": Priced(share=1.0)})["means"])
    noise, sigma = StreamNoise(SeedTree(8)), asked.noise_multiplier * UNIT
    seen, clean = {}, {}
    for with_it, people in worlds.items():
        answers = []

        def ask(rows, q, answers=answers, with_it=with_it):
            rows = list(rows)
            clean[with_it] = sums.exact_sum(rows, 1.0)[0]
            answers.append(private_sum(rows, q, noise) * UNIT)
            return answers[-1]

        for _ in range(BUILDS):
            ask_means(people, VARIANCES, asked, ask)
        seen[with_it] = np.array(answers)
    person = clean[True] - clean[False]
    ratio = {with_it: (answers - clean[False]) @ person / sigma**2 for with_it, answers in seen.items()}
    best = 0.0
    for at in np.quantile(np.concatenate(list(ratio.values())), np.linspace(0.02, 0.98, 60)):
        hits, alarms = ((ratio[with_it] > at).sum() for with_it in (True, False))
        low, high = (
            clopper_pearson(hits, BUILDS, confidence=0.999)[0],
            clopper_pearson(alarms, BUILDS, confidence=0.999)[1],
        )
        best = max(best, np.log(max(low - DELTA, 1e-9) / high))
    return best


def unclipped(rows):
    return sum(np.rint(block * UNIT).astype(np.int64).sum(axis=0) for block in rows)


def test_what_the_best_attack_proves_stays_below_the_claim_and_exceeds_it_without_the_clip(monkeypatch):
    assert proven(monkeypatch, clipped=True) <= EPSILON
    assert proven(monkeypatch, clipped=False) > EPSILON
