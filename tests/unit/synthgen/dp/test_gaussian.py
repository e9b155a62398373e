from collections import Counter

import numpy as np
import pytest

from synthgen.core.seeds import SeedTree
from synthgen.core.types import Embedded
from synthgen.dp import gaussian
from synthgen.dp.basis import fit_basis
from synthgen.dp.class_queries import class_scores
from synthgen.dp.method import PublicContext
from synthgen.dp.noised_sums import PrivateMechanism, StreamNoise
from synthgen.dp.person_rows import people_of

RNG = np.random.default_rng(2)
LABELS = ("a", "b", "c")


def unit(vectors):
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


BASIS = fit_basis(unit(RNG.normal(size=(400, 10))))
CENTRES = RNG.normal(size=(3, 10))
CLASSES = RNG.integers(0, 3, 600)
VECTORS = unit(CENTRES[CLASSES] + 0.7 * RNG.normal(size=(600, 10)))
NAMES = {"ids": tuple(map(str, range(600))), "groups": tuple(f"p{i // 2}" for i in range(600))}
NAMES["labels"] = tuple(LABELS[c] for c in CLASSES)
X = Embedded(vectors=VECTORS, encoder="any", normalized=True, **NAMES)
CONTEXT = PublicContext(labels=LABELS, basis=BASIS, persons=300)
QUERIES = {name: spec.query(name, 1.0) for name, spec in gaussian.QUERIES.items()}


@pytest.fixture(scope="module")
def model():
    return gaussian.learn(people_of(X, LABELS, BASIS), CONTEXT, QUERIES, PrivateMechanism(StreamNoise(SeedTree(1))))


def test_sampled_points_have_unit_length_lie_near_their_class_and_have_no_parents(model):
    latents = model.sample({"a": 40, "c": 25}, SeedTree(5))
    assert Counter(latents.labels) == {"a": 40, "c": 25}
    assert np.allclose(np.linalg.norm(latents.vectors, axis=1), 1, atol=1e-5)
    assert set(latents.parent_ids) == {()}
    middle = unit(CENTRES)
    for label, code in (("a", 0), ("c", 2)):
        own = latents.vectors[[name == label for name in latents.labels]]
        assert (own @ middle.T).mean(axis=0).argmax() == code


def test_higher_counts_keep_the_first_points_and_a_saved_model_is_read_back(model, tmp_path):
    model.save(tmp_path)
    again = gaussian.read(tmp_path, CONTEXT)
    few, many = model.sample({"a": 5, "b": 3}, SeedTree(5)), again.sample({"a": 9, "b": 3}, SeedTree(5))
    assert np.array_equal(few.vectors[:5], many.vectors[:5])
    assert few.ids[:5] == many.ids[:5]
    assert np.array_equal(few.vectors[5:], again.sample({"a": 5, "b": 3}, SeedTree(5)).vectors[5:])


def test_the_most_typical_of_four_points_is_used(model, monkeypatch):
    """Average log p(c | x) rises with the number of points drawn."""
    typical = []
    for drawn in (1, 4):
        monkeypatch.setattr(gaussian, "DRAWN", drawn)
        vectors = model.sample({"b": 200}, SeedTree(6)).vectors
        scores = class_scores(BASIS.coordinates_of(vectors), model.points, model.spread)
        typical.append(float(scores[:, 1].mean()))
    assert typical[1] > typical[0]
