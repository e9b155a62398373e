"""Records by person: whatever is asked of a person is the mean over that person's records, so many weigh as one."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from synthgen.core.errors import InternalError
from synthgen.core.types import Embedded
from synthgen.dp.basis import PublicBasis
from synthgen.dp.noise import Int64
from synthgen.dp.noised_sums import Float64

BLOCK = 256  # persons whose rows are in memory at once


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PersonRows:
    """Coordinates and classes of records, those of a person together.

    Args:
        points: float64 (n, d).
        classes: int64 (n), numbers of declared labels.
        starts: int64 (p,), the first row of each person.
        n_classes: how many labels are declared.
    """

    points: Float64
    classes: Int64
    starts: Int64
    n_classes: int

    def mean_rows(self, rows: Callable[[slice], Float64]) -> Iterator[Float64]:
        """Yield blocks of persons: the mean of `rows` over each one's records, float64 (persons, D)."""
        ends = np.append(self.starts[1:], len(self.points))
        for first in range(0, len(self.starts), BLOCK):
            start, end = self.starts[first : first + BLOCK], ends[first : first + BLOCK]
            values = rows(slice(int(start[0]), int(end[-1])))
            yield np.add.reduceat(values, start - start[0], axis=0) / (end - start)[:, None]


def people_of(x: Embedded, labels: Sequence[str], basis: PublicBasis) -> PersonRows:
    """Return the persons of train, in no order that says anything.

    Args:
        x: the train vectors.
        labels: all classes, as the configuration declares them.
        basis: of the encoder.
    """
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
    """Return n persons who do not exist, of 1 to 4 records and now and then of 60, at random places and classes."""
    sizes = np.where(rng.random(n) < 0.02, 60, rng.integers(1, 5, n))
    points = rng.normal(size=(int(sizes.sum()), len(basis.mean))) * np.sqrt(basis.variances)
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64)
    classes = rng.integers(0, n_classes, len(points))
    return PersonRows(points=points, classes=classes, starts=starts, n_classes=n_classes)
