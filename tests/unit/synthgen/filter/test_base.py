from dataclasses import replace

import numpy as np
import pytest

from synthgen.core.errors import InternalError
from synthgen.core.seeds import SeedTree
from synthgen.filter.base import outcome, person_folds


def test_person_folds_are_balanced_within_each_class():
    labels = ["a"] * 20 + ["b"] * 13
    groups = [f"a{i // 2}" for i in range(20)] + [f"b{i}" for i in range(13)]
    folds = person_folds(labels, groups, 5, SeedTree(1))
    assert set(folds) == set(groups)
    for label in "ab":
        sizes = np.bincount([f for g, f in folds.items() if g.startswith(label)], minlength=5)
        assert sizes.max() - sizes.min() <= 1


def test_person_folds_do_not_depend_on_other_classes():
    labels, groups = ["a"] * 7, [f"a{i}" for i in range(7)]
    few = person_folds(labels, groups, 5, SeedTree(1))
    more = person_folds(["0"] * 3 + labels, [f"z{i}" for i in range(3)] + groups, 5, SeedTree(1))
    assert {g: more[g] for g in few} == few
    assert person_folds(labels, groups, 5, SeedTree(2)) != few


def test_parent_folds_are_those_of_the_parents_persons(world):
    context = world.context()
    by_id = dict(zip(sorted(world.train.ids), context.folds, strict=True))
    for row, parents in enumerate(world.latents.parent_ids):
        assert context.parent_folds[row] == {by_id[p] for p in parents}
    assert np.linalg.norm(context.vectors, axis=1) == pytest.approx(1, abs=1e-5)
    assert len(set(context.folds)) == 5


def test_records_in_another_order_than_vectors_are_rejected(world):
    world.corpus = type(world.corpus)(role="train", records=world.corpus.records[::-1], has_groups=True)
    with pytest.raises(InternalError, match="do not have the same ids in the same order"):
        world.context()


def test_reconstructions_have_the_rows_of_their_records_and_hide_texts(world):
    context = world.context()
    ids = sorted(world.train.ids)
    assert tuple(ids[row] for row in context.reconstruction_rows) == world.reconstructions.record_ids
    assert context.reconstruction_texts == world.reconstructions.texts
    assert repr(world.reconstructions) == "Reconstructions(34 records)"
    given = world.reconstructions.vectors / np.linalg.norm(world.reconstructions.vectors, axis=1, keepdims=True)
    np.testing.assert_allclose(context.reconstruction_vectors, given, atol=1e-6)


def test_reconstructions_that_do_not_match_their_records_are_rejected(world):
    given = world.reconstructions
    for fewer in ({"texts": given.texts[1:]}, {"vectors": given.vectors[1:]}):
        with pytest.raises(InternalError, match="different numbers of record ids, texts and vectors"):
            replace(given, **fewer)
    with pytest.raises(InternalError, match="belongs to no train record"):
        world.context(reconstructions=replace(given, record_ids=("nobody", *given.record_ids[1:])))


def test_outcome_has_a_reason_only_if_it_failed():
    assert outcome("x", passed=True, score=1, reason="why").reason == ""
    assert outcome("x", passed=False, score=1).reason == "x"
    assert outcome("x", passed=False, score=1, reason="why").reason == "why"
