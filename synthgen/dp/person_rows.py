"""Records grouped by person: the row of a person is the mean over the person's records."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from synthgen.core.errors import InternalError
from synthgen.core.types import Embedded
from synthgen.dp.basis import PublicBasis
from synthgen.dp.noised_sums import Float64, Int64

BLOCK = 256  # number of persons whose rows are in memory at once


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PersonRows:
    """Coordinates and classes of records, sorted by person."""

    points: Float64  # (n, d)
    classes: Int64  # (n,), numbers of declared labels
    starts: Int64  # (p,), the first row of each person
    n_classes: int  # number of declared labels

    def mean_rows(self, rows: Callable[[slice], Float64]) -> Iterator[Float64]:
        """Yield, in blocks of persons, the mean of `rows` over each person's records, float64 (persons, D)."""
        ends = np.append(self.starts[1:], len(self.points))
        for first in range(0, len(self.starts), BLOCK):
            start, end = self.starts[first : first + BLOCK], ends[first : first + BLOCK]
            values = rows(slice(int(start[0]), int(end[-1])))
            yield np.add.reduceat(values, start - start[0], axis=0) / (end - start)[:, None]


def people_of(x: Embedded, labels: Sequence[str], basis: PublicBasis) -> PersonRows:
    """Return the train vectors grouped by person, in the order of the person ids; `labels` are the declared ones."""
    number = {label: i for i, label in enumerate(sorted(labels))}
    if not set(x.labels) <= set(number):
        raise InternalError("a record has a label that is not declared")
    place = {group: i for i, group in enumerate(sorted(set(x.groups)))}
    person = np.array([place[group] for group in x.groups], dtype=np.int64)
    order = np.argsort(person, kind="stable")
    _, starts = np.unique(person[order], return_index=True)
    return PersonRows(
        points=basis.inward(x.vectors[order]),
        classes=np.array([number[x.labels[i]] for i in order], dtype=np.int64),
        starts=starts.astype(np.int64),
        n_classes=len(number),
    )


def made_up_people(n: int, n_classes: int, basis: PublicBasis, rng: np.random.Generator) -> PersonRows:
    """Return n made-up persons with random points and classes: 1 to 4 records each, and 60 for one in fifty."""
    sizes = np.where(rng.random(n) < 0.02, 60, rng.integers(1, 5, n))
    points = rng.normal(size=(int(sizes.sum()), len(basis.mean))) * np.sqrt(basis.variances)
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64)
    classes = rng.integers(0, n_classes, len(points))
    return PersonRows(points=points, classes=classes, starts=starts, n_classes=n_classes)
