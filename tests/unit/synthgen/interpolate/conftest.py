"""A plane with known distances, and a distance between two clouds of points."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from synthgen.core.types import Embedded


def embedded(vectors, labels, groups=None, ids=None, *, normalized=False):
    """Return vectors as Embedded; by default, each row is of its own person and the ids sort in row order."""
    vectors, n = np.asarray(vectors, dtype=np.float32), len(vectors)
    ids, groups = tuple(ids or (f"r{i:03d}" for i in range(n))), tuple(groups or (f"p{i}" for i in range(n)))
    rest = {"labels": tuple(labels), "encoder": "test", "normalized": normalized}
    return Embedded(vectors=vectors, ids=ids, groups=groups, **rest)


@pytest.fixture(scope="session")
def embed():
    """Return the function `embedded`."""
    return embedded


@pytest.fixture(scope="session")
def plane():
    """Return a maker of twelve records in a plane, each of its own person; `persons` sets other persons by record id.

        y
        2  a2                            b5
        1                    b1
        0  a0 a1       a3 a4 b0 b2 b3    a5 b4
           0  1        3.5 5  6  7  8   9.5 10   x      (b5 at 9, 2; b1 at 6, 1)

    The nearest of a0: a1 1, a2 2, a3 3.5, a4 5, b0 6        of a3: a4 1.5, a1 2.5 = b0 2.5, b1 √7.25, a0 3.5
                    a1: a0 1, a2 √5, a3 2.5, a4 4, b0 5      of a4: b0 1, b1 √2, a3 1.5, b2 2, b3 3, a1 4, a5 4.5
                    a2: a0 2, a1 √5, a3 √16.25, a4 √29       of a5: b4 0.5, b3 1.5, b5 √4.25, b2 2.5, b0 3.5, a4 4.5
    """

    def made(**persons: str) -> Embedded:
        ids = ("a0", "a1", "a2", "a3", "a4", "a5", "b0", "b1", "b2", "b3", "b4", "b5")
        places = [(0, 0), (1, 0), (0, 2), (3.5, 0), (5, 0), (9.5, 0), (6, 0), (6, 1), (7, 0), (8, 0), (10, 0), (9, 2)]
        return embedded(places, (i[0] for i in ids), [persons.get(i, f"person of {i}") for i in ids], ids)

    return made


@pytest.fixture(scope="session")
def energy():
    """Return the squared energy distance of two clouds, 2 E|X − Y| − E|X − X'| − E|Y − Y'| (Székely & Rizzo)."""

    return lambda x, y: float(2 * cdist(x, y).mean() - cdist(x, x).mean() - cdist(y, y).mean())


@pytest.fixture(scope="session")
def two_clouds():
    """Return a maker of a class of 37 rows near a class of 111 rows, in five dimensions, one row per person."""

    def made() -> Embedded:
        rng = np.random.default_rng(20261120)
        small, large = rng.normal(size=(37, 5)), rng.normal(size=(111, 5))
        small[:, 0] += 1.2
        return embedded(np.concatenate([small, large]), "a" * len(small) + "b" * len(large))

    return made


@pytest.fixture(scope="session")
def crowd():
    """Return a maker of n rows of "a" among others of "b" and "c": some persons in two classes, some rows equal."""

    def made(*, n, n_other, d, seed):
        rng, total = np.random.default_rng(seed), n + n_other
        vectors = rng.integers(-4, 5, size=(total, d))  # whole numbers, so there are ties
        ids = [f"r{i:03d}" for i in rng.permutation(total)]
        labels = [*"a" * n, *rng.choice(["b", "c"], size=n_other).tolist()]
        return embedded(vectors, labels, [f"p{i}" for i in rng.permutation(total) // 2], ids)

    return made


@pytest.fixture(scope="session")
def slow_order():
    """Return a function that sorts the allowed rows of other persons by distance, and ties by label and id."""

    def ordered(x, i, allowed):
        rows = [j for j in range(len(x.ids)) if x.groups[j] != x.groups[i] and allowed(j)]
        return sorted(rows, key=lambda j: (((x.vectors[j] - x.vectors[i]) ** 2).sum(), x.labels[j], x.ids[j]))

    return ordered
