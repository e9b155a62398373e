"""Blocked products against one plain product."""

import numpy as np
import pytest
from scipy import sparse

from audits.embeddings.similarity import highest, similarity_blocks


@pytest.mark.parametrize("kind", ["dense", "sparse"])
@pytest.mark.parametrize("block", [3, 64])
def test_blocks_are_the_product(kind, block):
    rng = np.random.default_rng(4)
    queries, keys = (rng.random((n, 11)).astype(np.float32) * (rng.random((n, 11)) < 0.4) for n in (7, 5))
    queries[:, 2] = keys[:, 3] = 0
    made = (sparse.csr_matrix(queries), sparse.csr_matrix(keys)) if kind == "sparse" else (queries, keys)
    rows, blocks = zip(*similarity_blocks(*made, block=block), strict=True)
    assert [i for r in rows for i in range(r.start, r.stop)] == list(range(7))
    assert np.concatenate(blocks) == pytest.approx(queries @ keys.T, abs=1e-6)
    assert blocks[0].dtype == np.float32


def test_highest_is_the_start_of_the_sorted_row():
    rng = np.random.default_rng(5)
    queries, keys = rng.normal(size=(6, 4)).astype(np.float32), rng.normal(size=(9, 4)).astype(np.float32)
    expected = np.sort(queries @ keys.T, axis=1)[:, ::-1]
    assert highest(queries, keys, 3) == pytest.approx(expected[:, :3])
    assert highest(queries, keys, 40).shape == (6, 9)
