"""Training vectors between passages, like the interpolated vectors that a decoder receives, each with a real text."""

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
Rows = NDArray[np.int64]

NEIGHBOURS = 5  # default of SMOTE


def mix_vectors(rows: Rows, pool: Vectors, share: float, rng: np.random.Generator) -> tuple[Rows, Vectors]:
    """Return the passages to write, int64 (b), and their vectors, float32 (b, d); some lie between two passages.

    Such a vector lies between a passage and one of its nearest passages. Its target is the passage nearest to it,
    which can be a third one.

        x̃ = x_i + λ (x_j − x_i),  j among the `NEIGHBOURS` nearest of i,  λ ~ U(0, 1);   target argmin_k |x_k − x̃|

    Args:
        rows: int64 (b), passages.
        pool: float32 (n, d), vectors of all training passages.
        share: expected share of replaced rows; with 0, nothing is drawn.
        rng: draws three times b numbers.
    """
    if share <= 0:
        return rows, pool[rows]
    take = rng.random(len(rows)) < share
    nth = rng.integers(NEIGHBOURS, size=len(rows))
    lam = rng.random((len(rows), 1), dtype=np.float32)
    half_squares = (pool**2).sum(axis=1) / 2
    far = half_squares - pool[rows] @ pool.T  # half the squared distance, without a term of the row alone
    far[np.arange(len(rows)), rows] = np.inf
    near = np.argsort(far, axis=1, kind="stable")[np.arange(len(rows)), nth % (len(pool) - 1)]
    between = pool[rows] + lam * (pool[near] - pool[rows])
    nearest = (half_squares - between @ pool.T).argmin(axis=1)
    return np.where(take, nearest, rows), np.where(take[:, None], between, pool[rows])
