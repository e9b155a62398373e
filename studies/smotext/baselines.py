"""Choose the real records from which the variants that do not interpolate make new labelled texts."""

from collections.abc import Mapping, Sequence

import numpy as np

from studies.smotext.draws import Index
from synthgen.core.errors import DataError
from synthgen.core.neighbours import nearest_rows
from synthgen.core.seeds import SeedTree
from synthgen.core.types import Embedded


def sources(labels: Sequence[str], counts: Mapping[str, int], seeds: SeedTree) -> Index:
    """Return the real row that each new record is made from, int64 (m), in the order of the sorted labels.

    The rows of a class are used equally often (the counts differ by at most one). `labels` are the classes of the
    real rows, and `counts` has the number of new records of each label; m is their sum.

    Randomness: one permutation of the rows of each class, by `seeds.child(label)`.
    """
    column = np.array(labels, dtype=object)
    made = [np.empty(0, dtype=np.int64)]
    for label, m in sorted(counts.items()):
        order = seeds.child(label).generator().permutation(np.flatnonzero(column == label))
        made.append(np.resize(order, m))
    return np.concatenate(made)


def partners(x: Embedded, of: Index) -> Index:
    """Return for each row in `of` the nearest row of its class and of another person, int64 (m).

    If a row occurs several times in `of`, each further occurrence gets the next nearest row.

    Args:
        x: real vectors.
        of: int64 (m), rows of x.

    Raises:
        DataError: if a record has too few records of other persons in its class; all such classes are listed.
    """
    labels = np.array(x.labels, dtype=object)
    groups = np.unique(np.array(x.groups, dtype=object), return_inverse=True)[1]
    made = np.empty(len(of), dtype=np.int64)
    few = []
    for label in sorted(set(labels[of])):
        own = np.flatnonzero(labels == label)
        places = np.flatnonzero(labels[of] == label)
        row = np.searchsorted(own, of[places])
        turn = _turns(row)
        most = int(min(len(own) - np.bincount(groups[own])[groups[own]]))
        if most <= turn.max():
            few.append(f"{label!r}: a record has {most} records of other persons, needs {turn.max() + 1}")
            continue
        found = nearest_rows(x.vectors[own], groups[own], int(turn.max()) + 1)[0]
        made[places] = own[found[row, turn]]
    if few:
        raise DataError("records have too few neighbours", problems=few, hint="Request fewer synthetic records.")
    return made


def _turns(rows: Index) -> Index:
    """Return for each element the number of earlier elements with the same value, int64."""
    seen: dict[int, int] = {}
    turns = np.empty(len(rows), dtype=np.int64)
    for i, row in enumerate(rows.tolist()):
        turns[i] = seen[row] = seen.get(row, -1) + 1
    return turns
