"""Keep a generated text (candidate) if a classifier that is trained on real records confirms its label."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from synthgen.core.errors import DataError
from synthgen.core.types import Candidate, Float32
from synthgen.filter.base import FREE_FOLDS, FilterContext, FittedFilter, folds_for, scored

STRENGTHS = (1.0, 10.0, 100.0)  # inverse regularisation strengths; see `ClassAgreement` for the choice
# `auto` accepts at least this share of real records, unless this requires a `minimum` below 1 / (number of classes)
SHARE_OF_REAL = 0.8
MAX_MINIMUM = 0.6  # largest minimum with `auto`
MAX_TUNING_RECORDS = 4000  # largest number of train records that are used to choose strength and minimum
MAX_FITS = 50  # if there are more sets of folds, one model is trained per fold; see `ClassAgreement`


@dataclass(frozen=True, slots=True)
class ClassAgreement:
    """Keep a candidate if the classifier gives its label a probability of at least `minimum`, 0 to 1.

    The classifier is a multinomial logistic regression on train vectors. The persons of train are divided into folds.
    A candidate is judged by a model trained on all folds that contain no parent (a record from which the text was
    made). This requires one model for each set of folds that can contain the parents of a candidate. If there are
    more than `MAX_FITS` such sets, one model is trained per fold instead, and the score is the mean probability of
    the models whose fold contains no parent. The regularisation strength minimises the log loss on real records,
    where each record is judged by models trained without its fold.

    `auto` sets minimum = max(1/C, min(`MAX_MINIMUM`, q)) for C classes. Here q is the largest minimum that accepts at
    least the share `SHARE_OF_REAL` of the real records.

    Privacy: reads train vectors and labels. A candidate is not compared with single records.
    """

    name: ClassVar[str] = "class_agreement"
    minimum: float | Literal["auto"]

    def fit(self, context: FilterContext) -> FittedFilter:
        """Return the filter, whose score is the probability of the label; raise DataError if all labels are equal."""
        if len(set(context.labels)) < 2:
            message = "filter.class_agreement needs at least two classes, but all train records have the same class"
            raise DataError(message, hint="Set filter.class_agreement to null.")
        drawn = context.seeds.child("tuning").generator().permutation(len(context.labels))
        rows = np.sort(drawn[:MAX_TUNING_RECORDS])
        of_real = {strength: _Committee(context, rows, strength).of_real() for strength in STRENGTHS}
        strength = min(STRENGTHS, key=lambda s: -np.log(np.maximum(of_real[s], 1e-12)).mean())
        real = of_real[strength]
        q = float(np.quantile(real, 1 - SHARE_OF_REAL, method="lower"))
        auto = max(1 / len(set(context.labels)), min(MAX_MINIMUM, q))
        minimum = auto if self.minimum == "auto" else self.minimum
        bounds = {
            "minimum": minimum,
            "strength": strength,
            "share_of_real_kept": float((real >= minimum).mean()),
            "minimum_for_most_real": q,
        }

        def probabilities(candidates: Sequence[Candidate]) -> NDArray[np.float64]:
            by_folds: dict[frozenset[int], list[int]] = {}
            for i, candidate in enumerate(candidates):
                by_folds.setdefault(context.parent_folds[context.row(candidate)], []).append(i)
            p = np.full(len(candidates), np.nan)
            committee = _Committee(context, np.arange(len(context.labels)), strength)
            for folds, members in by_folds.items():
                labels = np.array([candidates[i].label for i in members])
                p[members] = committee.without(folds, context.vectors[members], labels)
            return p

        return scored(self.name, bounds, probabilities, low=minimum)


def fits_for(parents: int) -> int:
    """Return the largest number of models that are trained if each latent has at most `parents` parents."""
    return _n_fold_sets(parents) if _n_fold_sets(parents) <= MAX_FITS else folds_for(parents)


def _n_fold_sets(parents: int) -> int:  # number of different sets of folds that can contain the parents of a latent
    folds = folds_for(parents)
    return sum(comb(folds, i) for i in range(1, parents + 1)) if parents > 0 else 1


class _Committee:
    """Classifiers, each trained on the train records of some folds when it is first needed."""

    def __init__(self, context: FilterContext, rows: NDArray[np.intp], strength: float) -> None:
        self.context, self.rows, self.strength = context, rows, strength
        parents = max(map(len, context.latents.parent_ids), default=0)
        self.n_folds = folds_for(parents)
        self.by_fold = _n_fold_sets(parents) > MAX_FITS
        self.models: dict[frozenset[int], Any] = {}

    def without(self, folds: frozenset[int], vectors: Float32, labels: NDArray[np.str_]) -> NDArray[np.float64]:
        """Return the probability of each vector's label under models trained without `folds`, float64 (vectors,).

        If there is one model per fold, the mean of the models is returned. The probability is NaN if no model was
        trained on records of the label.
        """
        trained_on = frozenset(range(self.n_folds)) - folds
        parts = [frozenset([fold]) for fold in sorted(trained_on)] if self.by_fold else [trained_on]
        p = np.array([self._probability(part, vectors, labels) for part in parts])  # (models, vectors)
        known = ~np.isnan(p)
        total = np.where(known, p, 0).sum(axis=0)
        return np.where(known.any(axis=0), total / np.maximum(known.sum(axis=0), 1), np.nan)

    def of_real(self) -> NDArray[np.float64]:
        """Return the probability of each real record's label under models trained without its fold, float64 (rows,).

        The records are the train records in `rows`. The probability is 0 if no model was trained on records of the
        label.
        """
        p = np.zeros(len(self.rows))
        row_folds = self.context.folds[self.rows]
        for fold in np.unique(row_folds):
            # If there is one model per fold, `FREE_FOLDS` models judge each real record. A candidate is judged by at
            # least as many models, because at least `FREE_FOLDS` folds contain no parent of the candidate.
            judging = {int(fold + i) % self.n_folds for i in range(1, FREE_FOLDS + 1)}
            left_out = frozenset(range(self.n_folds)) - judging if self.by_fold else frozenset([int(fold)])
            judged = self.rows[row_folds == fold]
            p[row_folds == fold] = self.without(left_out, self.context.train[judged], self.context.labels[judged])
        return np.nan_to_num(p, nan=0.0)

    def _probability(self, folds: frozenset[int], vectors: Float32, labels: NDArray[np.str_]) -> NDArray[np.float64]:
        if folds not in self.models:
            fit_on = self.rows[np.isin(self.context.folds[self.rows], list(folds))]
            self.models[folds] = _fit(self.context, fit_on, self.strength)
        model = self.models[folds]
        return np.full(len(labels), np.nan) if model is None else _of_own_class(model, vectors, labels)


def _fit(context: FilterContext, rows: NDArray[np.intp], strength: float) -> Any:
    # returns a model trained on these rows of train, or None if all rows have the same label
    from sklearn.linear_model import LogisticRegression

    if len(np.unique(context.labels[rows])) < 2:
        return None
    model = LogisticRegression(C=strength, max_iter=5000)
    return model.fit(context.train[rows].astype(np.float64), context.labels[rows])


def _of_own_class(model: Any, vectors: Float32, labels: NDArray[np.str_]) -> NDArray[np.float64]:
    # returns the probability of the label of each vector; NaN if the model was not trained on the label
    p = model.predict_proba(vectors.astype(np.float64))  # (vectors, classes)
    column = np.searchsorted(model.classes_, labels)
    column = np.where(column < len(model.classes_), column, 0)
    return np.where(model.classes_[column] == labels, p[np.arange(len(labels)), column], np.nan)
