import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score, recall_score

from synthgen.core.types import Embedded
from synthgen.evaluate.classifiers import LabelledTexts
from synthgen.plan.expected_utility import MIN_TEXTS, expected_utility

CENTRES = np.random.default_rng(1).normal(size=(3, 12)) * 0.55
NAMES = np.array(["ant", "bee", "cow"])


def drawn(n, seed, *, noise=0.0):
    """Return n vectors per class and their labels, of which the share `noise` is wrong."""
    rng = np.random.default_rng(seed)
    truth = np.repeat(np.arange(3), n)
    vectors = (CENTRES[truth] + rng.normal(size=(3 * n, 12))).astype(np.float32)
    wrong = rng.random(3 * n) < noise
    return vectors, NAMES[np.where(wrong, (truth + 1) % 3, truth)]


def real(n, seed):
    vectors, labels = drawn(n, seed)
    ids = tuple(f"r{i}" for i in range(len(labels)))
    groups = tuple(f"p{i // 2}" for i in range(len(labels)))
    return Embedded(vectors=vectors, ids=ids, labels=tuple(labels), groups=groups, encoder="test", normalized=False)


def predicted(n, *, noise=0.0, total=70, seed=0, train=None):
    vectors, labels = drawn(n, seed, noise=noise)
    pilot = LabelledTexts(texts=("t",) * len(labels), labels=labels.astype(np.str_), vectors=vectors)
    train = real(200, 7) if train is None else train
    return expected_utility(pilot, (), train, dict.fromkeys(NAMES, total), np.random.default_rng(seed))


def measured(noise, total, seed):
    """Return the two ratios as a run would measure them, on records that the prediction never sees."""
    train, test = real(200, 7), drawn(300, 99)
    scores = []
    for vectors, labels in (drawn(total, 1000 + seed, noise=noise), (train.vectors, train.labels)):
        found = LogisticRegression(C=10, max_iter=5000).fit(vectors, labels).predict(test[0])
        scores.append((f1_score(test[1], found, average="macro"), recall_score(test[1], found, average=None)))
    return scores[0][0] / scores[1][0], (scores[0][1] / scores[1][1]).min()


@pytest.mark.parametrize("noise", [0.0, 0.35, 0.5])
def test_the_prediction_from_few_texts_is_near_what_many_records_give(noise):
    found = [predicted(20, noise=noise, seed=seed) for seed in range(6)]
    true = [measured(noise, 70, seed) for seed in range(6)]
    for name, at, error in (("tstr_over_trtr", 0, 0.1), ("worst_class_ratio", 1, 0.2)):
        assert np.mean([f[name][0] for f in found]) == pytest.approx(np.mean([t[at] for t in true]), abs=error)
        assert all(f[name][1] < f[name][0] for f in found)


def test_nothing_is_predicted_from_too_few_texts_or_without_a_class():
    assert predicted(-(-MIN_TEXTS // 3))
    assert predicted((MIN_TEXTS - 1) // 3) == {}
    assert predicted(20, total=0) == {}
    vectors, labels = drawn(20, 0)
    one = LabelledTexts(texts=("t",) * 20, labels=labels[:20].astype(np.str_), vectors=vectors[:20])
    counts = dict.fromkeys(NAMES, 40)
    assert expected_utility(one, (), real(200, 7), counts, np.random.default_rng(0)) == {}  # texts of one class only
    small = real(2, 3)  # three persons: one half of them lacks a class
    assert predicted(20, train=small) == {}


def test_parents_of_the_pilot_are_not_tested():
    train = real(60, 7)
    vectors, labels = drawn(20, 0)
    pilot = LabelledTexts(texts=("t",) * 60, labels=labels.astype(np.str_), vectors=vectors)
    bees = [i for i, label in zip(train.ids, train.labels, strict=True) if label == "bee"]
    assert expected_utility(pilot, bees, train, dict.fromkeys(NAMES, 40), np.random.default_rng(0)) == {}
