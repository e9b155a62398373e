from dataclasses import replace

import numpy as np
import pytest

from synthgen.errors import DataError
from synthgen.filter.distance import ClassDistance, LatentDistance, latent_distances, real_to_interpolation


def unit(v):
    v = np.asarray(v, dtype=float)
    return v / np.linalg.norm(v, axis=-1, keepdims=True)


def test_distance_to_the_latent_by_hand(world):
    context = world.context()
    distances = latent_distances(world.candidates, context)
    for i in (0, 4, 44):
        latent = world.latents.vectors[context.row(world.candidates[i])]
        assert distances[i] == pytest.approx(1 - unit(world.vectors[i]) @ unit(latent), abs=1e-6)


def test_the_high_bound_is_learned_from_real_text_between_its_neighbours(world):
    context = world.context()
    x = world.train
    expected = []
    for i in range(len(x.ids)):
        others = [j for j in range(len(x.ids)) if x.labels[j] == x.labels[i] and x.groups[j] != x.groups[i]]
        a, b = sorted(others, key=lambda j: -float(x.vectors[i] @ x.vectors[j]))[:2]
        expected.append(1 - x.vectors[i] @ unit(x.vectors[a] + x.vectors[b]))
    np.testing.assert_allclose(np.sort(real_to_interpolation(context)), np.sort(expected), atol=1e-5)
    bounds = LatentDistance().learn(context)
    assert bounds["high"] == pytest.approx(np.quantile(expected, 0.995), abs=1e-5)
    assert bounds["low"] == 0


def test_both_sides_are_kept(world):
    context = world.context()
    distances = latent_distances(world.candidates, context)
    low, high = np.quantile(distances, [0.3, 0.7])
    rule = LatentDistance(float(low), float(high))
    outcomes = rule.judge(world.candidates, context, rule.learn(context))
    for distance, o in zip(distances, outcomes, strict=True):
        side = "latent_distance_near" if distance < low else "latent_distance_far" if distance > high else ""
        assert (o.passed, o.reason) == (side == "", side)
    assert {o.reason for o in outcomes} == {"", "latent_distance_near", "latent_distance_far"}


def test_auto_drops_nothing_for_lying_on_its_latent(world):
    world.vectors = world.latents.vectors[[list(world.latents.ids).index(c.latent_id) for c in world.candidates]]
    context = world.context()
    rule = LatentDistance()
    assert all(o.passed for o in rule.judge(world.candidates, context, rule.learn(context)))


def test_the_centre_leaves_out_the_parents_folds(world):
    context = world.context()
    rule = ClassDistance()
    outcomes = rule.judge(world.candidates, context, rule.learn(context))
    for i in (0, 20, 44):
        candidate = world.candidates[i]
        folds = context.parent_folds[context.row(candidate)]
        mine = (context.labels == candidate.label) & ~np.isin(context.folds, list(folds))
        centre = unit(context.train[mine].astype(float).mean(axis=0))
        assert outcomes[i].score == pytest.approx(1 - unit(world.vectors[i]) @ centre, abs=1e-5)


def test_class_bounds_hold_real_text_and_refuse_strays_on_both_sides(world):
    context = world.context()
    rule = ClassDistance()
    bounds = rule.learn(context)
    assert 0 < bounds["low"] < bounds["high"] < 1
    label = world.candidates[0].label
    folds = context.parent_folds[context.row(world.candidates[0])]
    mine = (context.labels == label) & ~np.isin(context.folds, list(folds))
    centre = unit(context.train[mine].astype(float).mean(axis=0))
    strays = replace(context, vectors=np.array([centre, -centre], dtype=np.float32))
    two = [world.candidates[0]] * 2
    assert [o.reason for o in rule.judge(two, strays, bounds)] == ["class_distance_near", "class_distance_far"]


def test_a_class_without_a_centre_fails_closed(world):
    rule = ClassDistance()
    context = world.context()
    lost = [replace(world.candidates[0], label="zebra")]
    (o,) = rule.judge(lost, context, {"low": 0.0, "high": 2.0})
    assert (o.passed, o.reason) == (False, "class_not_learned")


@pytest.mark.parametrize("rule", [LatentDistance(), ClassDistance()])
def test_too_few_records_cannot_give_bounds(world, rule):
    context = world.context()
    few = replace(
        context,
        train=context.train[:8],
        labels=context.labels[:8],
        groups=context.groups[:8],
        folds=context.folds[:8],
    )
    with pytest.raises(DataError, match="needs 20"):
        rule.learn(few)
    assert LatentDistance("auto", 0.7).learn(few) == {"low": 0.0, "high": 0.7}
