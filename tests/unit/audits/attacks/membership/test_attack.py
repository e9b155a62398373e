import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from audits.attacks.membership.attack import (
    POWERS,
    STACKED,
    areas_by_class,
    cross_fit,
    roc_curve,
    smallest_detected_leaks,
    true_positives,
)
from audits.core.holdout import Arms
from audits.core.stats import CHANCE_LEVEL, FAIL_LEVEL, auc, holm, scan_test
from audits.core.two_sided import area_of, is_inside

RNG = np.random.default_rng
MARGIN = 0.05


def arms_of(n_train, n_control, classes=None):
    n = n_train + n_control
    classes = np.zeros(n, dtype=np.int64) if classes is None else classes
    return Arms(
        row_person=np.arange(n),
        is_train=np.arange(n) < n_train,
        person_class=classes,
        synthetic_class=np.zeros(3, dtype=np.int64),
        n_classes=len(np.unique(classes)),
    )


def proven_classes(sizes, leaks, seed):
    """Return the AUC of each class, and whether a leak is proven; one of two scores leaks the classes in `leaks`."""
    rng, classes = RNG(seed), np.repeat(np.arange(len(sizes)), sizes)
    people = arms_of(len(classes), len(classes), np.tile(classes, 2))
    shift = np.isin(people.person_class, leaks) & people.is_train
    scores = {"a": rng.normal(size=len(people.is_train)) + 0.9 * shift, "b": rng.normal(size=2 * len(classes))}
    found = areas_by_class(scores, people, MARGIN)
    return found, found.p_outside(MARGIN) < FAIL_LEVEL


def test_stacking_uninformative_attacks_does_not_look_like_a_leak():
    people, areas = arms_of(130, 110), []
    for seed in range(60):
        rng = RNG(seed)
        found = cross_fit({f"a{i}": rng.normal(size=240) for i in range(14)}, people, rng)
        areas.append(found.areas[STACKED].value)
    assert abs(np.mean(areas) - 0.5) < 3 * 0.0374 / np.sqrt(60)
    assert np.std(areas) < 1.25 * 0.0374  # the error is sqrt((n + 1) / (12 n_T n_H))


def test_stacking_inverts_a_score_that_indicates_control():
    people, rng = arms_of(90, 80), RNG(1)
    scores = {"useless": rng.normal(size=170), "absence": rng.normal(size=170) - 1.5 * people.is_train}
    found = cross_fit(scores, people, rng)
    assert all(w["absence"] < -5 * abs(w["useless"]) for w in found.weights)
    assert auc(found.scores[STACKED][people.is_train], found.scores[STACKED][~people.is_train]) > 0.75
    assert found.areas["absence"].value < 0.25
    assert found.scans["absence"].p < 0.01 < found.scans["useless"].p


def test_stacking_two_weak_attacks_is_stronger_than_each():
    people, rng = arms_of(400, 400), RNG(2)
    scores = {name: rng.normal(size=800) + 0.4 * people.is_train for name in "ab"}
    found = cross_fit(scores, people, rng)
    assert found.areas[STACKED].value > max(found.areas["a"].value, found.areas["b"].value) + 0.02


def test_one_leak_among_seventeen_attacks_rarely_passes():
    """With a limit of .55 and one attack with a true AUC of .56, the pass rate is at most 1 - confidence."""
    people, n_passed = arms_of(900, 900), 0
    shift = np.sqrt(2) * stats.norm.ppf(0.56)
    for seed in range(150):
        rng = RNG(seed)
        scores = {f"a{i:02}": rng.normal(size=1800) for i in range(17)}
        scores["a03"] += shift * people.is_train
        found = cross_fit(scores, people, rng)
        n_passed += found.all_inside(0.05, 0.95)
        assert found.all_inside(0.05, 0.95) == is_inside(found.auc(0.95), 0.05)
    assert n_passed <= 150 * 0.05 + 3 * np.sqrt(150 * 0.05 * 0.95)


def test_scores_of_the_role_separate_perfectly_and_constant_scores_do_not_pass():
    people = arms_of(70, 60)
    found = cross_fit({"cheat": people.is_train.astype(float)}, people, RNG(0))
    assert auc(found.scores[STACKED][people.is_train], found.scores[STACKED][~people.is_train]) == 1.0
    people = arms_of(50, 40)
    found = cross_fit({"blind": np.zeros(90), "deaf": np.ones(90)}, people, RNG(0))
    assert found.areas["blind"].value == 0.5
    assert not found.all_inside(0.05, 0.95)


def test_true_positives_respect_the_rate_with_equal_scores():
    is_train = np.arange(11) < 5
    pooled = np.array([9.0, 8, 3, 3, 1, 8, 3, 3, 2, 1, 0])
    assert true_positives(pooled, is_train, 1 / 6) == 2
    assert true_positives(pooled, is_train, 0.0) == 1


@given(st.lists(st.integers(0, 30), min_size=2, max_size=200), st.lists(st.integers(0, 30), min_size=2, max_size=90))
def test_the_roc_curve_is_correct_in_few_points(train, control):
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


def test_a_leak_is_proven_in_every_class():
    assert all(proven_classes([300, 101, 450], [0], seed)[1] for seed in range(40))
    assert all(proven_classes([300, 140, 450], leaks, 3)[1] for leaks in ([1], [2], [0, 2]))


def test_classes_without_a_leak_rarely_fail():
    assert sum(proven_classes([120, 200, 160, 105, 300], [], seed)[1] for seed in range(100)) <= 12


def test_small_classes_are_counted():
    found, _ = proven_classes([99, 100, 2000], [], 1)
    assert [of_class[0].n for of_class in found.areas] == [100, 2000]
    assert (found.n_classes, found.n_too_small) == (3, 2)
    assert found.estimate(0.95).low < 0.45  # small classes count in the metric


N_TRAIN, N_CONTROL, ATTACKS = 500, 400, 6


@pytest.fixture(scope="module")
def curve():
    return smallest_detected_leaks(N_TRAIN, N_CONTROL, attacks=ATTACKS, margin=0.05, epsilon_limit=1.0, coins=780)


def test_more_power_requires_larger_leaks(curve):
    assert curve["power"] == list(POWERS)
    for leak in ("auc", "copied_share", "epsilon"):
        assert curve[leak] == sorted(curve[leak])
    assert 0.55 < curve["auc"][1] < 0.7
    assert 0 < curve["copied_share"][1] < 0.1
    assert 0.5 < curve["epsilon"][1] < 4


def test_the_stated_power_equals_the_simulated_one(curve):
    rng = np.random.default_rng(1)
    shift = np.sqrt(2) * stats.norm.ppf(curve["auc"][1])
    copied = round(curve["copied_share"][1] * N_TRAIN)
    found = np.zeros(2)
    for _ in range(200):
        train, control = rng.normal(size=N_TRAIN), rng.normal(size=N_CONTROL)
        others = [1.0] * (ATTACKS - 1)
        found[0] += min(holm([area_of(train + shift, control).p_beyond(0.05), *others])) < FAIL_LEVEL
        train[:copied] += 9
        found[1] += min(holm([scan_test(train, control).p, *others])) < CHANCE_LEVEL
    assert found / 200 == pytest.approx([0.8, 0.9], abs=0.1)


def test_with_too_few_persons_no_epsilon_is_detected():
    curve = smallest_detected_leaks(20, 20, attacks=9, margin=0.05, epsilon_limit=1.0, coins=9)
    assert curve["epsilon"] == [None, None, None]
