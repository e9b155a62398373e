"""Class agreement: a classifier that never saw a candidate's parents must find the class it was asked for."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from synthgen.core.errors import DataError
from synthgen.core.types import Candidate, FilterOutcome
from synthgen.stages.filter.base import FilterContext, FittedFilter, outcome

STRENGTHS = (1.0, 10.0, 100.0)  # inverse regularisation; the best on real text is taken
MAX_TUNING_RECORDS = 4000


@dataclass(frozen=True, slots=True)
class ClassAgreement:
    """Keep a candidate whose class the classifier gives at least a probability of `minimum`.

    A candidate whose text left its class would teach the wrong label. The classifier is a multinomial logistic
    regression on train vectors. It is cross-fitted: a candidate with parents in folds f1, f2 is judged by the model
    trained on the records of all other folds, and folds are of persons, so no candidate is judged by a model that saw
    a record of its parents' persons. The regularisation is the one of `STRENGTHS` with the least cross-fitted log
    loss on real records, so that a probability means on real text what it says.

    Args:
        minimum: the least probability, 0 to 1.

    Privacy: reads train vectors and labels; drops what lies *far* from a class, never what lies close to a record.

    Cost: one fit for each set of parent folds (at most 15 for two parents), one logistic regression of n × d each.
    """

    name: ClassVar[str] = "class_agreement"
    minimum: float

    def fit(self, context: FilterContext) -> FittedFilter:
        """Return it with the minimum, the regularisation, and which share of real records the rule would keep.

        The score is the probability of a candidate's own class by the model that did not see its parents.

        Raises:
            DataError: if train has one class only, so there is nothing to agree with.
        """
        if len(set(context.labels)) < 2:
            raise DataError(
                "class agreement needs at least two classes", hint="Set filter.class_agreement to null for one class."
            )
        rows = np.arange(len(context.labels))
        if len(rows) > MAX_TUNING_RECORDS:
            drawn = context.seeds.child("tuning").generator().permutation(len(rows))
            rows = np.sort(drawn[:MAX_TUNING_RECORDS])
        best: tuple[float, float, float] | None = None
        for strength in STRENGTHS:
            p = self._real_probabilities(context, rows, strength)
            loss = float(-np.log(np.maximum(p, 1e-12)).mean())
            if best is None or loss < best[0]:
                best = (loss, strength, float((p >= self.minimum).mean()))
        if best is None:
            raise DataError("class agreement has no regularisation to choose from")
        _, strength, share = best
        bounds = {"minimum": self.minimum, "strength": strength, "share_of_real_kept": share}
        return FittedFilter(self.name, bounds, lambda candidates: self._judge(candidates, context, strength))

    def _judge(self, candidates: Sequence[Candidate], context: FilterContext, strength: float) -> list[FilterOutcome]:
        by_folds: dict[frozenset[int], list[int]] = {}
        for i, candidate in enumerate(candidates):
            by_folds.setdefault(context.parent_folds[context.row(candidate)], []).append(i)
        score = np.full(len(candidates), np.nan)
        for folds, members in by_folds.items():
            fit_on = ~np.isin(context.folds, list(folds))
            labels = np.array([candidates[i].label for i in members])
            score[members] = _probabilities(context, fit_on, members, labels, strength)
        return [
            outcome(self.name, passed=False, score=0, reason="class_not_learned")
            if np.isnan(p)
            else outcome(self.name, passed=p >= self.minimum, score=p)
            for p in score
        ]

    def _real_probabilities(
        self, context: FilterContext, rows: NDArray[np.intp], strength: float
    ) -> NDArray[np.float64]:
        """Return for real records the probability of their own class by the model without their fold."""
        p = np.zeros(len(rows))
        for fold in np.unique(context.folds[rows]):
            held = context.folds[rows] == fold
            model = _fit(context, rows[~held], strength)
            if model is not None:
                p[held] = _of_own_class(model, context.train[rows[held]], context.labels[rows[held]], absent=0.0)
        return p


def _probabilities(
    context: FilterContext,
    fit_on: NDArray[np.bool_],
    members: list[int],
    labels: NDArray[np.str_],
    strength: float,
) -> NDArray[np.float64]:
    model = _fit(context, np.flatnonzero(fit_on), strength)
    if model is None:
        return np.full(len(members), np.nan)
    return _of_own_class(model, context.vectors[members], labels, absent=np.nan)


def _fit(context: FilterContext, rows: NDArray[np.intp], strength: float) -> Any:
    """Return the classifier trained on some train rows, or None where they hold fewer than two classes."""
    from sklearn.linear_model import LogisticRegression

    if len(np.unique(context.labels[rows])) < 2:
        return None
    model = LogisticRegression(C=strength, max_iter=5000)
    return model.fit(context.train[rows].astype(np.float64), context.labels[rows])


def _of_own_class(model: Any, vectors: Any, labels: NDArray[np.str_], *, absent: float) -> NDArray[np.float64]:
    """Return the probability of each row's own label; `absent` where the model has not seen the label."""
    p = model.predict_proba(vectors.astype(np.float64))  # (r, classes)
    column = np.searchsorted(model.classes_, labels)
    column = np.where(column < len(model.classes_), column, 0)
    own: NDArray[np.float64] = p[np.arange(len(labels)), column]
    return np.where(model.classes_[column] == labels, own, absent)
