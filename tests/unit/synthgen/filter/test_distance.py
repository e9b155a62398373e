from dataclasses import replace

import numpy as np
import pytest

from synthgen.core.errors import DataError
from synthgen.filter import Reconstructions
from synthgen.filter.distance import ClassDistance, LatentDistance, latent_distances, reconstruction_bound


def unit(v):
    v = np.asarray(v, dtype=float)
    return v / np.linalg.norm(v, axis=-1, keepdims=True)


def test_distance_to_the_latent_by_hand(world):
    context = world.context()
    distances = latent_distances(world.candidates, context)
    for i in (0, 4, 44):
        latent = world.latents.vectors[context.row(world.candidates[i])]
        assert distances[i] == pytest.approx(1 - unit(world.vectors[i]) @ unit(latent), abs=1e-6)


def with_reconstructions(context, targets, reconstructions):
    """Return the context with train rows `targets`, reconstruction i being what was written from target i."""
    targets, reconstructions = np.asarray(targets, dtype=np.float32), np.asarray(reconstructions, dtype=np.float32)
    return replace(
        context, train=targets, reconstruction_rows=np.arange(len(targets)), reconstruction_vectors=reconstructions
    )


def spread(distances):
    """Return unit rows at these cosine distances from the last axis, each leaning towards an axis of its own."""
    cosine = 1 - np.asarray(distances)
    rows = np.diag(np.sqrt(1 - cosine**2))
    return np.hstack([rows, cosine[:, None]])


# 0, .01, ..., .20: place .95 · 20 = 19 of the sorted 21 is .19, the middle one is .10
TWENTY_ONE = np.arange(21) / 100


def test_the_high_bound_is_the_95_percent_quantile_of_reconstructions_to_their_own_vector_by_hand(world):
    targets = np.hstack([np.eye(21), np.zeros((21, 1))])  # at right angles, so that others are at distance 1
    cosine = 1 - TWENTY_ONE
    reconstructions = cosine[:, None] * targets + np.sqrt(1 - cosine**2)[:, None] * np.eye(22)[21]
    context = with_reconstructions(world.context(), targets, reconstructions)
    assert reconstruction_bound(context) == pytest.approx(0.19, abs=1e-6)
    assert LatentDistance().fit(context).bounds == {"low": 0.0, "high": reconstruction_bound(context)}


def test_a_decoder_that_ignores_its_vector_gets_the_median_by_hand(world):
    """It writes the same text of every record: own distances 0 to .20, and so are those to the others."""
    targets = spread(TWENTY_ONE)
    context = with_reconstructions(world.context(), targets, np.tile(np.eye(22)[21], (21, 1)))
    assert reconstruction_bound(context) == pytest.approx(0.10, abs=1e-6)


def test_the_high_bound_equals_a_slow_search(world):
    row = {id_: i for i, id_ in enumerate(world.train.ids)}
    vectors = unit(world.reconstructions.vectors)
    targets = [unit(world.train.vectors[row[id_]]) for id_ in world.reconstructions.record_ids]
    own = [1 - v @ t for v, t in zip(vectors, targets, strict=True)]
    others = [1 - v @ t for i, v in enumerate(vectors) for j, t in enumerate(targets) if i != j]
    expected = min(np.quantile(own, 0.95), np.median(others))
    assert reconstruction_bound(world.context()) == pytest.approx(expected, abs=1e-5)
    assert expected < np.median(others)  # this world's decoder does read its vector


@pytest.mark.parametrize("seed", range(3))
def test_texts_of_other_records_cannot_loosen_the_bound(world, seed):
    """The same texts, dealt to records they were not written from: half of any texts would pass, not 95 %."""
    shift = np.random.default_rng(seed).integers(1, len(world.reconstructions.texts))
    world.reconstructions = replace(
        world.reconstructions, vectors=np.roll(world.reconstructions.vectors, shift, axis=0)
    )
    world.vectors = np.roll(world.vectors, 3 * (seed + 4), axis=0)  # and the candidates are no better
    context = world.context()
    rule = LatentDistance()
    fitted = rule.fit(context)
    own = 1 - np.einsum("ij,ij->i", context.reconstruction_vectors, context.train[context.reconstruction_rows])
    assert fitted.bounds["high"] < np.quantile(own, 0.95)
    assert np.mean([o.passed for o in fitted.judge(world.candidates)]) < 0.7


def test_both_sides_are_kept(world):
    context = world.context()
    distances = latent_distances(world.candidates, context)
    low, high = np.quantile(distances, [0.3, 0.7])
    rule = LatentDistance(float(low), float(high))
    outcomes = rule.fit(context).judge(world.candidates)
    for distance, o in zip(distances, outcomes, strict=True):
        side = "latent_distance_near" if distance < low else "latent_distance_far" if distance > high else ""
        assert (o.passed, o.reason) == (side == "", side)
    assert {o.reason for o in outcomes} == {"", "latent_distance_near", "latent_distance_far"}


def test_auto_drops_nothing_for_lying_on_its_latent(world):
    world.vectors = world.latents.vectors[[list(world.latents.ids).index(c.latent_id) for c in world.candidates]]
    context = world.context()
    rule = LatentDistance()
    assert all(o.passed for o in rule.fit(context).judge(world.candidates))


def test_the_centre_leaves_out_the_parents_folds(world):
    context = world.context()
    rule = ClassDistance()
    outcomes = rule.fit(context).judge(world.candidates)
    for i in (0, 20, 44):
        candidate = world.candidates[i]
        folds = context.parent_folds[context.row(candidate)]
        mine = (context.labels == candidate.label) & ~np.isin(context.folds, list(folds))
        centre = unit(context.train[mine].astype(float).mean(axis=0))
        assert outcomes[i].score == pytest.approx(1 - unit(world.vectors[i]) @ centre, abs=1e-5)


def test_class_bounds_are_quantiles_of_reconstructions_without_their_own_fold(world):
    context = world.context()

    def to_centres(left_out):
        found = []
        for row, vector in zip(context.reconstruction_rows, context.reconstruction_vectors, strict=True):
            mine = (context.labels == context.labels[row]) & (
                context.folds != (context.folds[row] if left_out else -1)
            )
            found.append(1 - vector @ unit(context.train[mine].astype(float).mean(axis=0)))
        return np.quantile(found, [0.01, 0.99])

    low, high = to_centres(left_out=True)
    assert ClassDistance().fit(context).bounds == pytest.approx({"low": low, "high": high}, abs=1e-5)
    assert np.abs(to_centres(left_out=False) - [low, high]).min() > 1e-4  # leaving the fold in would be seen


def test_class_bounds_are_learned_from_reconstructions_and_not_from_real_text(world):
    """A decoder of another style: every reconstruction is bent the same way, away from all that is real."""
    before = ClassDistance().fit(world.context()).bounds
    bent = world.reconstructions.vectors + np.full(world.reconstructions.vectors.shape[1], 0.5, dtype=np.float32)
    world.reconstructions = replace(world.reconstructions, vectors=bent)
    after = ClassDistance().fit(world.context()).bounds
    assert after["low"] > before["low"]
    assert after["high"] != before["high"]


def test_class_bounds_hold_real_text_and_refuse_strays_on_both_sides(world):
    context = world.context()
    rule = ClassDistance()
    bounds = rule.fit(context).bounds
    assert 0 < bounds["low"] < bounds["high"] < 1
    label = world.candidates[0].label
    folds = context.parent_folds[context.row(world.candidates[0])]
    mine = (context.labels == label) & ~np.isin(context.folds, list(folds))
    centre = unit(context.train[mine].astype(float).mean(axis=0))
    strays = replace(context, vectors=np.array([centre, -centre], dtype=np.float32))
    assert rule.fit(strays).bounds == bounds
    two = [world.candidates[0]] * 2
    assert [o.reason for o in rule.fit(strays).judge(two)] == ["class_distance_near", "class_distance_far"]


def test_a_class_without_a_centre_fails_closed(world):
    rule = ClassDistance()
    context = world.context()
    lost = [replace(world.candidates[0], label="zebra")]
    (o,) = rule.fit(context).judge(lost)
    assert (o.passed, o.reason) == (False, "class_not_learned")


@pytest.mark.parametrize("rule", [LatentDistance(), ClassDistance()])
@pytest.mark.parametrize("n", [0, 19])
def test_too_few_reconstructions_cannot_give_bounds(world, rule, n):
    def first(n):
        return Reconstructions(
            record_ids=world.reconstructions.record_ids[:n],
            texts=world.reconstructions.texts[:n],
            vectors=world.reconstructions.vectors[:n],
        )

    with pytest.raises(DataError, match=f"from {n} reconstructions, needs 20"):
        rule.fit(world.context(reconstructions=first(n)))
    assert rule.fit(world.context(reconstructions=first(20))).bounds["high"] > 0
    assert LatentDistance("auto", 0.7).fit(world.context(reconstructions=first(n))).bounds == {
        "low": 0.0,
        "high": 0.7,
    }
