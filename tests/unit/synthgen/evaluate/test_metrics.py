import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, f1_score, recall_score

from synthgen.evaluate.metrics import estimate, person_weights, scores


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 5), st.integers(12, 40), st.integers(1, 9), st.integers(0, 2**31))
def test_scores_match_scikit_learn_under_every_weighting(n_classes, n, n_persons, seed):
    rng = np.random.default_rng(seed)
    truth = np.concatenate([np.arange(n_classes), rng.integers(0, n_classes, size=n - n_classes)])
    predicted = rng.integers(-1, n_classes, size=n)  # -1: a class that is not in the test records
    person = rng.integers(0, n_persons, size=n)
    weights = person_weights(n_persons, 3, rng)
    found = scores(truth, predicted, person, weights, n_classes)
    names = list(range(n_classes))
    for b, of in enumerate(weights):
        given = {"sample_weight": of[person], "labels": names, "zero_division": 0}
        assert found.accuracy[b] == pytest.approx(accuracy_score(truth, predicted, sample_weight=of[person]))
        assert found.recall[b] == pytest.approx(recall_score(truth, predicted, average=None, **given))
        for name, average in (("macro_f1", "macro"), ("weighted_f1", "weighted"), ("f1", None)):
            assert getattr(found, name)[b] == pytest.approx(f1_score(truth, predicted, average=average, **given))


def test_accuracy_of_a_subgroup_counts_its_records_only():
    truth, predicted = np.array([0, 0, 1, 1, 1]), np.array([0, 1, 1, 1, 0])
    person, weights = np.array([0, 0, 1, 2, 2]), np.array([[1.0, 1, 1], [1, 4, 2]])
    rows = np.array([True, False, True, False, True])
    found = scores(truth, predicted, person, weights, 2, {("sex", "male"): rows})
    assert found.of_subgroups["sex", "male"].tolist() == pytest.approx([2 / 3, 5 / 7])
    assert scores(truth, predicted, person, weights, 2).of_subgroups == {}


def test_first_weighting_is_uniform():
    weights = person_weights(4, 2, np.random.default_rng(1))
    assert weights.shape == (3, 4)
    assert weights[0].tolist() == [1, 1, 1, 1]
    assert weights[1:].min() > 0


def test_interval_of_few_agreeing_persons_has_a_width():
    e = estimate(np.ones(101), 11, 0.95, largest=1)
    assert (e.value, e.high, e.n, e.confidence) == (1, 1, 11, 0.975)
    assert e.low == pytest.approx(0.025 ** (1 / 11))  # lower limit of Clopper and Pearson for 11 of 11: .715
    assert estimate(np.zeros(101), 11, 0.95, largest=1).low == 0


def test_interval_has_the_stated_coverage():
    rng = np.random.default_rng(2)
    covered = 0
    for _ in range(200):
        right = rng.random(60) < 0.8
        weights = person_weights(60, 200, rng)
        found = scores(np.zeros(60, dtype=int), np.where(right, 0, -1), np.arange(60), weights, 1)
        e = estimate(found.accuracy, 60, 0.95, largest=1)
        covered += e.low <= 0.8 <= e.high
    assert covered >= 180  # 190 (95 % of 200) are expected; the standard error is 3


def test_several_records_per_person_widen_the_interval():
    rng = np.random.default_rng(3)
    right = np.repeat(rng.random(40) < 0.7, 5)
    truth, predicted = np.zeros(200, dtype=int), np.where(right, 0, -1)

    def width(person, n):
        e = estimate(scores(truth, predicted, person, person_weights(n, 500, rng), 1).accuracy, n, 0.95, largest=1)
        return e.high - e.low

    assert width(np.repeat(np.arange(40), 5), 40) > 1.7 * width(np.arange(200), 200)  # expected √5 = 2.2


def test_interval_contains_the_value():
    e = estimate(np.array([0.9, *np.full(50, 0.2)]), 10_000, 0.95)
    assert e.low <= 0.2
    assert e.high >= 0.9
