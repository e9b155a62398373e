import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from synthgen.decode.train.mix import NEIGHBOURS, mix_vectors


def known(n, d, seed=0):
    return np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32)


@given(st.integers(2, 9), st.integers(1, 12), st.integers(2, 4), st.integers(0, 2**31))
def test_each_vector_lies_between_a_passage_and_a_near_one_and_is_written_as_the_nearest(n, b, d, seed):
    x, rng = known(n, d, seed), np.random.default_rng(seed)
    rows = rng.integers(n, size=b)
    targets, vectors = mix_vectors(rows, x, 1.0, np.random.default_rng(seed))
    for row, target, v in zip(rows, targets, vectors.astype(np.float64), strict=True):
        near = sorted((j for j in range(n) if j != row), key=lambda j: float(((x[j] - x[row]) ** 2).sum()))
        ways = x[near[:NEIGHBOURS]].astype(np.float64) - x[row]
        lam = np.clip(((v - x[row]) * ways).sum(axis=1) / (ways**2).sum(axis=1), 0, 1)
        assert np.abs(x[row] + lam[:, None] * ways - v).sum(axis=1).min() < 1e-4  # on one of the segments
        far = ((x - v) ** 2).sum(axis=1)
        assert far[target] <= far.min() + 1e-5


def test_nothing_is_mix_vectors_and_nothing_drawn_without_a_share():
    x, rng = known(6, 3), np.random.default_rng(0)
    rows = np.array([4, 0, 4])
    targets, vectors = mix_vectors(rows, x, 0.0, rng)
    assert targets is rows
    assert np.array_equal(vectors, x[rows])
    assert rng.random() == np.random.default_rng(0).random()


def test_about_the_share_is_mix_vectors_and_the_rest_left_as_it_is():
    x = known(50, 4)
    rows = np.arange(50).repeat(20)
    targets, vectors = mix_vectors(rows, x, 0.3, np.random.default_rng(1))
    own = (vectors == x[rows]).all(axis=1)
    assert 0.65 < own.mean() < 0.75
    assert (targets[own] == rows[own]).all()
    assert (targets[~own] != rows[~own]).any()
