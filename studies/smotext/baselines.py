"""Baselines of a decoder: ways to make more labelled text from real text without a model."""

from collections.abc import Mapping, Sequence

import numpy as np

from studies.smotext.draws import Index
from synthgen.core.errors import DataError
from synthgen.core.neighbours import nearest_rows
from synthgen.core.seeds import SeedTree
from synthgen.core.types import Embedded

ALPHA = 0.1  # the share of changed words that the EDA paper recommends for sets of a thousand texts or more


def sources(labels: Sequence[str], counts: Mapping[str, int], seeds: SeedTree) -> Index:
    """Return the source row of each new record, sorted by label; a row repeats only after all rows of its class.

    Args:
        labels: (n) labels of the real rows.
        counts: number of new records per label.
        seeds: the stream.

    Randomness: one permutation of the class by `seeds.child(label)`.
    """
    column = np.array(labels, dtype=object)
    made = [np.empty(0, dtype=np.int64)]
    for label, m in sorted(counts.items()):
        order = seeds.child(label).generator().permutation(np.flatnonzero(column == label))
        made.append(np.resize(order, m))
    return np.concatenate(made)


def eda(text: str, rng: np.random.Generator) -> str:
    """Return a text with some words deleted or swapped, each operation with probability one half.

        swap: n = max(1, ⌊α·l⌋) times two of the l words change places;   deletion: each word is left out with p = α

    If all words would be deleted, one is kept. Synonym replacement and insertion, the paper's other two operations,
    need a thesaurus and are not implemented.

    Args:
        text: at least one word; white space becomes single spaces.
        rng: the generator.

    Reference: Wei & Zou, EDA: Easy Data Augmentation Techniques, EMNLP 2019, section 2.
    """
    words = text.split()
    if not words:
        raise DataError("a text without words cannot be augmented")
    if rng.random() < 0.5:
        for _ in range(max(1, int(ALPHA * len(words)))):
            i, j = rng.integers(len(words), size=2)
            words[i], words[j] = words[j], words[i]
        return " ".join(words)
    kept = [word for word, u in zip(words, rng.random(len(words)), strict=True) if u >= ALPHA]
    return " ".join(kept or [words[int(rng.integers(len(words)))]])


def partners(x: Embedded, of: Index) -> Index:
    """Return for each row the nearest row of its class and of another person; for a repeated row the next nearest.

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
            few.append(f"{label!r}: a record has {most} records of other persons beside it, needs {turn.max() + 1}")
            continue
        found = nearest_rows(x.vectors[own], groups[own], int(turn.max()) + 1)[0]
        made[places] = own[found[row, turn]]
    if few:
        raise DataError("records have too few neighbours", problems=few, hint="Ask for fewer synthetic records.")
    return made


def _turns(rows: Index) -> Index:
    """Return for each value the number of its earlier occurrences."""
    seen: dict[int, int] = {}
    turns = np.empty(len(rows), dtype=np.int64)
    for i, row in enumerate(rows.tolist()):
        turns[i] = seen[row] = seen.get(row, -1) + 1
    return turns
