"""Divide records into cross-validation folds with few train records of the minority classes."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthgen.core.errors import DataError
from synthgen.core.seeds import SeedTree

Index = NDArray[np.int64]


def assign_folds(labels: Sequence[str], groups: Sequence[str], n_folds: int, rng: np.random.Generator) -> Index:
    """Return the fold of each record; groups stay together, and each class is spread evenly over the folds.

    The groups are taken from the largest to the smallest, and groups of the same size in random order. Each goes to
    the fold with the fewest records of the group's most frequent class; ties go to the fold with the fewest records.
    If every record is its own group, the counts of a class differ by at most one between folds.

    Args:
        labels: (n) classes.
        groups: (n) persons.
        n_folds: number of folds.
        rng: used for one permutation of the groups.

    Returns:
        int64 (n), 0 to n_folds − 1.
    """
    rows: dict[str, list[int]] = defaultdict(list)
    for i, group in enumerate(groups):
        rows[group].append(i)
    names = sorted(rows)
    shuffled = [names[i] for i in rng.permutation(len(names))]
    code = {label: c for c, label in enumerate(sorted(set(labels)))}
    n_records = np.zeros((len(code), n_folds), dtype=np.int64)  # by class and fold
    fold_of = np.empty(len(labels), dtype=np.int64)
    for name in sorted(shuffled, key=lambda group: -len(rows[group])):
        counts = Counter(code[labels[i]] for i in rows[name])
        most = min(counts, key=lambda c: (-counts[c], c))
        fold = int(np.lexsort((n_records.sum(axis=0), n_records[most]))[0])
        fold_of[rows[name]] = fold
        for c, m in counts.items():
            n_records[c, fold] += m
    return fold_of


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fold:
    """The rows of one fold."""

    train: Mapping[str, Index]  # int64 rows of each label in a fixed random order, of which the first n are used
    validation: Index  # int64 rows, the same number for each label
    test: Index  # int64 rows, the same number for each label
    minority: tuple[str, ...]  # the labels with few train records

    def train_rows(self, n: int, largest: int) -> Index:
        """Return the train rows: n of each minority class, `largest` of each other class, sorted by label.

        The rows of a smaller n are among those of a larger one.
        """
        kept = (rows[: n if label in self.minority else largest] for label, rows in sorted(self.train.items()))
        return np.concatenate(list(kept))


def cut_fold(labels: Sequence[str], fold_of: Index, fold: int, turn: int, seeds: SeedTree) -> Fold:
    """Return a fold: part number `fold` is the test part, the next one the validation part, and the others are train.

    ⌊C/2⌋ of the C classes are the minority classes, beginning with class number `turn`.

    Args:
        labels: (n) classes.
        fold_of: int64 (n), the part of each row.
        fold: number of the test part.
        turn: number of the first minority class in sorted order, modulo C.
        seeds: the stream of the repeat and fold.

    Randomness: one permutation of `seeds.child(part, label)` for each of the parts train, validation and test.
    """
    n_folds = int(fold_of.max()) + 1
    of = np.array(labels)
    names = sorted(set(labels))
    held_out = {"test": fold_of == fold, "validation": fold_of == (fold + 1) % n_folds}
    masks = {**held_out, "train": ~(held_out["test"] | held_out["validation"])}
    rows = {
        part: {
            label: seeds.child(part, label).generator().permutation(np.flatnonzero(mask & (of == label)))
            for label in names
        }
        for part, mask in masks.items()
    }
    return Fold(
        train=rows["train"],
        validation=_balanced(rows["validation"]),
        test=_balanced(rows["test"]),
        minority=tuple(sorted(names[(turn + i) % len(names)] for i in range(len(names) // 2))),
    )


def _balanced(rows: Mapping[str, Index]) -> Index:
    """Return the same number of rows of each label, the size of the smallest."""
    least = min(map(len, rows.values()))
    return np.concatenate([of_label[:least] for of_label in rows.values()])


def largest_class_size(folds: Sequence[Fold], limit: int, smallest: int, name: str) -> int:
    """Return M, the largest power of two, at most `limit`, that the train part of every class has in every fold.

    Args:
        folds: all folds of all repeats.
        limit: a power of two.
        smallest: smallest number of minority records, a power of two below M.
        name: name of the set, for the message.

    Raises:
        DataError: if M is not above `smallest`, or if a test or validation part has no record of a class.
    """
    least, scarce = min((len(rows), label) for fold in folds for label, rows in fold.train.items())
    largest = min(limit, 1 << (least.bit_length() - 1)) if least else 0
    problems = []
    if largest <= smallest:
        problems.append(f"class {scarce!r}: {least} train records in a fold, needs {2 * smallest}")
    if any(not len(fold.validation) or not len(fold.test) for fold in folds):
        problems.append("a test or validation part lacks a class")
    if problems:
        raise DataError(
            f"{name}: too few records for these folds", problems=problems, hint="Add records, or change --folds."
        )
    return largest
