"""Cross-validation folds with a few records of some classes and many of the others."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthgen.core.errors import DataError
from synthgen.core.seeds import SeedTree

Index = NDArray[np.int64]


def assign_folds(labels: Sequence[str], groups: Sequence[str], n_folds: int, rng: np.random.Generator) -> Index:
    """Return the fold of each record: whole groups, each class spread evenly.

    Groups come in random order, larger ones first, and each goes to the fold that has the fewest records of the
    group's most frequent class, then the fewest records. Where every record is its own group, the folds' counts of a
    class differ by one at most.

    Args:
        labels: (n) classes.
        groups: (n) persons.
        n_folds: how many.
        rng: drawn from once, one permutation of the groups.

    Returns:
        int64 (n), 0 to n_folds − 1.
    """
    rows: dict[str, list[int]] = defaultdict(list)
    for i, group in enumerate(groups):
        rows[group].append(i)
    names = sorted(rows)
    shuffled = [names[i] for i in rng.permutation(len(names))]
    code = {label: c for c, label in enumerate(sorted(set(labels)))}
    held = np.zeros((len(code), n_folds), dtype=np.int64)
    fold_of = np.empty(len(labels), dtype=np.int64)
    for name in sorted(shuffled, key=lambda group: -len(rows[group])):
        counts = Counter(code[labels[i]] for i in rows[name])
        most = min(counts, key=lambda c: (-counts[c], c))
        fold = int(np.lexsort((held.sum(axis=0), held[most]))[0])
        fold_of[rows[name]] = fold
        for c, m in counts.items():
            held[c, fold] += m
    return fold_of


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fold:
    """The rows of one fold.

    Args:
        train: of each label, int64 rows in a fixed random order; the first n are the n kept.
        validation: int64, as many rows of each label as of any other.
        test: likewise.
        minority: the labels of which few train records are kept.
    """

    train: Mapping[str, Index]
    validation: Index
    test: Index
    minority: tuple[str, ...]

    def train_rows(self, n: int, largest: int) -> Index:
        """Return the train rows: n of each minority class, `largest` of each other class, sorted by label.

        The rows of a smaller n are among those of a larger one.
        """
        kept = (rows[: n if label in self.minority else largest] for label, rows in sorted(self.train.items()))
        return np.concatenate(list(kept))


def cut_fold(labels: Sequence[str], fold_of: Index, fold: int, turn: int, seeds: SeedTree) -> Fold:
    """Return fold `fold`: its own part for test, the next for validation, the rest for train.

    ⌊C/2⌋ of the C classes are the minority. They move on by one class with each turn, so that no class is favoured.

    Args:
        labels: (n) classes.
        fold_of: int64 (n), the part of each row.
        fold: which part is the test part.
        turn: which class, in sorted order and modulo C, is the first of the minority.
        seeds: the stream of the repeat and fold.

    Random: of `seeds.child(part, label)`, one permutation each, for the parts train, validation and test.
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
    """Return as many rows of each label as the smallest has."""
    least = min(map(len, rows.values()))
    return np.concatenate([of_label[:least] for of_label in rows.values()])


def largest_class_size(folds: Sequence[Fold], limit: int, smallest: int, name: str) -> int:
    """Return M, the largest power of two, at most `limit`, that every class's train part holds in every fold.

    Args:
        folds: all folds of all repeats.
        limit: a power of two.
        smallest: the smallest number of minority records to be tried, a power of two below M.
        name: of the set, for the message.

    Raises:
        DataError: if M would not be above `smallest`, or if a test or validation part lacks a class.
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
            f"{name}: too few records for these folds",
            problems=problems,
            hint="Add records, or ask for other --folds.",
        )
    return largest
