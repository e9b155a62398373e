"""Exact cosine similarities between all rows of two matrices, in blocks, without an approximate index."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Float32 = NDArray[np.float32]
Matrix = Float32 | sparse.csr_matrix

BLOCK = 256


def similarity_blocks(queries: Matrix, keys: Matrix, *, block: int = BLOCK) -> Iterator[tuple[slice, Float32]]:
    """Yield blocks of queries · keysᵀ: a slice of the queries and its similarities, float32 (b, n_keys).

    All rows have unit or zero length, so the products are cosines. Sparse keys are multiplied by a dense block of
    queries over the columns that both use. Time: O(n_q · n_k · d) dense, O(nnz(keys) · n_q) sparse; memory:
    O(block · (n_k + d)).
    """
    if isinstance(queries, sparse.csr_matrix) and isinstance(keys, sparse.csr_matrix):
        shared = np.intersect1d(queries.indices, keys.indices)
        queries, keys = queries[:, shared], keys[:, shared]
        for start in range(0, queries.shape[0], block):
            rows = slice(start, min(start + block, queries.shape[0]))
            yield rows, np.ascontiguousarray((keys @ queries[rows].T.toarray(order="C")).T)
        return
    transposed = np.ascontiguousarray(keys.T)
    for start in range(0, queries.shape[0], block):
        rows = slice(start, min(start + block, queries.shape[0]))
        yield rows, queries[rows] @ transposed


def highest(queries: Matrix, keys: Matrix, k: int) -> Float32:
    """Return the k highest similarities of each query in descending order; float32 (n_q, min(k, n_keys))."""
    k = min(k, keys.shape[0])
    found = np.empty((queries.shape[0], k), dtype=np.float32)
    for rows, similarities in similarity_blocks(queries, keys):
        found[rows] = -np.sort(-top(similarities, k), axis=1)
    return found


def top(values: Float32, k: int) -> Float32:
    """Return the k highest values of each row, unordered."""
    return np.partition(values, values.shape[1] - k, axis=1)[:, values.shape[1] - k :]
