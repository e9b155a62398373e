import numpy as np
import pytest

from synthgen.core.errors import InternalError
from synthgen.core.types import Embedded
from synthgen.dp import person_rows as people_module
from synthgen.dp.basis import fit_basis
from synthgen.dp.person_rows import made_up_people, people_of

RNG = np.random.default_rng(0)
BASIS = fit_basis(RNG.normal(size=(60, 6)).astype(np.float32))


def embedded(groups, labels):
    vectors, ids = RNG.normal(size=(len(groups), 6)).astype(np.float32), tuple(map(str, range(len(groups))))
    rest = {"labels": tuple(labels), "groups": tuple(groups), "encoder": "any", "normalized": False}
    return Embedded(vectors=vectors, ids=ids, **rest)


def test_mean_rows_weights_each_person_equally(monkeypatch):
    monkeypatch.setattr(people_module, "BLOCK", 2)
    x = embedded(["p", "q", "p", "r", "p", "s"], ["a", "b", "a", "b", "b", "a"])
    people = people_of(x, ("b", "a"), BASIS)
    rows = np.concatenate(list(people.mean_rows(lambda at: people.points[at])))
    assert rows.shape == (4, 6)
    points = BASIS.inward(x.vectors)
    assert np.allclose(rows[0], points[[0, 2, 4]].mean(axis=0))
    assert np.allclose(rows[1:], points[[1, 3, 5]])


def test_people_of_distinguishes_ids_with_a_null_character_and_rejects_undeclared_labels():
    people = people_of(embedded(["p", "p\0", "p\0", "q"], ["a"] * 4), ("a",), BASIS)
    assert np.diff(np.append(people.starts, 4)).tolist() == [1, 2, 1]
    with pytest.raises(InternalError, match="not declared"):
        people_of(embedded(["p"], ["c"]), ("a", "b"), BASIS)


def test_made_up_people_have_one_to_sixty_records():
    people = made_up_people(200, 3, BASIS, np.random.default_rng(1))
    sizes = np.diff(np.append(people.starts, len(people.points)))
    assert (sizes.min(), sizes.max(), set(people.classes)) == (1, 60, {0, 1, 2})
