"""The families of attacks: join and inversion, values of persons, and limits by number of persons."""

import numpy as np
import pytest

from audits.attacks.linkage.attacks import MARGINS, Family, invert, join_halves, measure_family
from audits.attacks.linkage.attribute_inference import Guesses
from audits.attacks.linkage.view_retrieval import NearestRows
from audits.core.holdout import Arms


def nearest(rows, similarities):
    return NearestRows(rows=np.array(rows), similarities=np.array(similarities, dtype=np.float32))


def arms_of(n, n_train):
    return Arms(
        row_person=np.arange(n),
        is_train=np.arange(n) < n_train,
        person_class=np.zeros(n, dtype=np.int64),
        synthetic_class=np.zeros(3, dtype=np.int64),
        n_classes=1,
    )


def guesses(correct, confidence=None, is_trial=None):
    n = len(correct)
    return Guesses(
        is_trial=np.ones(n, dtype=bool) if is_trial is None else np.array(is_trial, dtype=bool),
        correct=np.array(correct, dtype=bool),
        confidence=np.ones(n) if confidence is None else np.array(confidence, dtype=float),
    )


def measured(people, **variants):
    baselines = {"reference": variants["a"]}
    family = Family(name="words", kind="relative", required=True, variants=variants, baselines=baselines)
    return measure_family(family, people)


def test_halves_are_joined_by_a_common_row():
    first = nearest([[3, 7, 9], [1, 2, 4], [5, 6, 8], [0, 1, 2]], [[0.9, 0.5, 0.25]] * 4)
    second = nearest([[9, 7, 0], [3, 5, 6], [5, 0, 1], [7, 2, 0]], [[0.75, 0.5, 0.125]] * 4)
    has_long_halves = np.array([True, True, True, False])
    one, three = (join_halves(first, second, k, has_long_halves) for k in (1, 3))
    assert list(one.correct) == [False, False, True, False]
    assert list(three.correct) == [True, False, True, True]
    assert three.confidence == pytest.approx([0.5, 0, 0.75, 0.25])
    assert list(three.is_trial) == [True, True, True, False]


def test_join_halves_agrees_with_brute_force():
    rng = np.random.default_rng(0)
    lists = [
        nearest(np.stack([rng.permutation(23)[:6] for _ in range(50)]), -np.sort(-rng.random((50, 6)), axis=1))
        for _ in "ab"
    ]
    for k in (1, 4, 6):
        joined = join_halves(*lists, k, np.ones(50, dtype=bool))
        for i in range(50):
            a, b = (dict(zip(v.rows[i, :k], v.similarities[i, :k], strict=True)) for v in lists)
            common = [min(a[r], b[r]) for r in a.keys() & b.keys()]
            assert joined.correct[i] == bool(common)
            assert joined.confidence[i] == pytest.approx(max(common, default=0))


def test_random_lists_are_joined_at_the_expected_rate():
    rng = np.random.default_rng(1)
    lists = [nearest(np.stack([rng.permutation(400)[:5] for _ in range(3000)]), np.ones((3000, 5))) for _ in "ab"]
    joined = join_halves(*lists, 5, np.ones(3000, dtype=bool))
    assert joined.correct.mean() == pytest.approx(25 / 400, abs=0.015)  # k² / m


def test_inversion_is_correct_for_any_record_of_the_person():
    full = nearest([[2], [0], [1], [2], [0]], [[0.9], [0.1], [-0.2], [0.8], [0.3]])
    reverse = np.array([1, 4, 3])  # the record nearest to each of three synthetic rows
    found = invert(full, reverse, np.array([0, 1, 1, 0, 2]))
    assert list(found.correct) == [True, True, False, True, False]
    assert found.is_trial.all()
    assert found.confidence == pytest.approx([0.9, 0.1, 0, 0.8, 0.3])


def test_margins_by_number_of_persons():
    assert MARGINS["relative"] == ((1097, 0.05), (560, 0.07), (275, 0.10))
    assert MARGINS["absolute"] == ((1713, 0.05), (874, 0.07), (429, 0.10))


def test_value_of_a_person_is_the_mean_over_the_variants():
    right_a, right_b = [True] * 30 + [False] * 25, [True] * 15 + [False] * 40
    found = measured(arms_of(55, 30), a=guesses(right_a), b=guesses(right_b))
    assert (found.train.mean(), found.control.mean()) == (0.75, 0)
    assert (len(found.train), len(found.control), found.n) == (30, 25, 25)
    assert found.limit is None
    assert found.estimate(0.95).value == 0.75
    assert found.report["variants"]["b"]["train"] == 0.5
    assert found.report["baselines"]["reference"] == {"train": 1.0, "control": 0.0}
    assert found.scans["a"].p < 1e-6


def test_scan_ranks_correct_guesses_and_report_counts_the_most_confident():
    correct, confidence = np.arange(200) < 20, np.random.default_rng(0).random(200)
    confidence[:20] += 1
    found = measured(arms_of(200, 110), a=guesses(correct, confidence))
    assert found.scans["a"].p < 0.01
    counts = {"persons": 2, "train": 2, "train_right": 2, "control_right": 0}
    assert found.report["variants"]["a"]["most_confident"] == counts
    wrong = measured(arms_of(200, 110), a=guesses([False] * 200, confidence))
    assert wrong.scans["a"].p == 1.0


@pytest.mark.parametrize(("n", "limit"), [(1097, 0.05), (1096, 0.07), (559, 0.10), (274, None)])
def test_limit_depends_on_the_smaller_arm(n, limit):
    found = measured(arms_of(2 * n + 9, n + 9), a=guesses([False] * (2 * n + 9)))
    assert (found.n, found.limit) == (n, limit)


def test_family_without_twenty_trials_in_each_arm_has_no_result():
    is_trial = [True] * 19 + [False] * 50 + [True] * 60
    people = arms_of(129, 69)
    assert measured(people, a=guesses([True] * 129, is_trial=is_trial)) is None
    is_trial[19] = True
    assert measured(people, a=guesses([False] * 129, is_trial=is_trial)).n == 20


def test_excess_is_the_difference_if_control_is_always_right():
    found = measured(arms_of(90, 40), a=guesses([False] * 10 + [True] * 80))
    assert found.estimate(0.95).value == -0.25
    assert found.estimate(0.95).high < 0
