"""What can be seen of a text without its meaning: emptiness, length, repetition, language."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from synthgen.core.types import Candidate, FilterOutcome
from synthgen.filter.base import FilterContext, FittedFilter, outcome

TAIL = 0.01  # of real texts lie beyond a learned length bound
LANGUAGE_TAIL = 0.005
# a byte-pair tokenizer spends at most about three tokens on a word of its language (1.3 on plain English, more on
# names and drugs), so a text cut at the decoder's limit still holds a third of that in words
TOKENS_PER_WORD = 3
BUCKETS = 1 << 20
SMOOTHING = 0.01
_DIGIT = re.compile(r"\d")
_LETTERS = re.compile(r"[^\W\d_]")


def _hold_letters(candidates: Sequence[Candidate]) -> list[FilterOutcome]:
    found = [_LETTERS.search(c.text) is not None for c in candidates]
    return [outcome("empty", passed=f, score=float(f)) for f in found]


NOT_EMPTY = FittedFilter("empty", {"letters": 1.0}, _hold_letters)  # a text holds at least one letter; always on


@dataclass(frozen=True, slots=True)
class Length:
    """Keep a candidate of as many words (runs without white space) as real texts have.

    Auto: the 1 % and 99 % quantiles of the train texts' words, each text counted as no longer than
    ⌊max_new_tokens / 3⌋ words, which is what the decoder can surely write; the upper bound is left at the quantile of
    the whole texts.

    Args:
        bounds: least and most words, or auto.
    """

    name: ClassVar[str] = "length"
    bounds: Literal["auto"] | tuple[int, int] = "auto"

    def fit(self, context: FilterContext) -> FittedFilter:
        """Return it with low and high, in words; the score is the words of a text."""
        low, high = _usual_words(context) if self.bounds == "auto" else map(float, self.bounds)

        def judge(candidates: Sequence[Candidate]) -> list[FilterOutcome]:
            words = [len(c.text.split()) for c in candidates]
            return [
                outcome(
                    self.name, passed=low <= n <= high, score=n, reason=f"length_{'short' if n < low else 'long'}"
                )
                for n in words
            ]

        return FittedFilter(self.name, {"low": low, "high": high}, judge)


def _usual_words(context: FilterContext) -> tuple[float, float]:
    words = np.array([len(text.split()) for text in context.texts])
    can_write = context.max_new_tokens // TOKENS_PER_WORD
    low = np.quantile(np.minimum(words, can_write), TAIL, method="lower")
    return float(max(low, 1)), float(np.quantile(words, 1 - TAIL, method="higher"))


@dataclass(frozen=True, slots=True)
class Repetition:
    """Keep a candidate that does not go round in circles.

        score = 1 − (different 4-grams of words) / (4-grams of words),   0 for a text of fewer than four words

    Args:
        maximum: the largest score, 0 to 1.
    """

    name: ClassVar[str] = "repetition"
    maximum: float

    def fit(self, context: FilterContext) -> FittedFilter:
        """Return it with the maximum, and which share of real texts it would keep."""
        real = np.array([repeated_share(text) for text in context.texts])

        def judge(candidates: Sequence[Candidate]) -> list[FilterOutcome]:
            shares = [repeated_share(c.text) for c in candidates]
            return [outcome(self.name, passed=s <= self.maximum, score=s) for s in shares]

        bounds = {"maximum": self.maximum, "share_of_real_kept": float((real <= self.maximum).mean())}
        return FittedFilter(self.name, bounds, judge)


def repeated_share(text: str) -> float:
    """Return which share of a text's 4-grams of words has stood in it before."""
    words = text.casefold().split()
    grams = list(zip(words, words[1:], words[2:], words[3:], strict=False))
    return 1 - len(set(grams)) / len(grams) if grams else 0.0


@dataclass(frozen=True, slots=True)
class Language:
    """Keep a candidate written like the source: same language, same script, no gibberish.

    A light check that needs no list of languages: the profile of the train texts is the smoothed frequency of their
    character trigrams (lower case, digits as 0, hashed to 2^20 places), and a text's score is what its trigrams cost
    on average under that profile,

        score = −(1/T) Σ log2 ((count(t) + α) / (N + α·2^20)),   α = 0.01, in bits.

    The bound is the larger of the 99.5 % quantiles of real texts and of reconstructions (see `Reconstructions`), each
    scored by the
    profile of the folds it is not in: the decoder writes plain prose where a clinic writes in shorthand, and that is
    no other language. Where train is stood in for, and has no text, the profile is that of the reconstructions.

    Privacy: trigram counts over all train texts.

    Source: the idea of n-gram profiles is Cavnar & Trenkle, "N-Gram-Based Text Categorization" (SDAIR 1994); the
        score here is a cross entropy, not their rank distance.
    """

    name: ClassVar[str] = "language"

    def fit(self, context: FilterContext) -> FittedFilter:
        """Return it with the most bits per trigram; the score is a text's bits by the profile of all train texts."""
        real, reconstructions = (
            np.array([text != "" for text in context.texts]),
            context.folds[context.reconstruction_rows],
        )
        said = context.texts if real.any() else context.reconstruction_texts
        folds = context.folds if real.any() else reconstructions
        trigrams, reconstructed = (
            [hashed_trigrams(text) for text in texts] for texts in (said, context.reconstruction_texts)
        )
        per_fold = {
            int(fold): _counts([trigrams[i] for i in np.flatnonzero(folds == fold)]) for fold in np.unique(folds)
        }
        total = sum(per_fold.values(), np.zeros(BUCKETS))
        costs = {fold: _cost(total - counts) for fold, counts in per_fold.items()}
        tails = [
            np.quantile(
                [_bits(text, costs[int(fold)]) for text, fold in zip(texts, of, strict=True)], 1 - LANGUAGE_TAIL
            )
            for texts, of in ((trigrams, folds), (reconstructed, reconstructions))
            if texts
        ]
        maximum = float(max(tails))
        cost = _cost(total)

        def judge(candidates: Sequence[Candidate]) -> list[FilterOutcome]:
            scores = [_bits(hashed_trigrams(c.text), cost) for c in candidates]
            return [outcome(self.name, passed=s <= maximum, score=s) for s in scores]

        return FittedFilter(self.name, {"maximum_bits": maximum}, judge)


def hashed_trigrams(text: str) -> NDArray[np.int64]:
    """Return the places of a text's character trigrams, one per trigram, in order."""
    plain = _DIGIT.sub("0", " " + " ".join(text.casefold().split()) + " ")
    points = np.frombuffer(plain.encode("utf-32-le", errors="surrogatepass"), dtype=np.uint32).astype(np.uint64)
    if len(points) < 3:
        return np.empty(0, dtype=np.int64)
    code = (points[:-2] << np.uint64(42)) | (points[1:-1] << np.uint64(21)) | points[2:]  # 21 bits a character
    mixed = (code ^ (code >> np.uint64(31))) * np.uint64(0x9E3779B97F4A7C15)  # the golden ratio: Knuth's hash
    return (mixed >> np.uint64(44)).astype(np.int64)


def _counts(trigrams: list[NDArray[np.int64]]) -> NDArray[np.float64]:
    together = np.concatenate([np.empty(0, dtype=np.int64), *trigrams])
    return np.bincount(together, minlength=BUCKETS).astype(np.float64)


def _cost(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the bits of every trigram place."""
    cost: NDArray[np.float64] = math.log2(counts.sum() + SMOOTHING * BUCKETS) - np.log2(counts + SMOOTHING)
    return cost


def _bits(trigrams: NDArray[np.int64], cost: NDArray[np.float64]) -> float:
    """Return the mean cost; a text without any trigram costs as much as one never seen."""
    return float(cost[trigrams].mean()) if len(trigrams) else float(cost.max())
