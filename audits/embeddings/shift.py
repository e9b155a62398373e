"""Measure how much train and control differ in their texts, with a classifier that tries to distinguish them."""

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from audits.core.errors import InputError
from audits.core.inputs import some_persons
from audits.core.stats import auc
from audits.core.two_sided import Area
from audits.core.types import Estimate, Float, Int, Rng, Table, persons
from audits.text.normalise import tokens

N_FOLDS = 5  # number of folds of the cross-validation
# larger tables are replaced by a sample of this many persons; if both tables have this many, each end of the interval
# is 0.024 from the AUC
MAX_PERSONS = 4000
SHIFT_CONFIDENCE = 0.995  # one-sided confidence of interval ends; the interval excludes 0.5 in 1 % of random splits


def shift_auc(train: Table, control: Table, rng: Rng) -> Estimate | None:
    """Return the AUC of a classifier that distinguishes train from control; None if a table has under 10 persons.

    The classifier is logistic regression on TF-IDF, cross-validated with 5 folds of persons. A person's score is the
    mean score of the person's records. The result is the mean AUC of the folds. If n_T train and n_H control persons
    are in a fold, the variance of the mean is

        2 · sum over folds of (n_T + n_H + 1) / (12 · n_T · n_H) / 5^2

    Without the factor 2, this is the variance for independent folds if train and control do not differ (Mann and
    Whitney 1947). The factor is needed because each model is trained on the other folds, so folds are dependent.

    Raises:
        InputError: no word occurs in two records, so nothing can be compared.
    """
    tables = [some_persons(table, MAX_PERSONS, rng) for table in (train, control)]
    arms = [(table.texts, persons(table.groups)[1]) for table in tables]  # (texts, person index of each text)
    if min(len(np.unique(owner)) for _, owner in arms) < 2 * N_FOLDS:
        return None
    texts = [*arms[0][0], *arms[1][0]]
    is_train = np.repeat([True, False], [len(arms[0][0]), len(arms[1][0])])
    folds = np.concatenate([rng.permutation(int(owner.max()) + 1)[owner] % N_FOLDS for _, owner in arms])
    owner = np.concatenate([arms[0][1], arms[1][1]])
    vectorizer = TfidfVectorizer(
        sublinear_tf=True, min_df=2, max_features=50_000, tokenizer=tokens, token_pattern=None, lowercase=False
    )
    try:
        matrix = vectorizer.fit_transform(texts)
    except ValueError as error:  # the vocabulary is empty
        raise InputError(
            "every word occurs in only one record of train and control together, so no audit can compare their texts",
            hint="Check that the text column holds plain text.",
        ) from error
    values, variance, n = [], 0.0, 0
    for fold in range(N_FOLDS):
        in_fold = folds == fold
        model = LogisticRegression(max_iter=1000).fit(matrix[~in_fold], is_train[~in_fold])
        score = model.decision_function(matrix[in_fold])
        arm_rows = (is_train[in_fold], ~is_train[in_fold])
        scores_train, scores_control = (_person_means(score[rows], owner[in_fold][rows]) for rows in arm_rows)
        n_t, n_h = len(scores_train), len(scores_control)
        values.append(auc(scores_train, scores_control))
        variance += 2 * (n_t + n_h + 1) / (12 * n_t * n_h) / N_FOLDS**2
        n += min(n_t, n_h)
    return Area(value=float(np.mean(values)), error=variance**0.5, n=n).estimate(SHIFT_CONFIDENCE)


def _person_means(scores: Float, owner: Int) -> Float:
    _, place = np.unique(owner, return_inverse=True)
    return np.asarray(np.bincount(place, weights=scores) / np.bincount(place), dtype=np.float64)
