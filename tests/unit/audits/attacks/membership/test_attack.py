"""The membership attack: what weighing, passing by all and the curve do."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from audits.attacks.membership.attack import STACKED, cross_fit, roc_curve, true_positives
from audits.core.holdout import Arms
from audits.core.stats import auc
from audits.core.two_sided import is_inside

RNG = np.random.default_rng


def arms_of(n_train, n_control):
    n = n_train + n_control
    return Arms(
        row_person=np.arange(n),
        is_train=np.arange(n) < n_train,
        person_class=np.zeros(n, dtype=np.int64),
        synthetic_class=np.zeros(3, dtype=np.int64),
        n_classes=1,
    )


def test_weighing_many_useless_attacks_does_not_look_like_a_leak():
    people, areas = arms_of(130, 110), []
    for seed in range(60):
        rng = RNG(seed)
        found = cross_fit({f"a{i}": rng.normal(size=240) for i in range(14)}, people, rng)
        areas.append(found.areas[STACKED].value)
    assert abs(np.mean(areas) - 0.5) < 3 * 0.0374 / np.sqrt(60)
    assert np.std(areas) < 1.25 * 0.0374  # sqrt((n + 1) / (12 n_T n_H))


def test_the_stack_weighs_what_works_and_turns_it_round_where_absence_tells():
    people, rng = arms_of(90, 80), RNG(1)
    scores = {"useless": rng.normal(size=170), "absence": rng.normal(size=170) - 1.5 * people.is_train}
    found = cross_fit(scores, people, rng)
    assert all(w["absence"] < -5 * abs(w["useless"]) for w in found.weights)
    assert auc(found.pooled[people.is_train], found.pooled[~people.is_train]) > 0.75
    assert found.areas["absence"].value < 0.25
    assert found.scans["absence"].p < 0.01 < found.scans["useless"].p


def test_two_weak_attacks_together_are_stronger_than_each():
    people, rng = arms_of(400, 400), RNG(2)
    scores = {name: rng.normal(size=800) + 0.4 * people.is_train for name in "ab"}
    found = cross_fit(scores, people, rng)
    assert found.areas[STACKED].value > max(found.areas["a"].value, found.areas["b"].value) + 0.02


def test_a_label_in_the_attack_would_show():
    people = arms_of(70, 60)
    found = cross_fit({"cheat": people.is_train.astype(float)}, people, RNG(0))
    assert auc(found.pooled[people.is_train], found.pooled[~people.is_train]) == 1.0


def test_one_true_leak_among_seventeen_attacks_seldom_passes():
    """The limit is .55, one attack has a true AUC of .56: a pass may be no more frequent than the confidence says."""
    people, n_passed = arms_of(900, 900), 0
    shift = np.sqrt(2) * scipy_stats.norm.ppf(0.56)
    for seed in range(150):
        rng = RNG(seed)
        scores = {f"a{i:02}": rng.normal(size=1800) for i in range(17)}
        scores["a03"] += shift * people.is_train
        found = cross_fit(scores, people, rng)
        n_passed += found.all_inside(0.05, 0.95)
        assert found.all_inside(0.05, 0.95) == is_inside(found.auc(0.95), 0.05)
    assert n_passed <= 150 * 0.05 + 3 * np.sqrt(150 * 0.05 * 0.95)


def test_attacks_that_say_the_same_of_everybody_are_ignorance_and_not_certainty():
    people = arms_of(50, 40)
    found = cross_fit({"blind": np.zeros(90), "deaf": np.ones(90)}, people, RNG(0))
    assert found.areas["blind"].value == 0.5
    assert not found.all_inside(0.05, 0.95)


def test_true_positives_stay_within_the_rate_even_where_scores_are_equal():
    is_train = np.arange(11) < 5
    pooled = np.array([9.0, 8, 3, 3, 1, 8, 3, 3, 2, 1, 0])
    assert true_positives(pooled, is_train, 1 / 6) == 2
    assert true_positives(pooled, is_train, 0.0) == 1


@given(st.lists(st.integers(0, 30), min_size=2, max_size=200), st.lists(st.integers(0, 30), min_size=2, max_size=90))
def test_the_curve_rises_from_corner_to_corner_in_few_points(train, control):
    curve = roc_curve(np.array(train + control, dtype=float), np.arange(len(train) + len(control)) < len(train))
    fpr, tpr = curve["fpr"], curve["tpr"]
    assert (fpr[0], tpr[0], fpr[-1]) == (0.0, 0.0, 1.0)
    assert len(fpr) == len(tpr) <= 60
    assert fpr == sorted(fpr)
    assert tpr == sorted(tpr)
    for f, t in zip(fpr[1:], tpr[1:], strict=True):
        cut = np.sort(control)[::-1][round(f * len(control)) - 1]
        assert f == pytest.approx(np.mean(np.array(control) >= cut))
        assert t == pytest.approx(np.mean(np.array(train) >= cut))
