"""Whether two tables of texts come from the same people: a classifier that tries to tell them apart."""

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from audits.core.stats import auc
from audits.core.types import Estimate, Table, persons
from audits.text.normalise import tokens

N_FOLDS = 5
MAX_PERSONS = 4000  # per arm, drawn at random; that many already show an AUC of .52
SHIFT_CONFIDENCE = 0.995  # each end, so that one clean split in a hundred is held up

Int = NDArray[np.int64]
Float = NDArray[np.float64]


def shift_auc(train: Table, control: Table, rng: np.random.Generator) -> Estimate | None:
    """Return how well a linear classifier tells train persons from control persons, or None with under 10 in an arm.

    TF-IDF and logistic regression, 5 folds by person; within each fold the mean score of each person is ranked:

        AUC = mean over folds, variance = 2 sum over folds of (n_T + n_H + 1) / (12 n_T n_H) / folds^2

    the variance of the rank statistic where the two arms are exchangeable (Mann and Whitney 1947), twice because
    every two persons of different folds meet twice, once with each of them in the model.
    """
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
