"""Joining two halves: does one synthetic row lie near to both halves of a person's record?

An attacker who holds two documents of one person, and does not know that they belong together, joins them over a
synthetic row that both lead to.
"""

import numpy as np
from numpy.typing import NDArray

from audits.attacks.linkage.attribute_inference import Guesses
from audits.attacks.linkage.view_retrieval import NearestRows


def join_halves(first: NearestRows, second: NearestRows, k: int, halved: NDArray[np.bool_]) -> Guesses:
    """Return for each record whether both halves lead to a common row among the k nearest of each.

        confidence = max over common rows s of min(cos(first half, s), cos(second half, s)), and 0 without one

    Two random lists of k of m rows have about k² / m rows in common; halves of one text have more, because they speak
    of one matter. So the share among train persons is compared with that among control persons.

    Args:
        first: found from the first halves; (n, >= k).
        second: found from the second halves; (n, >= k).
        k: rows compared of each.
        halved: whether the record has two halves; where not, it is no trial.
    """
    common = first.rows[:, :k, None] == second.rows[:, None, :k]
    weaker = np.minimum(first.similarities[:, :k, None], second.similarities[:, None, :k]).astype(np.float64)
    confidence = np.where(common, np.maximum(weaker, 0), 0).max(axis=(1, 2))
    return Guesses(is_trial=halved, correct=common.any(axis=(1, 2)), confidence=confidence)
