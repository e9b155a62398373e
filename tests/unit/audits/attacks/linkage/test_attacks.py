"""The families of attacks: who is asked, what a person's value is, and which limit so many persons support."""

import numpy as np
import pytest

from audits.attacks.linkage.attacks import MARGINS, Family, measure_family
from audits.attacks.linkage.attribute_inference import Guesses
from audits.core.holdout import Arms


def arms_of(row_person, n_train):
    n = max(row_person) + 1
    return Arms(
        row_person=np.array(row_person),
        is_train=np.arange(n) < n_train,
        person_class=np.zeros(n, dtype=np.int64),
        synthetic_class=np.zeros(3, dtype=np.int64),
        n_classes=1,
    )


def guesses(correct, confidence=None, target=None):
    correct = np.array(correct, dtype=bool)
    return Guesses(
        is_trial=np.ones(len(correct), dtype=bool) if target is None else np.array(target, dtype=bool),
        correct=correct,
        confidence=np.ones(len(correct)) if confidence is None else np.array(confidence, dtype=float),
    )


def family(kind="relative", **variants):
    return Family(name="words", kind=kind, required=True, variants=variants, baselines={"reference": variants["a"]})


def test_each_limit_is_what_its_persons_can_tell():
    assert MARGINS["relative"] == ((1097, 0.05), (560, 0.07), (275, 0.10))
    assert MARGINS["absolute"] == ((1713, 0.05), (874, 0.07), (429, 0.10))


def test_a_persons_value_is_the_mean_over_the_variants():
    right_a, right_b = [True] * 30 + [False] * 25, [True] * 15 + [False] * 40
    found = measure_family(family(a=guesses(right_a), b=guesses(right_b)), arms_of(range(55), 30))
    assert (found.train.mean(), found.control.mean()) == (0.75, 0)
    assert (len(found.train), len(found.control), found.n) == (30, 25, 25)
    assert found.limit is None
    assert found.estimate(0.95).value == 0.75
    assert found.report["variants"]["b"]["train"] == 0.5
    assert found.report["baselines"]["reference"] == {"train": 1.0, "control": 0.0}
    assert found.scans["a"].p < 1e-6


def test_only_the_right_count_in_the_scan_and_the_surest_in_the_report():
    rng = np.random.default_rng(0)
    correct = np.zeros(200, dtype=bool)
    correct[:20] = True
    confidence = rng.random(200)
    confidence[:20] += 1
    found = measure_family(family(a=guesses(correct, confidence)), arms_of(range(200), 110))
    assert found.scans["a"].p < 0.01
    assert found.report["variants"]["a"]["most_confident"] == {
        "persons": 2,
        "train": 2,
        "train_right": 2,
        "control_right": 0,
    }
    wrong = measure_family(family(a=guesses(~correct & False, confidence)), arms_of(range(200), 110))
    assert wrong.scans["a"].p == 1.0


@pytest.mark.parametrize(("n", "limit"), [(1097, 0.05), (1096, 0.07), (559, 0.10), (274, None)])
def test_the_limit_follows_from_the_smaller_arm(n, limit):
    found = measure_family(family(a=guesses([False] * (2 * n + 9))), arms_of(range(2 * n + 9), n + 9))
    assert found.n == n
    assert found.limit == limit


def test_too_few_askable_persons_are_no_finding():
    target = [True] * 19 + [False] * 50 + [True] * 60
    people = arms_of(range(129), 69)
    assert measure_family(family(a=guesses([True] * 129, target=target)), people) is None
    target[19] = True
    assert measure_family(family(a=guesses([False] * 129, target=target)), people).n == 20


def test_where_control_is_always_right_the_difference_stands_for_the_share():
    correct = [True] * 90
    correct[:10] = [False] * 10
    found = measure_family(family(a=guesses(correct)), arms_of(range(90), 40))
    assert found.estimate(0.95).value == -0.25
    assert found.estimate(0.95).high < 0
