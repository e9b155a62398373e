from collections import Counter

import numpy as np
import pytest

from synthgen.core.seeds import SeedTree
from synthgen.core.types import Embedded
from synthgen.privacy.noise import StreamNoise
from synthgen.privacy.sums import private_sum
from synthgen.stages.interpolate.dp.basis import fit_basis
from synthgen.stages.interpolate.dp.gaussian import CLIPS, SHARES, TIMES, learn_classes, read_classes
from synthgen.stages.interpolate.dp.people import people_of

RNG = np.random.default_rng(2)
LABELS = ("a", "b", "c")


def unit(vectors):
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


BASIS = fit_basis(unit(RNG.normal(size=(400, 10))))
CENTRES = RNG.normal(size=(3, 10))
CLASSES = RNG.integers(0, 3, 600)
VECTORS = unit(CENTRES[CLASSES] + 0.7 * RNG.normal(size=(600, 10)))
X = Embedded(
    vectors=VECTORS, ids=tuple(map(str, range(600))), labels=tuple(LABELS[c] for c in CLASSES),
    groups=tuple(f"p{i // 2}" for i in range(600)), encoder="any", normalized=True,
)  # fmt: skip


@pytest.fixture(scope="module")
def model():
    noise = StreamNoise(SeedTree(1))
    sigmas = dict.fromkeys(SHARES, 1.0)
    return learn_classes(
        people_of(X, LABELS, BASIS), LABELS, BASIS, "any", sigmas, lambda rows, query: private_sum(rows, query, noise)
    )


def test_every_query_has_a_share_a_clip_and_a_number_of_times():
    assert set(SHARES) == set(CLIPS) == set(TIMES)
    assert 0 < sum(SHARES.values()) <= 1


def test_points_are_of_unit_length_near_their_class_and_of_nobody(model):
    latents = model.sample({"a": 40, "c": 25}, SeedTree(5))
    assert Counter(latents.labels) == {"a": 40, "c": 25}
    assert np.allclose(np.linalg.norm(latents.vectors, axis=1), 1, atol=1e-5)
    assert set(latents.parent_ids) == {()}
    middle = unit(CENTRES)
    for label, code in (("a", 0), ("c", 2)):
        own = latents.vectors[[name == label for name in latents.labels]]
        assert (own @ middle.T).mean(axis=0).argmax() == code


def test_more_points_keep_the_first_ones(model):
    few, many = model.sample({"a": 5, "b": 3}, SeedTree(5)), model.sample({"a": 9, "b": 3}, SeedTree(5))
    assert np.array_equal(few.vectors[:5], many.vectors[:5])
    assert few.ids[:5] == many.ids[:5]


def test_stand_ins_are_of_every_class_each_a_person_of_its_own(model):
    drawn = model.stand_ins(SeedTree(6))
    assert set(Counter(drawn.labels).values()) == {200}
    assert len(set(drawn.groups)) == len(drawn.ids)
    assert not set(drawn.ids) & set(X.ids)


def test_what_is_saved_comes_back(model, tmp_path):
    model.save(tmp_path)
    again = read_classes(tmp_path, LABELS, BASIS, "any")
    assert np.array_equal(model.sample({"b": 4}, SeedTree(1)).vectors, again.sample({"b": 4}, SeedTree(1)).vectors)
