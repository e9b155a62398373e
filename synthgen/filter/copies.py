"""The copy rule: the only rule that compares with train records to drop something."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from synthgen.core.types import Candidate, FilterOutcome
from synthgen.filter.base import FilterContext, FittedFilter, outcome
from synthgen.filter.prompt_words import mask_numbers, normalised_words

# Unrelated abstracts share person-unique runs of at most 18 tokens with 900 others (median of the longest: 14), so
# a run of 20 is beyond chance; ordinary boilerplate stands in several persons' texts and is nobody's.
COPY_RUN_TOKENS = 20
NOBODY = -1
Grams = tuple[NDArray[np.uint64], NDArray[np.int64]]


@dataclass(frozen=True, slots=True)
class NoCopies:
    """Drop a candidate that repeats a run of at least 20 words which stands in exactly one train person's text.

    Words are normalised, and compared once with digits and once with every number as 0, so a copy with its figures
    changed is a copy still. Always on, not configurable, and counted in the run's report, because dropping by
    comparison with train is what no other filter may do: the rule is deterministic and public, it fires on verbatim
    text alone, and what it removes would otherwise be a disclosure.

    Privacy: reads train texts and persons. Its effect on membership attacks is bounded by its count; a count above a
        few in a thousand means the decoder memorises and the release should not be made.

    Cost: O(N log N) in the words of train; runs are found by 64-bit hashes of 20 words, so two different runs are
        taken for the same with probability 2^-64 each.
    """

    name: ClassVar[str] = "copy"

    def fit(self, context: FilterContext) -> FittedFilter:
        """Return it with the words from which a run is a copy; the score is the longest copied run in words, or 0."""
        real = [normalised_words(text) for text in context.texts]
        masked_real = [mask_numbers(words) for words in real]

        def judge(candidates: Sequence[Candidate]) -> list[FilterOutcome]:
            written = [normalised_words(c.text) for c in candidates]
            masked = _longest_runs([mask_numbers(words) for words in written], masked_real, context.groups)
            longest = np.maximum(_longest_runs(written, real, context.groups), masked)
            return [outcome(self.name, passed=n == 0, score=n) for n in longest.tolist()]

        return FittedFilter(self.name, {"run_words": float(COPY_RUN_TOKENS)}, judge)


def _longest_runs(written: list[list[str]], real: list[list[str]], owners: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return for each written text its longest run of at least the limit that exactly one owner's texts hold."""
    numbers: dict[str, int] = {}
    hashes, owner = _owned(real, owners, numbers)
    longest = np.zeros(len(written), dtype=np.int64)
    for i, words in enumerate(written):
        grams = _grams(words, numbers)
        place = np.searchsorted(hashes, grams)
        place[place == len(hashes)] = 0
        found = np.full(len(grams), NOBODY)
        if len(hashes):
            found = np.where(hashes[place] == grams, owner[place], NOBODY)
        longest[i] = _longest_stretch(found)
    return longest


def _owned(real: list[list[str]], owners: NDArray[np.int64], numbers: dict[str, int]) -> Grams:
    """Return the sorted different runs of the real texts, and the owner of each, NOBODY where there are several."""
    grams = [_grams(words, numbers) for words in real]
    together = np.concatenate([np.empty(0, dtype=np.uint64), *grams])
    of = np.repeat(owners, [len(g) for g in grams]).astype(np.int64)
    order = np.lexsort((of, together))
    together, of = together[order], of[order]
    first = np.flatnonzero(np.concatenate([[True], together[1:] != together[:-1]])) if len(together) else of[:0]
    last = np.concatenate([first[1:] - 1, [len(together) - 1]]).astype(np.int64) if len(together) else of[:0]
    return together[first], np.where(of[first] == of[last], of[first], NOBODY)


def _grams(words: list[str], numbers: dict[str, int]) -> NDArray[np.uint64]:
    """Return the hash of every run of the limit's length: Σ h(word_j)·B^(n−1−j) modulo 2^64."""
    for word in words:
        if word not in numbers:
            numbers[word] = int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest(), "big")
    n_runs = len(words) - COPY_RUN_TOKENS + 1
    if n_runs <= 0:
        return np.empty(0, dtype=np.uint64)
    of_words = np.array([numbers[word] for word in words], dtype=np.uint64)
    runs = np.zeros(n_runs, dtype=np.uint64)
    for j in range(COPY_RUN_TOKENS):
        runs = runs * np.uint64(0x9E3779B97F4A7C15) + of_words[j : j + n_runs]
    return runs


def _longest_stretch(found: NDArray[np.int64]) -> int:
    """Return the words of the longest stretch of neighbouring runs of one owner, 0 if nobody owns any."""
    best = length = 0
    previous = NOBODY
    for owner in found.tolist():
        length = 0 if owner == NOBODY else length + 1 if owner == previous else 1
        previous = owner
        best = max(best, length)
    return best + COPY_RUN_TOKENS - 1 if best else 0
