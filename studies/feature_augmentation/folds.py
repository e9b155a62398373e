"""Divide records into cross-validation folds in which the minority classes have few train records."""

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

    The groups are assigned from the largest to the smallest, and groups of the same size in random order. Each group
    is assigned to the fold with the fewest records of the group's most frequent class. Of several such folds, the one
    with the fewest records in all is used. If every record is its own group, the counts of a class differ by at most
    one between folds.

    Args:
        labels: (n) the class of each record.
        groups: (n) the person of each record.
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
    """The row numbers of the train, validation and test records of one fold."""

    train: Mapping[str, Index]  # int64 rows of each label in a fixed random order, of which the first n are used
    validation: Index  # int64 rows, the same number for each label
    test: Index  # int64 rows, the same number for each label
    minority: tuple[str, ...]  # the labels with few train records

    def train_rows(self, n: int, largest: int) -> Index:
        """Return the train rows, int64: n of each minority class and `largest` of each other class, sorted by label.

        The rows for a smaller n are a subset of the rows for a larger n.
        """
        kept = (rows[: n if label in self.minority else largest] for label, rows in sorted(self.train.items()))
        return np.concatenate(list(kept))


def cut_fold(labels: Sequence[str], fold_of: Index, fold: int, turn: int, seeds: SeedTree) -> Fold:
    """Return a fold: part `fold` of the records is for test, the next part for validation, the other parts for train.

    The minority classes are ⌊C/2⌋ successive classes of the C sorted classes, from class number `turn` modulo C on.

    Args:
        labels: (n) the class of each record.
        fold_of: int64 (n), the part of each record, from `assign_folds`.
        fold: number of the test part.
        turn: number of the first minority class, from 0.
        seeds: the random stream of the repeat and fold.

    Randomness: one permutation of `seeds.child(part, label)` for each label and each of train, validation and test.
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
    """Return the first rows of each label, as many of each label as the label with the fewest rows has."""
    least = min(map(len, rows.values()))
    return np.concatenate([of_label[:least] for of_label in rows.values()])


def largest_class_size(folds: Sequence[Fold], limit: int, smallest: int, name: str) -> int:
    """Return M, the largest power of two up to `limit` such that every class has M train records in every fold.

    Args:
        folds: all folds of all repeats.
        limit: a power of two.
        smallest: smallest number of train records of a minority class, a power of two; M must be larger.
        name: name of the dataset, for the error message.

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
