"""The best pair of parent records of a synthetic row, for the parent recovery and membership audits."""

import numpy as np
from scipy import sparse

from audits.core.types import Bool, Int
from audits.embeddings.similarity import Float32, Matrix

MIN_DETERMINANT = 1e-6  # below it two records are parallel, and a combination is a multiple of one of them


def best_pairs(cosines: Float32, gram: Float32, owner: Int, allowed: Bool) -> Int:
    """Return for each row the two candidates of different persons with the nearest non-negative combination.

    With s the cosines of a row with the candidates and g the cosine of two candidates,

        a = (s_P - g s_Q) / (1 - g²),  b = (s_Q - g s_P) / (1 - g²),  explained = a s_P + b s_Q  if a, b > 0

    If only P has a positive weight, explained = s_P². The squared residual is |z|² - explained.

    Args:
        cosines: cosines of each row with its candidates; float32 (b, k).
        gram: cosines between the candidates of each row; float32 (b, k, k).
        owner: person of each candidate; int64 (b, k).
        allowed: candidates of each repeat; bool (repeats, b, k).

    Returns:
        Candidate indices, int64 (repeats, b, 2), the larger weight first; (i, i) if fewer than two persons are
        allowed.
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
    every, found = np.arange(len(cosines)), np.empty((len(allowed), len(cosines), 2), dtype=np.int64)
    for r, among in enumerate(allowed):
        values = np.where(among[:, p] & among[:, q], explained, -np.inf)
        at = np.argmax(values, axis=1)
        larger = second_is_larger[every, at]
        found[r, :, 0], found[r, :, 1] = np.where(larger, q[at], p[at]), np.where(larger, p[at], q[at])
        lacking = np.isneginf(values[every, at])
        found[r, lacking] = np.argmax(np.where(among[lacking], cosines[lacking], -np.inf), axis=1)[:, None]
    return found


def candidate_cosines(real: Matrix, top: Int) -> Float32:
    """Return the cosines between the candidates of each row; float32 (b, k, k).

    Sparse records are copied to a dense matrix over the columns that the candidates use. A sparse product per row
    would take three times as long.
    """
    if not isinstance(real, sparse.csr_matrix):
        of_row = real[top]
        return np.asarray(of_row @ of_row.transpose(0, 2, 1))
    b, k = top.shape
    records = real[top.ravel()]
    gram, place = np.empty((b, k, k), dtype=np.float32), np.empty(real.shape[1], dtype=np.int64)
    sizes = np.diff(records.indptr).reshape(b, k)
    for i in range(b):
        entries = slice(records.indptr[i * k], records.indptr[(i + 1) * k])
        columns = records.indices[entries]
        place[columns] = np.arange(len(columns))  # the last entry of each column
        dense = np.zeros((k, len(columns)), dtype=np.float32)
        dense[np.repeat(np.arange(k), sizes[i]), place[columns]] = records.data[entries]
        gram[i] = dense @ dense.T
    return gram
