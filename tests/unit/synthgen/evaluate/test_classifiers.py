import numpy as np
import pytest

from synthgen.core.errors import DataError
from synthgen.evaluate.classifiers import CLASSIFIERS, LabelledTexts


def rows(n, seed, texts=None):
    rng = np.random.default_rng(seed)
    labels = np.array(["ant", "bee", "cow"])[np.arange(n) % 3]
    vectors = np.eye(3, 5)[np.arange(n) % 3] + rng.normal(scale=0.1, size=(n, 5))
    words = {"ant": "the colony moved", "bee": "a hive buzzed", "cow": "our herd grazed"}
    texts = texts or tuple(f"{words[y]} {rng.integers(9)}" for y in labels)
    return LabelledTexts(texts=texts, labels=labels, vectors=vectors.astype(np.float32))


@pytest.mark.parametrize("classifier", sorted(CLASSIFIERS))
def test_classifier_is_accurate_and_deterministic(classifier):
    for _ in range(2):
        assert CLASSIFIERS[classifier](rows(30, 1), rows(14, 2), 5).tolist() == rows(14, 2).labels.tolist()


@pytest.mark.parametrize("classifier", sorted(CLASSIFIERS))
def test_one_training_class_is_always_predicted(classifier):
    one = LabelledTexts(texts=("a b",) * 4, labels=np.array(["cow"] * 4), vectors=np.ones((4, 5), dtype=np.float32))
    assert CLASSIFIERS[classifier](one, rows(7, 2), 5).tolist() == ["cow"] * 7


def test_classifiers_use_either_vectors_or_texts():
    blind_texts = rows(30, 1, texts=("same words",) * 30)
    assert CLASSIFIERS["encoder-logistic"](blind_texts, rows(14, 2), 5).tolist() == rows(14, 2).labels.tolist()
    r = rows(30, 1)
    blind_vectors = LabelledTexts(texts=r.texts, labels=r.labels, vectors=np.ones_like(r.vectors))
    assert CLASSIFIERS["tfidf-linear"](blind_vectors, rows(14, 2), 5).tolist() == rows(14, 2).labels.tolist()


def test_training_texts_without_words_are_rejected():
    with pytest.raises(DataError, match="utility classifier is trained on contains a word"):
        CLASSIFIERS["tfidf-linear"](rows(6, 1, texts=("--",) * 6), rows(6, 2), 5)


def test_plus():
    both = rows(6, 1).plus(rows(9, 2))
    assert (len(both.texts), len(both.labels), both.vectors.shape) == (15, 15, (15, 5))
