"""Measure whether decoded texts keep the class of their source texts, and compute means over texts."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

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
    """A mean over texts and its two-sided interval at `CONFIDENCE`."""

    value: float
    low: float
    high: float


def mean_of(values: NDArray[np.generic], rng: np.random.Generator) -> Mean:
    """Return the mean of one number per text, and its percentile bootstrap interval over texts.

    Args:
        values: (n,), one number per text, n >= 1. If each number is the difference of two values of the same text,
            the interval is that of a paired comparison.
        rng: the generator; `RESAMPLES` times n numbers are drawn from it.

    Reference: Efron & Tibshirani, An Introduction to the Bootstrap, 1993, section 13.3.
    """
    x = np.asarray(values, dtype=np.float64)
    if x.ndim != 1 or len(x) == 0:
        raise InternalError("a mean over texts needs one number per text")
    means = [x[rng.integers(len(x), size=len(x))].mean() for _ in range(RESAMPLES)]
    low, high = np.quantile(means, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Mean(float(x.mean()), float(low), float(high))


def class_kept(written: Float32, labels: Sequence[str], reference: Float32, of: Sequence[str], own: Int64) -> Bools:
    """Return for each decoded text whether the nearest class of real texts is the class it was decoded for, bool (m).

    The nearest class is the class c for which the sum of the vectors of its real texts has the largest cosine with ŷ:

        argmax_c cos(ŷ, Σ_{j in c, j not in own} x_j) = label

    Args:
        written: float32 (m, d), the vectors ŷ of the decoded texts, of unit length.
        labels: (m), the classes that the texts were decoded for.
        reference: float32 (n, d), the vectors x of the real texts, of unit length.
        of: (n), the classes of the real texts.
        own: int64 (m, p), the reference rows from which each text was decoded. These rows have the class of the text,
            may be repeated, and are excluded from the sum of the class.

    Raises:
        DataError: if a class has no rows other than those in `own`.
    """
    names = sorted(set(of))
    code = {name: i for i, name in enumerate(names)}
    theirs = np.array([code[name] for name in of])
    wanted = np.array([code[name] for name in labels])
    sums = np.stack([reference[theirs == c].sum(axis=0) for c in range(len(names))])
    likeness = written @ (sums / np.linalg.norm(sums, axis=1, keepdims=True)).T
    first = np.sort(own, axis=1)
    repeated = np.concatenate([np.zeros((len(own), 1), bool), first[:, 1:] == first[:, :-1]], axis=1)
    left = sums[wanted] - (reference[first] * ~repeated[:, :, None]).sum(axis=1)
    if (np.bincount(theirs)[wanted] <= (~repeated).sum(axis=1)).any():
        raise DataError("a class has no texts other than the sources, so whether it is kept cannot be measured")
    likeness[np.arange(len(wanted)), wanted] = (written * left).sum(axis=1) / np.linalg.norm(left, axis=1)
    kept: Bools = likeness.argmax(axis=1) == wanted
    return kept


def words_of(text: str) -> list[str]:
    """Return the words of a text in lower case."""
    return _WORD.findall(text.lower())
