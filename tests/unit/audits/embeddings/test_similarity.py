import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from audits.embeddings.similarity import best_pairs, candidate_cosines, highest, similarity_blocks

RNG = np.random.default_rng


@pytest.mark.parametrize("kind", ["dense", "sparse"])
@pytest.mark.parametrize("block", [3, 64])
def test_blocks_equal_the_product(kind, block):
    rng = np.random.default_rng(4)
    queries, keys = (rng.random((n, 11)).astype(np.float32) * (rng.random((n, 11)) < 0.4) for n in (7, 5))
    queries[:, 2] = keys[:, 3] = 0
    made = (sparse.csr_matrix(queries), sparse.csr_matrix(keys)) if kind == "sparse" else (queries, keys)
    rows, blocks = zip(*similarity_blocks(*made, block=block), strict=True)
    assert [i for r in rows for i in range(r.start, r.stop)] == list(range(7))
    assert np.concatenate(blocks) == pytest.approx(queries @ keys.T, abs=1e-6)
    assert blocks[0].dtype == np.float32


def test_highest_equals_the_start_of_the_sorted_row():
    rng = np.random.default_rng(5)
    queries, keys = rng.normal(size=(6, 4)).astype(np.float32), rng.normal(size=(9, 4)).astype(np.float32)
    expected = np.sort(queries @ keys.T, axis=1)[:, ::-1]
    assert highest(queries, keys, 3) == pytest.approx(expected[:, :3])
    assert highest(queries, keys, 40).shape == (6, 9)


def unit(rows):
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def test_sparse_candidates_have_the_cosines_of_dense_ones():
    real = unit(RNG(3).normal(size=(11, 5)) * (RNG(4).random((11, 5)) < 0.6) + 1e-3)
    top = np.array([[1, 4, 9], [0, 2, 10]])
    dense, found = candidate_cosines(real, top), candidate_cosines(sparse.csr_matrix(real), top)
    assert np.allclose(dense, found, atol=1e-6)


def test_pairs_have_the_larger_weight_first_and_two_persons():
    real = unit(np.array([[1.0, 0.2, 0], [0, 1, 0.1], [1, 0.3, 0.1]]))
    z = unit(0.8 * real[[0]] + 0.2 * real[[1]])
    everyone = np.ones((1, 1, 3), dtype=bool)
    cosines, gram = z @ real.T, (real @ real.T)[None]
    assert best_pairs(cosines, gram, np.array([[0, 1, 2]]), everyone)[0, 0].tolist() == [0, 1]
    turned = best_pairs(cosines[:, ::-1], gram[:, ::-1, ::-1], np.array([[2, 1, 0]]), everyone)
    assert turned[0, 0].tolist() == [2, 1]
    assert 2 in best_pairs(cosines, gram, np.array([[4, 4, 6]]), everyone)[0, 0]
    assert best_pairs(cosines, gram, np.array([[4, 4, 4]]), everyone)[0, 0].tolist() == [int(np.argmax(cosines))] * 2


@given(st.floats(0.02, 0.98), st.integers(0, 200), st.floats(0.3, 4))
def test_the_parents_of_a_mixture_are_found(weight, seed, length):
    rows = RNG(seed).normal(size=(17, 8))
    z = unit(weight * length * rows[[3]] + (1 - weight) * rows[[11]])
    real = unit(rows)
    pair = best_pairs(z @ real.T, (real @ real.T)[None], np.arange(17)[None], np.ones((1, 1, 17), dtype=bool))
    assert set(pair[0, 0].tolist()) == {3, 11}
