import numpy as np

from synthgen.core.seeds import SeedTree
from synthgen.core.types import Embedded
from synthgen.interpolate.random_oversample import RandomOversample


def test_every_vector_is_its_parents_vector():
    vectors = np.random.default_rng(1).normal(size=(5, 3)).astype(np.float32)
    x = Embedded(
        vectors=vectors,
        ids=tuple("vwxyz"),
        labels=("b", "a", "a", "b", "b"),
        groups=("p",) * 5,
        encoder="test",
        normalized=False,
    )
    latents = RandomOversample().fit(x).sample({"a": 9, "b": 40}, SeedTree(3))
    row = {id_: i for i, id_ in enumerate(x.ids)}
    for i, (parent,) in enumerate(latents.parent_ids):
        assert np.array_equal(latents.vectors[i], vectors[row[parent]])
    assert {p for (p,) in latents.parent_ids} == set(x.ids)
