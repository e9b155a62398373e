"""Filter candidates by properties of the text alone: letters, length, repetition, fluency, language and legibility.

A candidate is a generated text. Each filter computes a score of a candidate, and keeps the candidate if the score
is within limits. Some limits are configured; `Length`, `Language` and `Legible` learn limits from train texts. No
filter compares a candidate with single train records. A trigram is a sequence of three consecutive characters.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from audits.core.errors import NotMeasurable
from synthgen.core.types import Candidate
from synthgen.filter.base import FilterContext, FittedFilter, scored

TAIL = 0.01  # share of train texts beyond each of the two limits that `Length` learns
LANGUAGE_TAIL = 0.005  # share of texts above each of the two quantiles from which `Language` learns its limit
MAX_TOKENS_PER_WORD = 3  # largest usual number of tokens per word; plain English has 1.3
BUCKETS = 1 << 20  # number of buckets into which character trigrams are hashed
SMOOTHING = 0.01  # α in `Language`: added to the count of each bucket
_DIGIT = re.compile(r"\d")
_LETTER = re.compile(r"[^\W\d_]")
# a filter that keeps every candidate with at least one letter
NOT_EMPTY = scored("empty", {"letters": 1.0}, lambda cs: [float(bool(_LETTER.search(c.text))) for c in cs], low=1)


@dataclass(frozen=True, slots=True)
class Length:
    """Keep a candidate whose number of words (separated by white space) is within `bounds`, including both limits.

    With `auto`, the limits are the 1 % quantile (at least 1) and the 99 % quantile of the numbers of words in train
    texts. A word can have 3 tokens, so the decoder can cut a text after ⌊max_new_tokens / 3⌋ words. Therefore, for
    the lower limit, longer train texts count as texts of this length.
    """

    name: ClassVar[str] = "length"
    bounds: Literal["auto"] | tuple[int, int] = "auto"

    def fit(self, context: FilterContext) -> FittedFilter:
        """Return the filter, whose score is the number of words of a text."""
        low, high = _usual_words(context) if self.bounds == "auto" else map(float, self.bounds)
        reasons = ("length_short", "length_long")
        bounds = {"low": low, "high": high}
        return scored(self.name, bounds, lambda cs: [len(c.text.split()) for c in cs], **bounds, reasons=reasons)


def _usual_words(context: FilterContext) -> tuple[float, float]:
    words = np.array([len(text.split()) for text in context.texts])
    words_before_cut = context.max_new_tokens // MAX_TOKENS_PER_WORD
    low = np.quantile(np.minimum(words, words_before_cut), TAIL, method="lower")
    return float(max(low, 1)), float(np.quantile(words, 1 - TAIL, method="higher"))


@dataclass(frozen=True, slots=True)
class Repetition:
    """Keep a candidate whose `repeated_share` is at most `maximum`, 0 to 1."""

    name: ClassVar[str] = "repetition"
    maximum: float

    def fit(self, context: FilterContext) -> FittedFilter:
        """Return the filter, whose score is the `repeated_share` of a text."""
        shares = np.array([repeated_share(text) for text in context.texts])
        bounds = {"maximum": self.maximum, "share_of_real_kept": float((shares <= self.maximum).mean())}
        return scored(self.name, bounds, lambda cs: [repeated_share(c.text) for c in cs], high=self.maximum)


def repeated_share(text: str) -> float:
    """Return the share of a text's word 4-grams that repeat an earlier 4-gram, ignoring case; 0 without 4-grams."""
    words = text.casefold().split()
    grams = list(zip(words, words[1:], words[2:], words[3:], strict=False))
    return 1 - len(set(grams)) / len(grams) if grams else 0.0


def fluency_filter(maximum: float) -> FittedFilter:
    """Return a filter that keeps a candidate whose `surprisal` is at most `maximum`, 0 to 1.

    The surprisal is −ln p of a token under the language model, averaged over the tokens of the text and divided by
    the value for random guesses. It is about 0.2 to 0.3 for a trained model, and near 1 if the model is untrained or
    its weights are damaged. In a text of several segments, the segment with the highest surprisal decides.
    """
    return scored("fluency", {"maximum": maximum}, lambda cs: [c.surprisal for c in cs], high=maximum)


@dataclass(frozen=True, slots=True)
class Language:
    """Keep a candidate that is in the language and script of the source and is not gibberish.

    The filter counts the character trigrams of the train texts (in lower case, digits as 0, hashed into 2^20
    buckets). The score of a text is the mean surprisal of its T trigrams under these counts, in bits per trigram:

        score = −1/T · Σ_t log2((count(t) + α) / (N + α · 2^20)),   α = 0.01

    Here count(t) is the count of the bucket of trigram t, and N the sum of all counts.

    The limit is the larger of two 99.5 % quantiles: of the scores of train texts, and of the scores of
    reconstructions (texts decoded from the vectors of train records). Reconstructions are used because a decoder
    writes plain prose even if the source is in shorthand. For the quantiles, each text is scored by counts that omit
    the fold (a group of train persons) of its person. Under DP, all train texts are empty, so the trigrams of
    reconstructions are counted instead.

    Reference: n-gram profiles are from Cavnar & Trenkle, "N-Gram-Based Text Categorization" (SDAIR 1994). This filter
        uses a cross entropy as the score, whereas that paper uses a distance of ranks.
    """

    name: ClassVar[str] = "language"

    def fit(self, context: FilterContext) -> FittedFilter:
        """Return the filter, whose score is the mean surprisal in bits per trigram."""
        reconstruction_folds = context.folds[context.reconstruction_rows]
        has_text = any(text != "" for text in context.texts)
        profiled = context.texts if has_text else context.reconstruction_texts
        folds = context.folds if has_text else reconstruction_folds
        trigrams = [hashed_trigrams(text) for text in profiled]
        reconstructed = [hashed_trigrams(text) for text in context.reconstruction_texts]
        per_fold = {
            int(fold): _counts([trigrams[i] for i in np.flatnonzero(folds == fold)]) for fold in np.unique(folds)
        }
        total = sum(per_fold.values(), np.zeros(BUCKETS))
        costs = {fold: _cost(total - counts) for fold, counts in per_fold.items()}

        def quantile(texts: list[NDArray[np.int64]], fold_of_text: NDArray[np.int64]) -> float:
            bits = [_bits(text, costs[int(fold)]) for text, fold in zip(texts, fold_of_text, strict=True)]
            return float(np.quantile(bits, 1 - LANGUAGE_TAIL))

        maximum = max(
            quantile(t, fold_of_text)
            for t, fold_of_text in ((trigrams, folds), (reconstructed, reconstruction_folds))
            if t
        )
        bounds, cost = {"maximum_bits": maximum}, _cost(total)
        return scored(self.name, bounds, lambda cs: [_bits(hashed_trigrams(c.text), cost) for c in cs], high=maximum)


@dataclass(frozen=True, slots=True)
class Legible:
    """Keep a candidate that is legible: its trigrams are about as common as the trigrams of train texts.

    The audits refuse a table in which more than 1 % of the rows are illegible, such as rows of abbreviations, numbers
    or codes. The filter applies the audits' test (`audits.text.legibility`). The test learns trigrams from half of
    the train texts, and its limit from the other half. The halves are the folds (groups of train persons) with even
    and with odd numbers. The filter rejects nothing if a half contains no text, as under DP, or if the test cannot
    distinguish real texts from texts with scrambled words.

    Randomness: the words are scrambled with the child "legibility" of `FilterContext.seeds`.
    """

    name: ClassVar[str] = "legibility"

    def fit(self, context: FilterContext) -> FittedFilter:
        """Return the filter, whose score is 1 for an illegible text and 0 for a legible text."""
        is_even = context.folds % 2 == 0
        fitted, held_out = (
            [text for text, in_half in zip(context.texts, half, strict=True) if in_half and text]
            for half in (is_even, ~is_even)
        )

        def scores(candidates: Sequence[Candidate]) -> list[float]:
            from audits.text.legibility import legibility  # a slow import: it loads the tables of UTS #39

            rng = context.seeds.child(self.name).generator()
            if not (fitted and held_out):
                return [0.0] * len(candidates)
            try:
                illegible = legibility([c.text for c in candidates], fitted, held_out, rng).illegible
            except NotMeasurable:
                return [0.0] * len(candidates)
            return [float(is_illegible) for is_illegible in illegible]

        return scored(self.name, {}, scores, high=0)


def hashed_trigrams(text: str) -> NDArray[np.int64]:
    """Return the buckets of the trigrams of a text (in lower case, digits as 0), in text order, int64 (trigrams,)."""
    plain = _DIGIT.sub("0", " " + " ".join(text.casefold().split()) + " ")
    points = np.frombuffer(plain.encode("utf-32-le", errors="surrogatepass"), dtype=np.uint32).astype(np.uint64)
    if len(points) < 3:
        return np.empty(0, dtype=np.int64)
    code = (points[:-2] << np.uint64(42)) | (points[1:-1] << np.uint64(21)) | points[2:]  # 21 bits a character
    mixed = (code ^ (code >> np.uint64(31))) * np.uint64(0x9E3779B97F4A7C15)  # Knuth's hash by the golden ratio
    return (mixed >> np.uint64(44)).astype(np.int64)  # the upper 20 bits: a number below `BUCKETS`


def _counts(trigrams: list[NDArray[np.int64]]) -> NDArray[np.float64]:
    return np.bincount(np.concatenate(trigrams), minlength=BUCKETS).astype(np.float64)


def _cost(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    # returns the surprisal of each bucket, in bits
    return np.asarray(math.log2(counts.sum() + SMOOTHING * BUCKETS) - np.log2(counts + SMOOTHING))


def _bits(trigrams: NDArray[np.int64], cost: NDArray[np.float64]) -> float:
    # returns the mean surprisal of the trigrams, in bits; without trigrams, the largest surprisal of a bucket
    return float(cost[trigrams].mean()) if len(trigrams) else float(cost.max())
