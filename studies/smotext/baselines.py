"""Choose the real records from which the baselines without a model make new labelled texts."""

from collections.abc import Mapping, Sequence

import numpy as np

from studies.smotext.draws import Index
from synthgen.core.errors import DataError
from synthgen.core.neighbours import nearest_rows
from synthgen.core.seeds import SeedTree
from synthgen.core.types import Embedded


def sources(labels: Sequence[str], counts: Mapping[str, int], seeds: SeedTree) -> Index:
    """Return the real row that each new record is made from, sorted by label; rows of a class are used equally often.

    `labels` are those of the real rows, and `counts` the numbers of new records by label.

    Randomness: one permutation of the class by `seeds.child(label)`.
    """
    column = np.array(labels, dtype=object)
    made = [np.empty(0, dtype=np.int64)]
    for label, m in sorted(counts.items()):
        order = seeds.child(label).generator().permutation(np.flatnonzero(column == label))
        made.append(np.resize(order, m))
    return np.concatenate(made)


def partners(x: Embedded, of: Index) -> Index:
    """Return for each row the nearest row of its class and of another person; a repeated row gets the next nearest.

    Args:
        x: real vectors.
        of: int64 (m), rows of x, grouped by label.

    Raises:
        DataError: if a class has too few persons; all are named.
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
    """Return for each value the number of its earlier occurrences."""
    seen: dict[int, int] = {}
    turns = np.empty(len(rows), dtype=np.int64)
    for i, row in enumerate(rows.tolist()):
        turns[i] = seen[row] = seen.get(row, -1) + 1
    return turns
