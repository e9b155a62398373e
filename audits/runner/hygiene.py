"""Whether train and control can be compared at all: near-duplicates across them, and a shift between them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audits.core.errors import InputError
from audits.core.inputs import take
from audits.core.types import AuditInputs, Estimate, Table, persons
from audits.text.minhash import CLOSE, near_pairs, sketch
from audits.text.normalise import tokens

NEAR_DUPLICATE = 0.8
MAX_NEAR_DUPLICATES = 0.01
N_FOLDS = 5
MAX_PERSONS = 4000  # per arm, drawn at random; that many already show an AUC of .52
SHIFT_CONFIDENCE = 0.995  # each end, so that one clean split in a hundred is held up

Int = NDArray[np.int64]
Float = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hygiene:
    """What the split allows.

    Args:
        inputs: the tables, control without the rows that nearly repeat a train row.
        problems: why no audit may pass on these tables; empty where all is well.
        details: the numbers, for the report.
    """

    inputs: AuditInputs
    problems: tuple[str, ...]
    details: Mapping[str, Any]


def check_split(inputs: AuditInputs, rng: np.random.Generator) -> Hygiene:
    """Return the tables fit for comparing, and what stands against any comparison.

    A control row that nearly repeats a train row (Jaccard of 5-token shingles >= .8) makes copying look like chance;
    it is left out. More than 1 % of them, or a classifier that tells train persons from control persons without
    having seen the synthetic table, means that a difference between them says nothing about the generator.

    Raises:
        InputError: every control row nearly repeats a train row.

    Privacy: reads train and control; the result holds counts.
    Random: folds, and which persons where there are more than 4,000 in an arm.
    """
    repeated = _repeated(inputs)
    rate = float(repeated.mean())
    if repeated.all():
        raise InputError("every control row repeats a train row; control must be persons the generator never saw")
    problems = []
    if rate > MAX_NEAR_DUPLICATES:
        problems.append(
            f"{rate:.1%} of the control rows nearly repeat a train row (at most {MAX_NEAR_DUPLICATES:.0%} allowed): "
            "split so that near-duplicates stay on one side"
        )
    kept = replace(
        inputs,
        control=take(inputs.control, np.flatnonzero(~repeated)),
        control_identifiers=_kept(inputs.control_identifiers, repeated),
        set_aside=take(inputs.control, np.flatnonzero(repeated)) if repeated.any() else None,
    )
    shift = shift_auc(inputs.train, kept.control, rng)
    if shift is not None and not shift.low <= 0.5 <= shift.high:
        problems.append(
            f"train and control differ by more than chance (AUC {shift.value:.3f}, {shift.low:.3f} to "
            f"{shift.high:.3f}, must contain .5): draw control from the same people as train"
        )
    if not (inputs.train.has_groups and inputs.control.has_groups):
        problems.append(
            "the tables do not name persons, so nothing is shown about persons: give a group column, "
            "or say that every row is another person"
        )
    details: dict[str, Any] = {
        "near_duplicate_rate": rate,
        "control_rows_left_out": int(repeated.sum()),
        "shift_auc": None if shift is None else [shift.value, shift.low, shift.high],
        "claim_scope": "person" if inputs.train.has_groups and inputs.control.has_groups else "record",
        "problems": list(problems),
    }
    return Hygiene(inputs=kept, problems=tuple(problems), details=details)


def _kept(
    identifiers: tuple[tuple[str, ...], ...] | None, repeated: NDArray[np.bool_]
) -> tuple[tuple[str, ...], ...] | None:
    if identifiers is None:
        return None
    return tuple(row for row, is_out in zip(identifiers, repeated, strict=True) if not is_out)


def _repeated(inputs: AuditInputs) -> NDArray[np.bool_]:
    """Return which control rows nearly repeat a train row, (n_control rows,)."""
    pairs = near_pairs(*(sketch(table.texts, bands=CLOSE) for table in (inputs.control, inputs.train)))
    repeated = np.zeros(len(inputs.control), dtype=bool)
    repeated[pairs.left[pairs.jaccard >= NEAR_DUPLICATE]] = True
    return repeated


def shift_auc(train: Table, control: Table, rng: np.random.Generator) -> Estimate | None:
    """Return how well a linear classifier tells train persons from control persons, or None with under 10 in an arm.

    TF-IDF and logistic regression, 5 folds by person; within each fold the mean score of each person is ranked:

        AUC = mean over folds, variance = 2 sum over folds of (n_T + n_H + 1) / (12 n_T n_H) / folds^2

    the variance of the rank statistic where the two arms are exchangeable (Mann and Whitney 1947), twice because
    every two persons of different folds meet twice, once with each of them in the model.
    """
    from scipy.stats import norm
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    from audits.core.stats import auc

    arms = [_some_persons(table, rng) for table in (train, control)]
    if min(len(np.unique(owner)) for _, owner in arms) < 2 * N_FOLDS:
        return None
    texts = [*arms[0][0], *arms[1][0]]
    is_train = np.repeat([True, False], [len(arms[0][0]), len(arms[1][0])])
    folds = np.concatenate([rng.permutation(int(owner.max()) + 1)[owner] % N_FOLDS for _, owner in arms])
    owner = np.concatenate([arms[0][1], arms[1][1]])
    matrix = TfidfVectorizer(
        sublinear_tf=True, min_df=2, max_features=50_000, tokenizer=tokens, token_pattern=None, lowercase=False
    ).fit_transform(texts)
    values, variance, n = [], 0.0, 0
    for fold in range(N_FOLDS):
        out = folds == fold
        model = LogisticRegression(max_iter=1000).fit(matrix[~out], is_train[~out])
        score = model.decision_function(matrix[out])
        at_train = is_train[out]
        scores_train = _person_means(score[at_train], owner[out][at_train])
        scores_control = _person_means(score[~at_train], owner[out][~at_train])
        n_t, n_h = len(scores_train), len(scores_control)
        values.append(auc(scores_train, scores_control))
        variance += 2 * (n_t + n_h + 1) / (12 * n_t * n_h) / N_FOLDS**2
        n += min(n_t, n_h)
    value = float(np.mean(values))
    half = float(norm.ppf(SHIFT_CONFIDENCE)) * variance**0.5
    low, high = max(0.0, value - half), min(1.0, value + half)
    return Estimate(value=value, low=low, high=high, confidence=SHIFT_CONFIDENCE, n=n)


def _some_persons(table: Table, rng: np.random.Generator) -> tuple[list[str], Int]:
    """Return texts and persons of at most MAX_PERSONS persons, numbered from 0."""
    names, owner = persons(table.groups)
    if len(names) <= MAX_PERSONS:
        return list(table.texts), owner
    chosen = rng.choice(len(names), size=MAX_PERSONS, replace=False)
    number = np.full(len(names), -1, dtype=np.int64)
    number[chosen] = np.arange(MAX_PERSONS)
    rows = np.flatnonzero(number[owner] >= 0)
    return [table.texts[i] for i in rows], number[owner[rows]]


def _person_means(scores: Float, owner: Int) -> Float:
    _, place = np.unique(owner, return_inverse=True)
    return np.asarray(np.bincount(place, weights=scores) / np.bincount(place), dtype=np.float64)
