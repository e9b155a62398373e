"""Choose real records at random (a draw): train records, and held-out records of other persons."""

from collections import Counter, defaultdict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthgen.core.errors import DataError
from synthgen.core.seeds import SeedTree
from synthgen.core.types import Corpus
from synthgen.interpolate.base import largest_remainder

Index = NDArray[np.int64]
MOST = (4, 5)  # at most four fifths of a pool are used for train, so that some records are held out


@dataclass(frozen=True, slots=True, eq=False)
class Draw:
    """The rows of a pool (the real records of a dataset) that one draw selects."""

    train: Index  # int64 (n), ascending
    # int64 (m), ascending: rows of persons without a record in train, of each class at most as many as in train
    held_out: Index


def draw(pool: Corpus, n: int, least: int, seeds: SeedTree) -> Draw:
    """Return the train records of a draw, with the pool's shares of classes, and the held-out records.

    Persons are taken in random order. A record is added to train if train needs more records of its class. If some
    records of a person are in train, the person's other records are not used. If none are in train, the person's
    records are held out, until each class has as many held-out records as train records.

    Args:
        pool: the records.
        n: number of train records; reduced to four fifths of the pool if it is larger.
        least: smallest allowed number of persons per class in train.
        seeds: the random stream of the draw.

    Raises:
        DataError: if classes have too few persons in train; all are listed.

    Randomness: one permutation of the persons.
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
    """Return those of `rows` whose class still needs records, and reduce `want`, the number needed of each class."""
    taken = []
    for i in rows:
        if want[pool.records[i].label] > 0:
            want[pool.records[i].label] -= 1
            taken.append(i)
    return taken
