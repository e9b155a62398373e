"""Predict from the few texts of a pilot how well a classifier will learn from the synthetic records of the run.

The pilot is a small trial before the run. It has m accepted texts, and the run will have n records. The score of a
classifier grows with the number of training records. This growth is measured on real records:

    expected ratio = f(pilot) × f(real, n) / f(real, m) / f(real, all)

f is the score of a classifier of text vectors: its macro F1, or its recall of one class. The classifier is trained on
the pilot's texts (f(pilot)), on k real records (f(real, k)) or on all real records (f(real, all)). The real records
are those of one half of the train persons. The test records are those of the other half, without the records from
which the pilot's texts were made (their parents).
"""

from collections.abc import Collection, Sequence
from typing import NamedTuple

import numpy as np

from audits.core.types import persons
from synthgen.core.types import Counts, Embedded, Float64
from synthgen.evaluate.classifiers import LabelledTexts, encoder_logistic
from synthgen.evaluate.metrics import Scores, person_weights, scores

MIN_TEXTS = 20  # smallest number of accepted texts for a prediction
DRAWS = 400  # number of bootstrap draws of weights for the test persons
SUBSETS = 5  # number of random subsets of k real records over which f(real, k) is averaged
LEVEL = 0.025  # the lower end of a ratio is this quantile of the bootstrap draws


class ExpectedRatio(NamedTuple):
    """The predicted score with synthetic records, divided by the score with all real records."""

    value: float
    low: float  # lower end of the interval, with 97.5 % confidence
    label: str = ""  # the class with the smallest ratio; empty for the ratio over all classes


def expected_utility(
    pilot: LabelledTexts, parents: Collection[str], train: Embedded, n_records: Counts, rng: np.random.Generator
) -> dict[str, ExpectedRatio]:
    """Return the expected values and lower ends of the ratios `tstr_over_trtr` and `worst_class_ratio`.

    For `tstr_over_trtr`, f is the macro F1. For `worst_class_ratio`, f is the recall of one class, and the smallest
    ratio of all recognised classes is returned. A class is recognised if its recall is above 0 with the classifiers
    trained on real records.

    Args:
        pilot: the accepted texts of the pilot.
        parents: ids of the train records that the accepted texts were made from.
        train: the train records with their vectors.
        n_records: expected number of synthetic records of the run, by label.
        rng: draws the halves of train, the subsets and the bootstrap weights.

    Returns:
        the two ratios by name, without `worst_class_ratio` if no class is recognised. The result is empty if
            nothing can be predicted, for example because the accepted texts lack a class.

    Privacy: reads the vectors of train; the result is private.
    """
    groups, person = persons(train.groups)
    is_tested = rng.permutation(len(groups)) < len(groups) // 2
    is_parent = np.isin(train.ids, list(parents))
    real = LabelledTexts.of(train.ids, train.labels, train.vectors)
    tested, fitted = (np.flatnonzero(rows).tolist() for rows in (is_tested[person] & ~is_parent, ~is_tested[person]))
    names = tuple(sorted(set(train.labels)))
    label_sets = (pilot.labels, real.labels[tested], real.labels[fitted])
    lacks_class = any(set(labels.tolist()) != set(names) for labels in label_sets)
    if len(pilot.texts) < MIN_TEXTS or lacks_class or sum(n_records.values()) == 0:
        return {}
    test, (test_groups, test_person) = real.at(tested), persons([train.groups[row] for row in tested])
    weights = person_weights(len(test_groups), DRAWS, rng)
    truth = np.searchsorted(names, test.labels)

    def score(rows: LabelledTexts) -> Scores:
        predicted = np.searchsorted(names, encoder_logistic(rows, test, 0))
        return scores(truth, predicted, test_person, weights, len(names))

    def mean(counts: Counts) -> tuple[Float64, Float64]:
        found = [score(real.at(_subset(real, fitted, counts, rng))) for _ in range(SUBSETS)]
        return np.mean([s.macro_f1 for s in found], axis=0), np.mean([s.recall for s in found], axis=0)

    of_pilot, of_all = score(pilot), score(real.at(fitted))
    same_size, same_size_recall = mean({name: int((pilot.labels == name).sum()) for name in names})
    full_size, full_size_recall = mean(n_records)
    overall = of_pilot.macro_f1 * full_size / np.maximum(same_size, 1e-9) / np.maximum(of_all.macro_f1, 1e-9)
    # axis 0 of all scores: index 0 has equal weights of the test persons, the other indices are bootstrap draws
    learned = (of_all.recall[0] > 0) & (same_size_recall[0] > 0)
    of_class = (of_pilot.recall * full_size_recall)[:, learned] / (same_size_recall * of_all.recall)[:, learned]
    ratios = {"tstr_over_trtr": _ratio(overall)}
    if learned.any():
        worst = np.asarray(names)[learned][of_class[0].argmin()]
        ratios["worst_class_ratio"] = _ratio(of_class.min(axis=1), str(worst))
    return ratios


def _ratio(draws: Float64, label: str = "") -> ExpectedRatio:
    # draws[0] is the ratio with equal weights of the test persons
    return ExpectedRatio(float(draws[0]), float(np.quantile(draws[1:], LEVEL)), label)


def _subset(real: LabelledTexts, rows: Sequence[int], counts: Counts, rng: np.random.Generator) -> list[int]:
    """Return `counts[label]` random items of `rows` for each label, or all items of a label that has fewer."""
    chosen: list[int] = []
    for label, n in sorted(counts.items()):
        of_label = [row for row in rows if real.labels[row] == label]
        chosen += rng.permutation(of_label)[:n].tolist()
    return sorted(chosen)
