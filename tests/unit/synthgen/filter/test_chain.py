from dataclasses import replace

import numpy as np
import pytest

from synthgen.core.errors import InternalError
from synthgen.core.seeds import SeedTree
from synthgen.filter import apply, build_filters, select
from synthgen.filter.base import FittedFilter
from synthgen.filter.config import DistanceBounds, FilterConfig
from synthgen.filter.distance import latent_distances

CONFIG = FilterConfig(near_duplicate=0.8, class_agreement=0.5)


def judged(world, filters=None, **changes):
    return apply(world.candidates, world.context(**changes), filters or build_filters(CONFIG))


def ids(result):
    return [(c.latent_id, c.index) for c in result.kept]


def test_candidate_nearest_to_its_latent_is_kept(world):
    result = judged(world)
    distance = latent_distances(world.candidates, world.context())
    row_of = {(c.latent_id, c.index): i for i, c in enumerate(world.candidates)}
    assert len({c.latent_id for c in result.kept}) == len(result.kept)
    assert 0 < len(result.kept) < len(world.latents) + 1
    for c in result.kept:
        rivals = [r for r in result.judged if r.latent_id == c.latent_id and r.passed]
        assert c.passed
        assert distance[row_of[c.latent_id, c.index]] == min(distance[row_of[r.latent_id, r.index]] for r in rivals)
    order = {id_: i for i, id_ in enumerate(world.latents.ids)}
    assert [order[c.latent_id] for c in result.kept] == sorted(order[c.latent_id] for c in result.kept)


def test_all_filters_judge_all_candidates_and_counts_add_up(world):
    world.candidates[3] = replace(world.candidates[3], text="")
    world.candidates[4] = replace(world.candidates[4], text=world.corpus.records[0].text * 2)
    result = judged(world)
    names = [f.name for f in build_filters(CONFIG)]
    assert all([o.name for o in c.outcomes] == names for c in result.judged)
    assert result.rejected["copy"] == result.failed["copy"] == 1
    assert result.rejected["empty"] == 1
    n_kept = sum(c.passed for c in result.judged)
    assert sum(result.rejected.values()) + n_kept == len(world.candidates)
    assert result.spare + len(result.kept) == n_kept
    assert sum(result.latents_lost.values()) + len(result.kept) == len(world.latents)
    assert set(result.bounds) == set(names)


def fitted_at(rule, context):
    return rule if isinstance(rule, FittedFilter) else rule.fit(context)


@pytest.mark.parametrize("rule", build_filters(CONFIG), ids=lambda rule: rule.name)
def test_filter_outcomes_are_complete_and_independent_of_order(world, rule):
    context = world.context()
    fitted = fitted_at(rule, context)
    outcomes = fitted.judge(world.candidates)
    assert len(outcomes) == len(world.candidates)
    assert all(np.isfinite(v) for v in fitted.bounds.values())
    for o in outcomes:
        assert o.name == rule.name
        assert np.isfinite(o.score)
        assert (o.reason == "") == o.passed
        assert (type(o.passed), type(o.score)) == (bool, float)
    order = np.random.default_rng(9).permutation(len(world.candidates))
    moved = world.permuted(order)
    again = fitted_at(rule, moved.context()).judge(moved.candidates)
    assert [(o.passed, o.reason) for o in again] == [(outcomes[i].passed, outcomes[i].reason) for i in order]
    assert fitted_at(rule, replace(context, vectors=context.vectors[:0])).judge([]) == []


def test_kept_candidates_do_not_depend_on_the_order_of_filters(world):
    filters, rng = build_filters(CONFIG), np.random.default_rng(5)
    first = ids(judged(world))
    for _ in range(3):
        shuffled = tuple(filters[i] for i in rng.permutation(len(filters)))
        assert set(ids(judged(world, shuffled))) == set(first)


def test_text_of_another_language_is_rejected_for_its_language_and_not_for_its_length(world):
    names = [f.name for f in build_filters(FilterConfig())]
    assert names[3:8] == ["fluency", "language", "legibility", "length", "repetition"]
    world.candidates[3] = replace(world.candidates[3], text="患者 主诉 头痛 " * 60)
    result = judged(world, build_filters(FilterConfig()))
    failed = [o.reason for o in result.judged[3].outcomes if not o.passed]
    assert failed[0] == "language"
    assert {"length_long", "repetition"} <= set(failed)


def test_kept_candidates_do_not_depend_on_the_order_of_rows(world):
    result = judged(world)
    order = np.random.default_rng(6).permutation(len(world.candidates))
    assert judged(world.permuted(order)).kept == result.kept
    rows = np.random.default_rng(7).permutation(len(world.train.ids))
    permuted = {name: tuple(getattr(world.train, name)[i] for i in rows) for name in ("ids", "labels", "groups")}
    train = replace(world.train, vectors=world.train.vectors[rows], **permuted)
    corpus = replace(world.corpus, records=tuple(world.corpus.records[i] for i in rows))
    assert judged(world, train=train, corpus=corpus).kept == result.kept
    rows = np.random.default_rng(8).permutation(len(world.reconstructions.texts))
    reconstructions = world.some_reconstructions(rows)
    context, moved = world.context(), world.context(reconstructions=reconstructions)
    for rule in build_filters(CONFIG):
        assert fitted_at(rule, moved).bounds == pytest.approx(fitted_at(rule, context).bounds, abs=1e-12)
    assert ids(judged(world, reconstructions=reconstructions)) == ids(result)


def test_null_turns_a_filter_off_and_limits_are_applied(world):
    names = (
        "class_agreement",
        "embedding_distance",
        "near_duplicate",
        "language",
        "length",
        "repetition",
        "fluency",
        "coherent",
    )
    assert [f.name for f in build_filters(FilterConfig(**dict.fromkeys(names)))] == ["copy", "empty", "label_word"]
    given = FilterConfig(embedding_distance=DistanceBounds(high=0.2))
    rule = next(f for f in build_filters(given) if f.name == "latent_distance")
    assert rule.fit(world.context()).bounds == {"high": 0.2}


def test_candidates_at_train_vectors_are_not_rejected(world):
    """Most candidates get the vector of their first parent; no distance filter rejects them for it."""
    row = {id_: i for i, id_ in enumerate(world.train.ids)}
    for i, c in enumerate(world.candidates):
        parent = world.latents.parent_ids[list(world.latents.ids).index(c.latent_id)][0]
        if c.index != 1:
            world.vectors[i] = world.train.vectors[row[parent]]
    result = judged(world)
    failed = [o.reason for c in result.judged if c.index != 1 for o in c.outcomes if not o.passed]
    assert not [reason for reason in failed if reason.endswith("near") or reason == "copy"]


def test_apply_rejects_wrong_vectors_and_no_filters(world):
    with pytest.raises(InternalError, match="do not match"):
        apply(world.candidates[:3], world.context(), build_filters(CONFIG))
    with pytest.raises(InternalError, match="there are no filters"):
        apply(world.candidates, world.context(), ())


def test_select_draws_the_counts_at_random_or_all_of_too_few(world):
    firsts = [c for c in world.candidates if c.index == 0]
    chosen = select(firsts, {"bee": 2, "ant": 4}, SeedTree(1))
    assert [c.label for c in chosen] == ["ant"] * 4 + ["bee"] * 2
    assert select(firsts[::-1], {"ant": 4, "bee": 2}, SeedTree(1)) == chosen
    assert select(firsts, {"ant": 4}, SeedTree(1)) == chosen[:4]
    assert any(select(firsts, {"ant": 4}, SeedTree(s)) != chosen[:4] for s in range(2, 6))
    few = select([c for c in firsts if c.label != "cow"], {"ant": 4, "bee": 9, "cow": 1}, SeedTree(1))
    assert [c.label for c in few] == ["ant"] * 4 + ["bee"] * 5
