from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from studies.feature_augmentation.folds import assign_folds, cut_fold, largest_class_size
from synthgen.core.errors import DataError
from synthgen.core.seeds import SeedTree


def rng(seed=0):
    return np.random.Generator(np.random.Philox(seed))


def cut(labels, n_folds=5, fold=0, turn=0, seed=1):
    groups = [f"g{i}" for i in range(len(labels))]
    return cut_fold(labels, assign_folds(labels, groups, n_folds, rng(seed)), fold, turn, SeedTree(seed))


@given(st.lists(st.integers(1, 40), min_size=1, max_size=5), st.integers(3, 10), st.integers(0, 99))
def test_records_of_their_own_group_are_spread_evenly(sizes, n_folds, seed):
    labels = [f"c{c}" for c, size in enumerate(sizes) for _ in range(size)]
    fold_of = assign_folds(labels, [str(i) for i in range(len(labels))], n_folds, rng(seed))
    for c in range(len(sizes)):
        counts = np.bincount(fold_of[[label == f"c{c}" for label in labels]], minlength=n_folds)
        assert counts.max() - counts.min() <= 1
    counts = np.bincount(fold_of, minlength=n_folds)
    assert counts.max() - counts.min() <= len(sizes)


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 12)), min_size=1, max_size=80), st.integers(3, 6))
def test_a_group_is_in_one_fold(rows, n_folds):
    labels, groups = [label for label, _ in rows], [f"p{g}" for _, g in rows]
    fold_of = assign_folds(labels, groups, n_folds, rng())
    assert set(fold_of) <= set(range(n_folds))
    assert all(len({f for f, g in zip(fold_of, groups, strict=True) if g == group}) == 1 for group in groups)


def test_folds_depend_on_the_stream():
    labels, groups = ["a", "b"] * 30, [str(i) for i in range(60)]
    first = assign_folds(labels, groups, 4, rng(1))
    assert (first == assign_folds(labels, groups, 4, rng(1))).all()
    assert (first != assign_folds(labels, groups, 4, rng(2))).any()


SIZES = st.lists(st.integers(12, 40), min_size=2, max_size=5)


@given(SIZES, st.integers(0, 4), st.integers(0, 9), st.integers(1, 4))
def test_the_parts_of_a_fold(sizes, fold, turn, n):
    labels = [f"c{c}" for c, size in enumerate(sizes) for _ in range(size)]
    parts = cut(labels, fold=fold, turn=turn)
    train = np.concatenate(list(parts.train.values()))
    all_rows = np.concatenate([train, parts.validation, parts.test])
    assert len(set(all_rows)) == len(all_rows)  # no row is in two parts
    for held_out in (parts.validation, parts.test):
        assert len(set(Counter(labels[i] for i in held_out).values())) == 1
    assert len(parts.minority) == len(sizes) // 2
    kept = Counter(labels[i] for i in parts.train_rows(n, 6))
    assert kept == {f"c{c}": n if f"c{c}" in parts.minority else 6 for c in range(len(sizes))}
    assert set(parts.train_rows(n, 6)) <= set(parts.train_rows(n + 1, 6))


def test_every_row_is_tested_in_one_fold_and_validates_in_another():
    labels = ["a"] * 20 + ["b"] * 25
    folds = [cut(labels, fold=f) for f in range(5)]
    tested = np.concatenate([f.test for f in folds])
    assert len(set(tested)) == len(tested) == 40  # each fold tests four rows of a and four of the five rows of b
    for f, later in zip(folds, folds[1:] + folds[:1], strict=True):
        assert {i for i in f.validation if labels[i] == "a"} == {i for i in later.test if labels[i] == "a"}


def test_each_class_is_in_the_minority_in_its_turn():
    labels = ["a", "b", "c", "d", "e"] * 12
    turns = [cut(labels, turn=turn).minority for turn in range(6)]
    assert turns == [("a", "b"), ("b", "c"), ("c", "d"), ("d", "e"), ("a", "e"), ("a", "b")]


def test_largest_class_size_is_the_power_of_two_that_every_class_holds():
    folds = [cut(["a"] * 60 + ["b"] * 90, n_folds=3, fold=f) for f in range(3)]  # 20 of a in each train part
    assert largest_class_size(folds, 2048, 8, "set") == 16
    assert largest_class_size(folds, 8, 4, "set") == 8
    with pytest.raises(DataError, match="set: too few records") as caught:
        largest_class_size(folds, 2048, 16, "set")
    assert caught.value.problems == ("class 'a': 20 train records in a fold, needs 32",)


def test_a_class_that_no_test_part_holds_is_reported():
    labels = ["a"] * 40 + ["b"] * 40
    groups = [f"g{i}" for i in range(40)] + ["one person"] * 40
    fold_of = assign_folds(labels, groups, 3, rng())
    folds = [cut_fold(labels, fold_of, f, 0, SeedTree(0)) for f in range(3)]
    with pytest.raises(DataError) as caught:
        largest_class_size(folds, 64, 2, "set")
    assert caught.value.problems == (
        "class 'b': 0 train records in a fold, needs 4",
        "a test or validation part lacks a class",
    )
