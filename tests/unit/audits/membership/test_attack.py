"""The membership attack: what choosing, bounds and curve do."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audits.core.holdout import Arms
from audits.core.stats import auc
from audits.membership.attack import cross_fit, roc_curve, true_positives

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


def test_choosing_among_many_useless_attacks_does_not_look_like_a_leak():
    people, areas = arms_of(130, 110), []
    for seed in range(60):
        rng = RNG(seed)
        found = cross_fit({f"a{i}": rng.normal(size=240) for i in range(14)}, people, rng)
        areas.append(auc(found.pooled[people.is_train], found.pooled[~people.is_train]))
    assert abs(np.mean(areas) - 0.5) < 3 * 0.0374 / np.sqrt(60)
    assert np.std(areas) < 1.25 * 0.0374  # sqrt((n + 1) / (12 n_T n_H))


def test_the_attack_that_works_is_chosen_and_turned_round_where_absence_tells():
    people, rng = arms_of(90, 80), RNG(1)
    scores = {"useless": rng.normal(size=170), "absence": rng.normal(size=170) - 1.5 * people.is_train}
    found = cross_fit(scores, people, rng)
    assert set(found.chosen) == {"-absence"}
    assert auc(found.pooled[people.is_train], found.pooled[~people.is_train]) > 0.75
    assert found.aucs["absence"] < 0.25
    assert found.scans["absence"].p < 0.01 < found.scans["useless"].p


def test_a_label_in_the_attack_would_show():
    people = arms_of(70, 60)
    found = cross_fit({"cheat": people.is_train.astype(float)}, people, RNG(0))
    assert auc(found.pooled[people.is_train], found.pooled[~people.is_train]) == 1.0


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
