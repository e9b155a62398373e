"""Exposure: how much of each synthetic record, and of all of them, one person makes up.

Read from the ledger of parents. Nothing is estimated here: the ledger says what was mixed before it became text.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audits.core.types import Lineage

Int = NDArray[np.int64]
Float = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class LineageExposure:
    """What persons give to synthetic rows. Only rows that have parents are counted; (r,) rows, (P,) train persons.

    Args:
        max_weight: for each row the weight of its heaviest person; (r,).
        effective_parents: for each row 1 / sum over persons of weight²; (r,).
        persons_of_row: for each row how many persons it has; (r,).
        rows_of_person: for each person how many rows hold any of them; (P,).
        persons_of_class: for each class with such rows how many persons they are made of.
        max_share_of_class: for each class with such rows the largest part of its mass that is one person's.
        parentless_rows: rows made from no record, drawn from a model of their class.
    """

    max_weight: Float
    effective_parents: Float
    persons_of_row: Int
    rows_of_person: Int
    persons_of_class: Int
    max_share_of_class: Float
    parentless_rows: int


def weights_by_person(parents: Sequence[int], weights: Sequence[float], train_person: Int) -> dict[int, float]:
    """Return the weight of each person in one row: two records of one person are one parent, weight 0 is none."""
    found: dict[int, float] = {}
    for row, weight in zip(parents, weights, strict=True):
        if weight > 0:
            person = int(train_person[row])
            found[person] = found.get(person, 0.0) + weight
    return found


def lineage_exposure(lineage: Lineage, train_person: Int, synthetic_class: Int) -> LineageExposure:
    """Return what each row, each person and each class comes to.

        w_ip = sum of the weights of person p's records in row i,   effective parents of i = 1 / sum_p w_ip²

    Args:
        lineage: of all synthetic rows, checked.
        train_person: the person of each train row, numbered from 0; (n_T rows,).
        synthetic_class: the class of each synthetic row; (m,).

    Privacy: reads who was mixed into what; the result names persons by number and stays in memory.
    Random: none.
    Cost: O(all parents).
    """
    mixed = [weights_by_person(p, w, train_person) for p, w in zip(lineage.parents, lineage.weights, strict=True)]
    made = [i for i, row in enumerate(mixed) if row]
    n_persons = int(train_person.max()) + 1
    row = np.repeat(np.arange(len(made)), [len(mixed[i]) for i in made])
    person = np.array([p for i in made for p in mixed[i]], dtype=np.int64)
    weight = np.array([w for i in made for w in mixed[i].values()], dtype=np.float64)
    heaviest = np.zeros(len(made))
    np.maximum.at(heaviest, row, weight)
    classes, number = np.unique(synthetic_class[made], return_inverse=True)
    mass = np.zeros((len(classes), n_persons))
    np.add.at(mass, (number[row], person), weight)
    return LineageExposure(
        max_weight=heaviest,
        effective_parents=1 / np.bincount(row, weights=weight**2, minlength=len(made)),
        persons_of_row=np.bincount(row, minlength=len(made)),
        rows_of_person=np.bincount(person, minlength=n_persons),
        persons_of_class=(mass > 0).sum(axis=1),
        max_share_of_class=mass.max(axis=1) / mass.sum(axis=1) if len(made) > 0 else np.zeros(0),
        parentless_rows=len(mixed) - len(made),
    )
