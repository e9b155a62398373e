import numpy as np
import pytest

from synthgen.core.errors import DataError
from synthgen.core.seeds import SeedTree
from synthgen.core.types import Embedded
from synthgen.interpolate.base import Points, Sampler, Unfit, latent_ids

X = Embedded(
    vectors=np.arange(8, dtype=np.float32).reshape(4, 2),
    ids=("z", "b", "a", "c"),
    labels=("one", "two", "one", "two"),
    groups=("p", "q", "p", "r"),
    encoder="test",
    normalized=False,
)


class Centres:
    """A method that needs no parents, and refuses the classes it is told to."""

    name, min_groups, max_parents = "centres", 1, 0

    def __init__(self, refused=()):
        self.refused = refused

    def fit_rows(self, rows):
        self.rows = rows
        return self

    def points(self, code, m, rng):
        if code in self.refused:
            raise Unfit("has no centre")
        centre = self.rows.vectors[self.rows.of(code)].mean(axis=0)
        return Points(vectors=np.tile(centre, (m, 1)), parents=np.empty((m, 0), np.int64), weights=np.empty((m, 0)))


def test_rows_are_sorted_by_label_then_id():
    sampler = Sampler.of(Centres(), X)
    rows = sampler.fitted.rows
    assert sampler.x.ids == ("a", "z", "b", "c")
    assert sampler.names == ("one", "two")
    assert rows.vectors.tolist() == [[4, 5], [0, 1], [2, 3], [6, 7]]
    assert rows.classes.tolist() == [0, 0, 1, 1]
    assert rows.groups.tolist() == [0, 0, 1, 2]
    assert rows.of(1).tolist() == [2, 3]


def test_a_method_dp_substitute_has_none():
    latents = Sampler.of(Centres(), X).sample({"two": 3, "one": 1}, SeedTree(1))
    assert latents.vectors.tolist() == [[2, 3], [4, 5], [4, 5], [4, 5]]
    assert latents.labels == ("one", "two", "two", "two")
    assert latents.parent_ids == ((),) * 4 == latents.weights


def test_every_unfit_class_is_named_with_its_reason():
    with pytest.raises(DataError, match="centres cannot make records of 2 classes") as refused:
        Sampler.of(Centres(refused=(0, 1)), X).sample({"two": 3, "one": 1}, SeedTree(1))
    assert refused.value.problems == ("'one': has no centre", "'two': has no centre")


def test_names_depend_on_the_label_and_number_alone():
    assert latent_ids("a", 2) == latent_ids("a", 3)[:2]
    assert not set(latent_ids("a", 9)) & set(latent_ids("b", 9))
