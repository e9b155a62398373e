"""The real records of one seed: those that are trained on, and others of other persons who were not."""

from collections import Counter, defaultdict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthgen.core.errors import DataError
from synthgen.core.seeds import SeedTree
from synthgen.core.types import Corpus
from synthgen.interpolate.base import largest_remainder

Index = NDArray[np.int64]
MOST = (4, 5)  # of a small set, so that some records are left which nothing was made from


@dataclass(frozen=True, slots=True, eq=False)
class Draw:
    """Rows of a pool.

    Args:
        train: int64 (n), ascending.
        held_out: int64 (m), ascending; of persons of whom no record is in train; of a class at most as many as train.
    """

    train: Index
    held_out: Index


def draw(pool: Corpus, n: int, least: int, seeds: SeedTree) -> Draw:
    """Return the train records of a seed, classes in the pool's shares, and the ones held out.

    Persons come in random order. Of each, as many records are taken as their classes still want; what is left of a
    person of whom some were taken is in neither part, so nobody is on both sides.

    Args:
        pool: the records.
        n: how many are wanted; of a small pool it is four fifths.
        least: different persons that each class must have in train.
        seeds: the seed's stream.

    Raises:
        DataError: naming every class with too few persons in train.

    Random: one permutation of the persons.
    """
    n = min(n, len(pool) * MOST[0] // MOST[1])
    wanted = largest_remainder(pool.counts(), n)
    rows: dict[str, list[int]] = defaultdict(list)
    for i, record in enumerate(pool.records):
        rows[record.group].append(i)
    names = sorted(rows)
    want, spare = Counter(wanted), Counter(wanted)
    train: list[int] = []
    held_out: list[int] = []
    persons: Counter[str] = Counter()
    for person in (names[i] for i in seeds.generator().permutation(len(names))):
        taken = _take(pool, rows[person], want)
        persons.update({pool.records[i].label for i in taken})
        train += taken
        if not taken:
            held_out += _take(pool, rows[person], spare)
    if few := [f"{label!r}: {persons[label]} persons, needs {least}" for label in wanted if persons[label] < least]:
        raise DataError(f"{n} train records are too few for SMOTE", problems=few, hint="Take more records.")
    return Draw(np.sort(np.array(train, dtype=np.int64)), np.sort(np.array(held_out, dtype=np.int64)))


def _take(pool: Corpus, rows: list[int], want: Counter[str]) -> list[int]:
    """Return the rows whose class still wants some, and count them off."""
    taken = []
    for i in rows:
        if want[pool.records[i].label] > 0:
            want[pool.records[i].label] -= 1
            taken.append(i)
    return taken
