"""Exposure: a ledger worked by hand, and laws that hold for every ledger."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audits.attacks.parent_recovery.lineage_exposure import lineage_exposure, weights_by_person
from audits.core.types import Lineage

TRAIN_PERSON = np.array([0, 0, 1, 2, 2, 3])  # six rows of four persons


def test_a_lineage_by_hand():
    lineage = Lineage(
        parents=((0, 2), (0, 1), (), (3, 5, 2), (4,)), weights=((0.75, 0.25), (0.5, 0.5), (), (0.5, 0.5, 0.0), (1.0,))
    )
    e = lineage_exposure(lineage, TRAIN_PERSON, np.array([0, 0, 1, 1, 1]))
    assert e.max_weight == pytest.approx([0.75, 1.0, 0.5, 1.0])  # two rows of one person are one parent
    assert e.effective_parents == pytest.approx([1 / 0.625, 1.0, 2.0, 1.0])
    assert e.persons_of_row.tolist() == [2, 1, 2, 1]  # a weight of 0 is no parent
    assert e.rows_of_person.tolist() == [2, 1, 2, 1]
    assert e.persons_of_class.tolist() == [2, 2]
    assert e.max_share_of_class == pytest.approx([1.75 / 2, 0.75])
    assert e.parentless_rows == 1


def test_a_lineage_without_any_parents_has_no_exposure():
    e = lineage_exposure(Lineage(parents=((),) * 3, weights=((),) * 3), TRAIN_PERSON, np.zeros(3, dtype=np.int64))
    assert (len(e.max_weight), len(e.max_share_of_class), e.parentless_rows) == (0, 0, 3)
    assert not e.rows_of_person.any()


@st.composite
def ledgers(draw):
    rows = draw(st.lists(st.lists(st.integers(0, 5), min_size=1, max_size=4), min_size=1, max_size=7))
    weights = []
    for parents in rows:
        raw = np.array(draw(st.lists(st.floats(0.01, 1), min_size=len(parents), max_size=len(parents))))
        weights.append(tuple((raw / raw.sum()).tolist()))
    return Lineage(parents=tuple(map(tuple, rows)), weights=tuple(weights))


@given(ledgers())
def test_effective_parents_lie_between_one_and_the_persons(lineage):
    e = lineage_exposure(lineage, TRAIN_PERSON, np.zeros(len(lineage.parents), dtype=np.int64))
    assert np.all(e.effective_parents >= 1 - 1e-9)
    assert np.all(e.effective_parents <= e.persons_of_row + 1e-9)
    assert np.all(1 / e.effective_parents <= e.max_weight + 1e-9)
    assert e.persons_of_row.sum() == e.rows_of_person.sum()


@given(ledgers())
def test_splitting_a_record_in_two_of_the_same_person_changes_nothing(lineage):
    split = Lineage(
        parents=tuple(tuple(x for p in row for x in (p, p)) for row in lineage.parents),
        weights=tuple(tuple(x for w in row for x in (w / 2, w / 2)) for row in lineage.weights),
    )
    for whole, halves in zip(lineage.parents, split.parents, strict=True):
        i = lineage.parents.index(whole)
        assert weights_by_person(halves, split.weights[i], TRAIN_PERSON) == pytest.approx(
            weights_by_person(whole, lineage.weights[i], TRAIN_PERSON)
        )


def test_ordinary_smote_makes_rows_of_one_person_and_weights_near_one_half_do_not():
    def least(weights):
        lineage = Lineage(parents=((2, 5),) * len(weights), weights=tuple((1 - w, w) for w in weights.tolist()))
        return lineage_exposure(lineage, TRAIN_PERSON, np.zeros(len(weights), dtype=np.int64)).effective_parents

    rng = np.random.default_rng(0)
    assert np.mean(least(rng.random(4000)) < 1.5) == pytest.approx(0.42, abs=0.02)
    assert least(rng.uniform(0.3, 0.7, size=4000)).min() > 1.72
