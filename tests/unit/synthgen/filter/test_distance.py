from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from synthgen.core.errors import DataError
from synthgen.filter.distance import ClassDistance, LatentDistance, latent_distances, reconstruction_bound


def unit(v):
    v = np.asarray(v, dtype=float)
    return v / np.linalg.norm(v, axis=-1, keepdims=True)


def test_latent_distance_worked_example(world):
    context = world.context()
    distances = latent_distances(world.candidates, context)
    for i in (0, 4, 44):
        latent = world.latents.vectors[context.row(world.candidates[i])]
        assert distances[i] == pytest.approx(1 - unit(world.vectors[i]) @ unit(latent), abs=1e-6)


def with_reconstructions(context, targets, reconstructions):
    """Return the context with train rows `targets`; reconstruction i was decoded from target i."""
    targets, reconstructions = np.asarray(targets, dtype=np.float32), np.asarray(reconstructions, dtype=np.float32)
    return replace(
        context, train=targets, reconstruction_rows=np.arange(len(targets)), reconstruction_vectors=reconstructions
    )


def spread(distances):
    """Return unit rows at these cosine distances from the last axis, each leaning towards an axis of its own."""
    cosine = 1 - np.asarray(distances)
    rows = np.diag(np.sqrt(1 - cosine**2))
    return np.hstack([rows, cosine[:, None]])


# 0, .01, ..., .20: the 95 % quantile is .19 (index .95 · 20 = 19), and the median is .10
TWENTY_ONE = np.arange(21) / 100


def test_high_limit_is_the_95_percent_quantile_of_reconstructions(world):
    targets = np.hstack([np.eye(21), np.zeros((21, 1))])  # orthogonal, so that the other targets are at distance 1
    cosine = 1 - TWENTY_ONE
    reconstructions = cosine[:, None] * targets + np.sqrt(1 - cosine**2)[:, None] * np.eye(22)[21]
    context = with_reconstructions(world.context(), targets, reconstructions)
    assert reconstruction_bound(context) == pytest.approx(0.19, abs=1e-6)
    assert LatentDistance().fit(context).bounds == {"high": reconstruction_bound(context)}


def test_high_limit_is_the_median_for_a_decoder_that_ignores_its_vector(world):
    """All reconstructions are equal, so their distances to their own and to other targets are all from 0 to .20."""
    targets = spread(TWENTY_ONE)
    context = with_reconstructions(world.context(), targets, np.tile(np.eye(22)[21], (21, 1)))
    assert reconstruction_bound(context) == pytest.approx(0.10, abs=1e-6)


def test_high_limit_matches_exhaustive_computation(world):
    row = {id_: i for i, id_ in enumerate(world.train.ids)}
    targets = [unit(world.train.vectors[row[id_]]) for id_ in world.reconstructions.record_ids]
    pairs = list(product(enumerate(unit(world.reconstructions.vectors)), enumerate(targets)))
    own, others = ([1 - v @ t for (i, v), (j, t) in pairs if (i == j) == is_own] for is_own in (True, False))
    expected = min(np.quantile(own, 0.95), np.median(others))
    assert reconstruction_bound(world.context()) == pytest.approx(expected, abs=1e-5)
    assert expected < np.median(others)  # reconstructions are nearer to their own targets


@pytest.mark.parametrize("seed", range(3))
def test_texts_of_other_records_do_not_raise_the_limit(world, seed):
    """Reconstructions and candidates get the vectors of others, so about half of the texts pass instead of 95 %."""
    shift = np.random.default_rng(seed).integers(1, len(world.reconstructions.texts))
    world.reconstructions = replace(
        world.reconstructions, vectors=np.roll(world.reconstructions.vectors, shift, axis=0)
    )
    world.vectors = np.roll(world.vectors, 3 * (seed + 4), axis=0)
    context = world.context()
    fitted = LatentDistance().fit(context)
    own = 1 - np.einsum("ij,ij->i", context.reconstruction_vectors, context.train[context.reconstruction_rows])
    assert fitted.bounds["high"] < np.quantile(own, 0.95)
    assert np.mean([o.passed for o in fitted.judge(world.candidates)]) < 0.7


def test_latent_distance_applies_its_limit(world):
    context = world.context()
    distances = latent_distances(world.candidates, context)
    high = float(np.quantile(distances, 0.7))
    outcomes = LatentDistance(high).fit(context).judge(world.candidates)
    reasons = ["latent_distance_far" if distance > high else "" for distance in distances]
    assert [(o.passed, o.reason) for o in outcomes] == [(reason == "", reason) for reason in reasons]
    assert len(set(reasons)) == 2


def test_auto_limits_keep_texts_at_their_latent(world):
    world.vectors = world.latents.vectors[[list(world.latents.ids).index(c.latent_id) for c in world.candidates]]
    assert all(o.passed for o in LatentDistance().fit(world.context()).judge(world.candidates))


def centre_without_parents(context, candidate):
    folds = context.parent_folds[context.row(candidate)]
    mine = (context.labels == candidate.label) & ~np.isin(context.folds, list(folds))
    return unit(context.train[mine].astype(float).mean(axis=0))


def test_class_centre_excludes_the_parents_folds(world):
    context = world.context()
    outcomes = ClassDistance().fit(context).judge(world.candidates)
    for i in (0, 20, 44):
        centre = centre_without_parents(context, world.candidates[i])
        assert outcomes[i].score == pytest.approx(1 - unit(world.vectors[i]) @ centre, abs=1e-5)


def test_class_limits_are_quantiles_of_reconstructions_without_their_own_fold(world):
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
    assert np.abs(to_centres(left_out=False) - [low, high]).min() > 1e-4  # with their own fold, the limits differ


def test_class_limits_are_learned_from_reconstructions(world):
    """All reconstructions are moved in the same direction, as by a decoder of another style."""
    before = ClassDistance().fit(world.context()).bounds
    moved = world.reconstructions.vectors + np.float32(0.5)
    world.reconstructions = replace(world.reconstructions, vectors=moved)
    after = ClassDistance().fit(world.context()).bounds
    assert after["low"] > before["low"]
    assert after["high"] != before["high"]


def test_class_limits_reject_texts_that_are_too_near_or_too_far(world):
    context = world.context()
    bounds = ClassDistance().fit(context).bounds
    assert 0 < bounds["low"] < bounds["high"] < 1
    centre = centre_without_parents(context, world.candidates[0])
    fitted = ClassDistance().fit(replace(context, vectors=np.array([centre, -centre], dtype=np.float32)))
    assert fitted.bounds == bounds
    reasons = [o.reason for o in fitted.judge([world.candidates[0]] * 2)]
    assert reasons == ["class_distance_near", "class_distance_far"]


def test_class_distance_of_unknown_class_fails(world):
    (o,) = ClassDistance().fit(world.context()).judge([replace(world.candidates[0], label="zebra")])
    assert (o.passed, o.reason) == (False, "class_not_learned")


@pytest.mark.parametrize("rule", [LatentDistance(), ClassDistance()])
@pytest.mark.parametrize("n", [0, 19])
def test_too_few_reconstructions_are_rejected(world, rule, n):
    def context(n):
        return world.context(reconstructions=world.some_reconstructions(range(n)))

    with pytest.raises(DataError, match=f"At least 20 reconstructions are needed, but there are {n}\n"):
        rule.fit(context(n))
    assert rule.fit(context(20)).bounds["high"] > 0
    assert LatentDistance(0.7).fit(context(n)).bounds == {"high": 0.7}
