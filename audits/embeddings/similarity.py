"""Exact cosine similarities between all rows of two matrices, computed in blocks.

A row of the first matrix is called a query, and a row of the second matrix a key.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from audits.core.types import Bool, Int

Float32 = NDArray[np.float32]
Matrix = Float32 | sparse.csr_matrix
BLOCK = 256  # number of queries whose similarities are computed at a time
MIN_DETERMINANT = 1e-6  # if 1 - cosine² of two records is at most this (almost parallel), `best_pairs` uses only one


def incidence(
    rows: Int, columns: Int, shape: tuple[int, int], dtype: type[np.number] = np.float64
) -> sparse.csr_matrix:
    """Return a matrix with 1 at each pair (rows[i], columns[i]), even if it is repeated, and 0 elsewhere."""
    matrix = sparse.csr_matrix((np.ones(len(rows), dtype=dtype), (rows, columns)), shape=shape)
    matrix.data[:] = 1
    return matrix


def similarity_blocks(queries: Matrix, keys: Matrix, *, block: int = BLOCK) -> Iterator[tuple[slice, Float32]]:
    """Yield for each block of b queries its slice of `queries`, and its cosines with all keys, float32 (b, n_keys).

    The L2 norm of each row must be 1 or 0.
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
    """Return the k highest similarities of each query in descending order, as float32 (n_q, min(k, n_keys))."""
    k = min(k, keys.shape[0])
    best = np.empty((queries.shape[0], k), dtype=np.float32)
    for rows, similarities in similarity_blocks(queries, keys):
        best[rows] = -np.sort(-top(similarities, k), axis=1)
    return best


def top(values: Float32, k: int) -> Float32:
    """Return the k highest values of each row, unordered."""
    return np.partition(values, values.shape[1] - k, axis=1)[:, values.shape[1] - k :]


def best_pairs(cosines: Float32, gram: Float32, owner: Int, allowed: Bool) -> Int:
    """Return for each row z the two candidates P and Q of different persons whose combination is nearest to z.

    A combination is a P + b Q with a, b >= 0. s_P and s_Q are the cosines of z with P and Q, and g is the cosine
    between P and Q. The squared distance from z to the nearest combination is |z|² - `explained`, where

        a = (s_P - g s_Q) / (1 - g²),  b = (s_Q - g s_P) / (1 - g²),  explained = a s_P + b s_Q  if a, b > 0

    If only P has a positive weight, explained = s_P².

    Args:
        cosines: cosines of each row with its candidates, float32 (b, k).
        gram: cosines between the candidates of each row, float32 (b, k, k).
        owner: person of each candidate, int64 (b, k).
        allowed: whether each candidate may be used in each repeat of the search, bool (repeats, b, k).

    Returns:
        Candidate indices, int64 (repeats, b, 2); the candidate with the larger weight comes first. If fewer than two
        persons are allowed, both indices are equal.
    """
    p, q = np.triu_indices(cosines.shape[1], 1)
    s_p, s_q, g = cosines[:, p], cosines[:, q], gram[:, p, q]
    determinant = 1 - g * g
    a, b = s_p - g * s_q, s_q - g * s_p
    inside = (a > 0) & (b > 0) & (determinant > MIN_DETERMINANT)
    single = np.square(np.maximum(0, np.maximum(s_p, s_q)))
    explained = np.where(inside, (a * s_p + b * s_q) / np.where(inside, determinant, 1), single)
    explained[owner[:, p] == owner[:, q]] = -np.inf
    second_is_larger = np.where(inside, a < b, s_p < s_q)
    all_rows, pairs = np.arange(len(cosines)), np.empty((len(allowed), len(cosines), 2), dtype=np.int64)
    for r, is_allowed in enumerate(allowed):
        values = np.where(is_allowed[:, p] & is_allowed[:, q], explained, -np.inf)
        at = np.argmax(values, axis=1)
        larger = second_is_larger[all_rows, at]
        pairs[r, :, 0], pairs[r, :, 1] = np.where(larger, q[at], p[at]), np.where(larger, p[at], q[at])
        without_pair = np.isneginf(values[all_rows, at])
        pairs[r, without_pair] = np.argmax(
            np.where(is_allowed[without_pair], cosines[without_pair], -np.inf), axis=1
        )[:, None]
    return pairs


def candidate_cosines(real: Matrix, candidates: Int) -> Float32:
    """Return the cosines between the k candidates of each of b rows, as float32 (b, k, k).

    `candidates` (b, k) has indices of rows of `real`. Sparse rows are copied to a dense matrix, because a sparse
    product takes three times as long.
    """
    if not isinstance(real, sparse.csr_matrix):
        of_row = real[candidates]
        return np.asarray(of_row @ of_row.transpose(0, 2, 1))
    b, k = candidates.shape
    records = real[candidates.ravel()]
    gram, place = np.empty((b, k, k), dtype=np.float32), np.empty(real.shape[1], dtype=np.int64)
    sizes = np.diff(records.indptr).reshape(b, k)
    for i in range(b):
        entries = slice(records.indptr[i * k], records.indptr[(i + 1) * k])
        columns = records.indices[entries]
        place[columns] = np.arange(len(columns))  # entries of the same column get the same place
        dense = np.zeros((k, len(columns)), dtype=np.float32)
        dense[np.repeat(np.arange(k), sizes[i]), place[columns]] = records.data[entries]
        gram[i] = dense @ dense.T
    return gram
