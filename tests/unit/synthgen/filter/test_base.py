from dataclasses import replace

import numpy as np
import pytest

from synthgen.core.errors import InternalError
from synthgen.core.seeds import SeedTree
from synthgen.filter.base import outcome, person_folds


def test_a_person_is_in_one_fold_and_folds_share_each_class():
    labels = ["a"] * 20 + ["b"] * 13
    groups = [f"a{i // 2}" for i in range(20)] + [f"b{i}" for i in range(13)]
    folds = person_folds(labels, groups, 5, SeedTree(1))
    assert set(folds) == set(groups)
    for label in "ab":
        sizes = np.bincount([f for g, f in folds.items() if g.startswith(label)], minlength=5)
        assert sizes.max() - sizes.min() <= 1


def test_another_class_moves_nobody():
    few = person_folds(["a"] * 7, [f"a{i}" for i in range(7)], 5, SeedTree(1))
    more = person_folds(
        ["0"] * 3 + ["a"] * 7, [f"z{i}" for i in range(3)] + [f"a{i}" for i in range(7)], 5, SeedTree(1)
    )
    assert {g: more[g] for g in few} == few
    assert person_folds(["a"] * 7, [f"a{i}" for i in range(7)], 5, SeedTree(2)) != few


def test_parents_folds_are_their_persons_folds(world):
    context = world.context()
    by_id = dict(zip(sorted(world.train.ids), context.folds, strict=True))
    for row, parents in enumerate(world.latents.parent_ids):
        assert context.parent_folds[row] == {by_id[p] for p in parents}
    assert np.linalg.norm(context.vectors, axis=1) == pytest.approx(1, abs=1e-5)
    assert len(set(context.folds)) == 5


def test_records_of_another_order_are_our_mistake(world):
    world.corpus = type(world.corpus)(role="train", records=world.corpus.records[::-1], has_groups=True)
    with pytest.raises(InternalError, match="differ"):
        world.context()


def test_an_reconstruction_stands_at_the_row_of_its_record(world):
    context = world.context()
    ids = sorted(world.train.ids)
    assert tuple(ids[row] for row in context.reconstruction_rows) == world.reconstructions.record_ids
    assert context.reconstruction_texts == world.reconstructions.texts
    given = world.reconstructions.vectors / np.linalg.norm(world.reconstructions.vectors, axis=1, keepdims=True)
    np.testing.assert_allclose(context.reconstruction_vectors, given, atol=1e-6)


def test_reconstructions_show_no_text(world):
    assert repr(world.reconstructions) == "Reconstructions(34 records)"


def test_reconstructions_that_do_not_match_their_records_are_our_mistake(world):
    with pytest.raises(InternalError, match="do not match"):
        replace(world.reconstructions, texts=world.reconstructions.texts[1:])
    with pytest.raises(InternalError, match="do not match"):
        replace(world.reconstructions, vectors=world.reconstructions.vectors[1:])
    stranger = replace(world.reconstructions, record_ids=("nobody", *world.reconstructions.record_ids[1:]))
    with pytest.raises(InternalError, match="not of train"):
        world.context(reconstructions=stranger)


def test_only_a_failure_has_a_reason():
    assert outcome("x", passed=True, score=1, reason="why").reason == ""
    assert outcome("x", passed=False, score=1).reason == "x"
    assert outcome("x", passed=False, score=1, reason="why").reason == "why"
