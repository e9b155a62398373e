"""Retrieval inversion: from the synthetic row nearest to a person, is that person found again among all others?

It stands in for turning vectors back into text: nobody can be asked to have a better decoder than the true text, so
the attacker is given all real texts as candidates, those of control as decoys, and picks the nearest.
"""

import numpy as np

from audits.attacks.linkage.attribute_inference import Guesses, Int
from audits.attacks.linkage.view_retrieval import NearestRows


def invert(full: NearestRows, reverse: Int, row_person: Int) -> Guesses:
    """Return for each record whether the real record nearest to its nearest synthetic row is of the same person.

    Recall at 1 among train and control together. Train persons and control persons are each other's decoys, so
    without a leak both are found equally often, whatever their numbers.

    Args:
        full: the synthetic row nearest to each real record; (n, 1).
        reverse: the real record nearest to each synthetic row, equal ones decided without looking at roles; (m,).
        row_person: the person of each real record; (n,).
    """
    found = row_person[reverse[full.rows[:, 0]]]
    return Guesses(
        is_trial=np.ones(len(row_person), dtype=np.bool_),
        correct=found == row_person,
        confidence=np.maximum(full.similarities[:, 0], 0).astype(np.float64),
    )
