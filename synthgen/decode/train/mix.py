"""Vectors between passages for training: as a decoder of interpolated ones will meet them, each with a real text."""

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
Rows = NDArray[np.int64]

NEIGHBOURS = 5  # as many as SMOTE looks at by default


def mixed(rows: Rows, pool: Vectors, share: float, rng: np.random.Generator) -> tuple[Rows, Vectors]:
    """Return the passages to write and the vectors to write them from; some vectors lie between two passages.

    Such a vector lies between a passage and one of those nearest to it, and the passage to be written is the one it
    lies nearest to, which may be a third.

        x̃ = x_i + λ (x_j − x_i),  j among the `NEIGHBOURS` nearest of i,  λ ~ U(0, 1);   target argmin_k |x_k − x̃|

    Args:
        rows: int64 (b), passages.
        pool: float32 (n, d), the vectors of all passages that are trained on.
        share: how many of the rows are so replaced, on average; 0 draws nothing.
        rng: draws three times b numbers.

    Returns:
        Passages, int64 (b), and vectors, float32 (b, d); those not replaced are the rows' own.

    Cost: 2 b n d.
    """
    if share <= 0:
        return rows, pool[rows]
    take = rng.random(len(rows)) < share
    nth = rng.integers(NEIGHBOURS, size=len(rows))
    lam = rng.random((len(rows), 1), dtype=np.float32)
    half_squares = (pool**2).sum(axis=1) / 2
    far = half_squares - pool[rows] @ pool.T  # half the squared distance, but for a term of the row alone
    far[np.arange(len(rows)), rows] = np.inf
    near = np.argsort(far, axis=1, kind="stable")[np.arange(len(rows)), nth % (len(pool) - 1)]
    between = pool[rows] + lam * (pool[near] - pool[rows])
    nearest = (half_squares - between @ pool.T).argmin(axis=1)
    return np.where(take, nearest, rows), np.where(take[:, None], between, pool[rows])
