"""How near a written text comes to the text whose vector it was written from, one figure of each kind.

Every function takes one text or vector per source, whoever wrote it: a decoder, a choice among its candidates, or
a baseline that only looks a text up. So all of them stand in one table and are judged alike.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, islice

import numpy as np
from numpy.typing import NDArray

from synthgen.core.errors import DataError, InternalError
from synthgen.core.types import Float32

Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]
Bools = NDArray[np.bool_]

CONFIDENCE = 0.95
RESAMPLES = 2000
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean over texts and its interval, both ends together at `CONFIDENCE`."""

    value: float
    low: float
    high: float


def mean_of(values: NDArray[np.generic], rng: np.random.Generator) -> Mean:
    """Return the mean of one number per text, and its percentile bootstrap interval over texts.

    Args:
        values: (n,), n >= 1; of differences of two ways on the same texts, the interval is a paired one.
        rng: draws `RESAMPLES` times n numbers.

    Source: Efron & Tibshirani, An Introduction to the Bootstrap, 1993, section 13.3.
    """
    x = np.asarray(values, dtype=np.float64)
    if x.ndim != 1 or len(x) == 0:
        raise InternalError("a mean over texts needs one number per text")
    means = [x[rng.integers(len(x), size=len(x))].mean() for _ in range(RESAMPLES)]
    low, high = np.quantile(means, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Mean(float(x.mean()), float(low), float(high))


def ranks(written: Float32, sources: Float32) -> Int64:
    """Return the rank of a text's source among all n sources by likeness to the text, 1 the nearest.

        rank_i = |{j : ŷ_i · x_j >= ŷ_i · x_i}|

    A tie counts against it, so texts that all look alike find nothing.

    Args:
        written: (m, d), unit rows ŷ, row i written from source i, m <= n.
        sources: (n, d), unit rows x.
    """
    likeness = written @ sources.T
    worse: Int64 = (likeness >= likeness.diagonal()[:, None]).sum(axis=1, dtype=np.int64)
    return worse


def class_kept(written: Float32, labels: Sequence[str], reference: Float32, of: Sequence[str], own: Int64) -> Bools:
    """Return whether the class whose real texts a written one lies nearest to is the class it was asked for.

        argmax_c cos(ŷ, Σ_{j in c, j not in own} x_j) = label

    Args:
        written: (m, d), unit rows ŷ.
        labels: (m), the class asked for.
        reference: (n, d), unit rows x of real texts.
        of: (n), their classes.
        own: (m, p), the rows of the reference a text was written from, all of the class asked for, each once or
            repeated; they are left out, so that no text is its own evidence. The class must have others.

    Raises:
        DataError: when a class has no others.
    """
    names = sorted(set(of))
    code = {name: i for i, name in enumerate(names)}
    theirs = np.array([code[name] for name in of])
    asked = np.array([code[name] for name in labels])
    sums = np.stack([reference[theirs == c].sum(axis=0) for c in range(len(names))])
    likeness = written @ (sums / np.linalg.norm(sums, axis=1, keepdims=True)).T
    first = np.sort(own, axis=1)
    repeated = np.concatenate([np.zeros((len(own), 1), bool), first[:, 1:] == first[:, :-1]], axis=1)
    left = sums[asked] - (reference[first] * ~repeated[:, :, None]).sum(axis=1)
    if (np.bincount(theirs)[asked] <= (~repeated).sum(axis=1)).any():
        raise DataError("a class has no texts but those written from, so nothing tells whether it is kept")
    likeness[np.arange(len(asked)), asked] = (written * left).sum(axis=1) / np.linalg.norm(left, axis=1)
    kept: Bools = likeness.argmax(axis=1) == asked
    return kept


def overlap(written: Sequence[str], sources: Sequence[str]) -> Float64:
    """Return, for each text, the cosine of its TF-IDF vector with its source's: what a word counter sees in common.

    Term weights are (1 + log count) · idf of scikit-learn, learned on the sources; a text with none of their words
    has overlap 0.

    Args:
        written: m texts, text i written from source i.
        sources: n >= m texts.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    weigh = TfidfVectorizer(sublinear_tf=True)
    theirs = weigh.fit_transform(sources)[: len(written)]
    return np.asarray(weigh.transform(written).multiply(theirs).sum(axis=1)).ravel()


def words_of(text: str) -> list[str]:
    """Return a text's words, small letters."""
    return _WORD.findall(text.lower())


def distinct(texts: Sequence[str], k: int, words: int) -> float:
    """Return the share of different ones among the runs of k words of the texts' first `words` words together.

    The share falls with the amount of text, so what is compared is cut to the same number of words.

    Source: Li et al., A Diversity-Promoting Objective Function, NAACL 2016, section 5.3 (distinct-1, distinct-2).
    """
    rows = (words_of(text) for text in texts)
    flat = islice(chain.from_iterable(((w, i) for w in row) for i, row in enumerate(rows)), words)
    run = list(flat)
    inside = (run[at : at + k] for at in range(len(run) - k + 1) if run[at][1] == run[at + k - 1][1])
    grams = Counter(tuple(w for w, _ in gram) for gram in inside)
    if not grams:
        raise InternalError(f"no text holds {k} words in a row")
    return len(grams) / grams.total()
