import numpy as np
import pytest

from synthgen.core.seeds import SeedTree
from synthgen.core.types import Embedded
from synthgen.interpolate.smote import Smote


def five_points() -> Embedded:
    """Return five records on a line at 0, 1, 3, 7, 15; the first two belong to one person."""
    return Embedded(
        vectors=np.array([[0, 0, 2], [1, 0, 2], [3, 0, 2], [7, 0, 2], [15, 0, 2]], dtype=np.float32),
        ids=("r0", "r1", "r2", "r3", "r4"),
        labels=("a",) * 5,
        groups=("p", "p", "q", "r", "s"),
        encoder="test",
        normalized=False,
    )


def test_neighbours_by_hand():
    sampler = Smote(k_neighbors=2).fit(five_points())
    assert sampler.fitted.found == {}  # nothing is searched before it is asked for
    sampler.sample({"a": 1}, SeedTree(5))
    # r0 and r1 are one person, so their nearest are r2 and r3; 3 -> 1, 0; 7 -> 3, 1; 15 -> 7, 3
    assert sampler.fitted.found[0].tolist() == [[2, 3], [2, 3], [1, 0], [2, 1], [3, 2]]


def test_a_point_by_hand():
    latents = Smote(k_neighbors=2).fit(five_points()).sample({"a": 3}, SeedTree(5))
    place = {"r0": 0.0, "r1": 1.0, "r2": 3.0, "r3": 7.0, "r4": 15.0}
    stream = SeedTree(5).child("a")
    i = stream.child("parent").generator().integers(0, 5, size=3)
    lam = stream.child("lambda").generator().random(3)
    for row in range(3):
        a, b = latents.parent_ids[row]
        assert a == f"r{i[row]}"
        x = place[a] + lam[row] * (place[b] - place[a])
        np.testing.assert_allclose(latents.vectors[row], [x, 0, 2], atol=1e-6)
        assert latents.weights[row] == pytest.approx((1 - lam[row], lam[row]), abs=1e-12)


def test_the_weight_is_uniform_and_every_neighbour_is_used():
    latents = Smote(k_neighbors=2).fit(five_points()).sample({"a": 4000}, SeedTree(6))
    lam = np.array([w[1] for w in latents.weights])
    # standard errors: mean .0046, variance 1/12 ± .0012
    assert abs(lam.mean() - 0.5) < 0.02
    assert abs(lam.var() - 1 / 12) < 0.005
    assert len(set(latents.parent_ids)) == 10


def test_the_result_is_not_brought_back_to_unit_length():
    x = Embedded(
        vectors=np.eye(7, 4, dtype=np.float32) + np.array([[0, 0, 0, 1e-9]], dtype=np.float32),
        ids=tuple("abcdefg"),
        labels=("a",) * 7,
        groups=tuple("abcdefg"),
        encoder="test",
        normalized=False,
    )
    latents = Smote(k_neighbors=3).fit(x).sample({"a": 50}, SeedTree(7))
    lengths = np.linalg.norm(latents.vectors, axis=1)
    assert lengths.min() < 0.95  # inside the sphere, as the segment is
