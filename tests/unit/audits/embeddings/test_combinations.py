"""The two records that a row lies between."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from audits.embeddings.combinations import best_pairs, candidate_cosines

RNG = np.random.default_rng


def unit(rows):
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def test_sparse_candidates_have_the_cosines_of_dense_ones():
    real = unit(RNG(3).normal(size=(11, 5)) * (RNG(4).random((11, 5)) < 0.6) + 1e-3)
    top = np.array([[1, 4, 9], [0, 2, 10]])
    dense, found = candidate_cosines(real, top), candidate_cosines(sparse.csr_matrix(real), top)
    assert np.allclose(dense, found, atol=1e-6)


def test_the_heavier_comes_first_and_one_persons_records_are_no_pair():
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
def test_a_mixture_is_found_whatever_its_weights_and_the_lengths_of_its_parents(weight, seed, length):
    rows = RNG(seed).normal(size=(17, 8))
    z = unit(weight * length * rows[[3]] + (1 - weight) * rows[[11]])
    real = unit(rows)
    pair = best_pairs(z @ real.T, (real @ real.T)[None], np.arange(17)[None], np.ones((1, 1, 17), dtype=bool))
    assert set(pair[0, 0].tolist()) == {3, 11}
