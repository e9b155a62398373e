"""The two classifiers that measure utility: one is trained on the vectors of texts, the other on words of texts."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from synthgen.core.errors import DataError
from synthgen.core.types import Float32

WORD = r"(?u)\b\w+\b"  # a word for TF-IDF; the default of scikit-learn omits words of one character
Labels = NDArray[np.str_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LabelledTexts:
    """n labelled texts with their vectors."""

    texts: tuple[str, ...]
    labels: Labels  # (n,)
    vectors: Float32  # (n, d)

    @classmethod
    def of(cls, texts: Sequence[str], labels: Sequence[str], vectors: Float32) -> "LabelledTexts":
        """Return the texts with their labels and vectors (n, d)."""
        return cls(texts=tuple(texts), labels=np.array(labels, dtype=np.str_), vectors=vectors)

    def at(self, rows: Sequence[int]) -> "LabelledTexts":
        """Return the rows with the given numbers, in the given order."""
        texts = tuple(self.texts[row] for row in rows)
        return LabelledTexts(texts=texts, labels=self.labels[list(rows)], vectors=self.vectors[list(rows)])

    def plus(self, other: "LabelledTexts") -> "LabelledTexts":
        """Return these rows followed by the rows of `other`."""
        return LabelledTexts(
            texts=self.texts + other.texts,
            labels=np.concatenate([self.labels, other.labels]),
            vectors=np.concatenate([self.vectors, other.vectors]),
        )


@dataclass(frozen=True, slots=True, eq=False)
class TrainingSet:
    """Records that a classifier is trained on."""

    rows: LabelledTexts
    has_texts: bool = True  # False: some rows are vectors without a text, so the classifier of words is not trained
    # "balanced": the weight of a record is proportional to 1 / (size of its class); None: all weights are equal
    weights: Literal["balanced"] | None = None


def encoder_logistic(
    fit_on: LabelledTexts,
    test: LabelledTexts,
    seed: int,  # noqa: ARG001 - lbfgs is deterministic
    weights: Literal["balanced"] | None = None,
) -> Labels:
    """Return the test rows' predicted classes, by multinomial logistic regression (C = 10) on the encoder's vectors.

    The result overstates the utility of synthetic records, because these records were decoded from vectors of the
    same encoder.
    """
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=10, max_iter=5000, class_weight=weights)
    return _predict(model, fit_on.vectors.astype(np.float64), fit_on.labels, test.vectors.astype(np.float64))


def tfidf_linear(
    fit_on: LabelledTexts, test: LabelledTexts, seed: int, weights: Literal["balanced"] | None = None
) -> Labels:
    """Return the test rows' predicted classes, by a linear support vector machine on TF-IDF of words and word pairs.

    Raise DataError if no training text contains a word.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.svm import LinearSVC

    if not any(any(c.isalnum() for c in text) for text in fit_on.texts):
        raise DataError(
            f"none of the {len(fit_on.texts)} texts that a utility classifier is trained on contains a word",
            hint="Check that source.text names the column of the texts.",
        )
    vectorizer = TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2), token_pattern=WORD)
    model = LinearSVC(C=1, max_iter=20_000, random_state=seed, class_weight=weights)
    return _predict(model, vectorizer.fit_transform(fit_on.texts), fit_on.labels, vectorizer.transform(test.texts))


ON_WORDS = "tfidf-linear"  # name of the classifier of words
# name of a classifier -> function that trains the classifier and returns the predicted classes of the test rows
CLASSIFIERS: Mapping[str, Callable[..., Labels]] = {"encoder-logistic": encoder_logistic, ON_WORDS: tfidf_linear}


def _predict(model: Any, x: Any, labels: Labels, x_test: Any) -> Labels:
    # no model can be trained if all labels are the same; then this label is predicted for every test row
    if len(np.unique(labels)) == 1:
        return np.repeat(labels[:1], x_test.shape[0])
    return np.asarray(model.fit(x, labels).predict(x_test))
