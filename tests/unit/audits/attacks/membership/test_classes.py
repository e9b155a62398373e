"""Every class is read: the one that leaks is not hidden by one of which less is known."""

import numpy as np
import pytest

from audits.attacks.membership.classes import areas_by_class
from audits.core.holdout import Arms
from audits.core.stats import FAIL_LEVEL

MARGIN = 0.05


def dealt(sizes, leaks, rng):
    """Return persons of classes of the given sizes in each arm, and one score by which the leaking classes tell."""
    classes = np.repeat(np.arange(len(sizes)), sizes)
    people = Arms(
        row_person=np.arange(2 * len(classes)),
        is_train=np.arange(2 * len(classes)) < len(classes),
        person_class=np.tile(classes, 2),
        synthetic_class=np.zeros(3, dtype=np.int64),
        n_classes=len(sizes),
    )
    shift = np.isin(people.person_class, leaks) & people.is_train
    return people, {"a": rng.normal(size=len(people.is_train)) + 0.9 * shift, "b": rng.normal(size=2 * len(classes))}


def test_a_leaking_class_is_proven_beside_a_small_one_whose_interval_is_wider():
    proven = 0
    for seed in range(40):
        people, scores = dealt([300, 101, 450], [0], np.random.default_rng(seed))
        found = areas_by_class(scores, people, MARGIN)
        proven += found.p_outside(MARGIN) < FAIL_LEVEL
    assert proven == 40


@pytest.mark.parametrize("leaks", [[1], [2], [0, 2]])
def test_whichever_class_leaks_it_is_proven(leaks):
    people, scores = dealt([300, 140, 450], leaks, np.random.default_rng(3))
    found = areas_by_class(scores, people, MARGIN)
    assert found.p_outside(MARGIN) < FAIL_LEVEL


def test_classes_without_a_leak_are_seldom_called_leaking():
    fails = 0
    for seed in range(100):
        people, scores = dealt([120, 200, 160, 105, 300], [], np.random.default_rng(seed))
        fails += areas_by_class(scores, people, MARGIN).p_outside(MARGIN) < FAIL_LEVEL
    assert fails <= 12


def test_of_small_classes_it_is_said_how_many_there_are():
    people, scores = dealt([99, 100, 2000], [], np.random.default_rng(1))
    found = areas_by_class(scores, people, MARGIN)
    assert [of_class[0].n for of_class in found.areas] == [100, 2000]
    assert (found.n_classes, found.n_too_small) == (3, 2)
    assert found.estimate(0.95).low < 0.45  # a policy that reads the worst class reads the small one too
