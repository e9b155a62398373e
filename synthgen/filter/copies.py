"""Reject generated texts that copy a long passage from one train person, and near-duplicates of generated texts."""

import hashlib
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from synthgen.core.errors import ConfigError
from synthgen.core.types import Candidate, FilterOutcome
from synthgen.filter.base import FilterContext, FittedFilter, outcome, scored
from synthgen.filter.distance import latent_distances

# Number of words of a run, a sequence of words that counts as copied if it occurs in the texts of exactly one train
# person (its owner). In a test with 900 persons, no unrelated abstract shared more than 18 consecutive words with
# exactly one of them.
COPY_RUN_TOKENS = 20
NOBODY = -1  # owner of a run that occurs in no train text or in texts of several persons
SHINGLE_WORDS = 3  # number of words of a shingle, the n-gram by which generated texts are compared
MIN_THRESHOLD = 0.3  # lower limit of `NearDuplicates.threshold`; below it, nearly all pairs would have to be compared
_WORD, _NUMBER = re.compile(r"\w+"), re.compile(r"\d+")


def normalised_words(text: str) -> list[str]:
    r"""Return the words (`\w+`) of the text after NFKC, casefolding and removal of invisible format characters."""
    if not text.isascii():
        plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
        text = "".join(c for c in plain if unicodedata.category(c) != "Cf")
    return _WORD.findall(text.lower())


def mask_numbers(words: list[str]) -> list[str]:
    """Return the words with every number replaced by 0 and repeated zeros merged: "bp 120 80 dose2" -> "bp 0 dose0".

    A copy with changed numbers then equals its source. A table of numbers becomes too short to count as a copy.
    """
    masked: list[str] = []
    for word in words:
        new = _NUMBER.sub("0", word)
        if new != "0" or not masked or masked[-1] != "0":
            masked.append(new)
    return masked


@dataclass(frozen=True, slots=True)
class NoCopies:
    """Reject a candidate with 20 or more consecutive words that occur in the texts of exactly one train person.

    A candidate is a generated text. Normalised words are compared twice: with their digits, and with every number
    replaced by 0, which finds copies with changed numbers. Runs of 20 words are compared by 64-bit hashes.

    Privacy: reads train texts and persons. Each rejection can help a membership attack, because unusually few texts
        near a person can show that the person is in train. If more than a few of a thousand candidates are rejected,
        the decoder memorises; do not release the records of such a run.
    """

    name: ClassVar[str] = "copy"

    def fit(self, context: FilterContext) -> FittedFilter:
        """Return the filter; the score is the number of words of the longest copied passage, 0 without a copy."""
        real = [normalised_words(text) for text in context.texts]
        masked_real = [mask_numbers(words) for words in real]

        def longest(candidates: Sequence[Candidate]) -> NDArray[np.int64]:
            written = [normalised_words(c.text) for c in candidates]
            masked = _longest_runs([mask_numbers(words) for words in written], masked_real, context.groups)
            return np.maximum(_longest_runs(written, real, context.groups), masked)

        return scored(self.name, {"run_words": float(COPY_RUN_TOKENS)}, longest, high=0)


def _longest_runs(written: list[list[str]], real: list[list[str]], owners: NDArray[np.int64]) -> NDArray[np.int64]:
    # returns the number of words of the longest copied passage (adjacent runs of one owner) in each written text
    word_hashes: dict[str, int] = {}
    run_hashes = [_run_hashes(words, word_hashes) for words in real]
    all_hashes = np.concatenate([np.empty(0, dtype=np.uint64), *run_hashes])
    owner_of_run = np.repeat(owners, [len(g) for g in run_hashes]).astype(np.int64)
    order = np.lexsort((owner_of_run, all_hashes))
    hashes, first, counts = np.unique(all_hashes[order], return_index=True, return_counts=True)
    first_owner, last_owner = owner_of_run[order][first], owner_of_run[order][first + counts - 1]
    owner = np.where(first_owner == last_owner, first_owner, NOBODY)
    longest = np.zeros(len(written), dtype=np.int64)
    for i, words in enumerate(written):
        written_hashes = _run_hashes(words, word_hashes)
        place = np.searchsorted(hashes, written_hashes)
        place[place == len(hashes)] = 0
        run_owners = (
            np.where(hashes[place] == written_hashes, owner[place], NOBODY)
            if len(hashes)
            else np.full(len(written_hashes), NOBODY)
        )
        longest[i] = _longest_stretch(run_owners)
    return longest


def _run_hashes(words: list[str], word_hashes: dict[str, int]) -> NDArray[np.uint64]:
    """Return a polynomial hash of every run of a text, uint64 (runs,); `word_hashes` caches the hash of each word."""
    for word in words:
        if word not in word_hashes:
            word_hashes[word] = int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest(), "big")
    n_runs = max(0, len(words) - COPY_RUN_TOKENS + 1)
    of_words = np.array([word_hashes[word] for word in words], dtype=np.uint64)
    runs = np.zeros(n_runs, dtype=np.uint64)
    for j in range(COPY_RUN_TOKENS):
        # the factor is an odd number near 2^64 / golden ratio; sums and products are taken modulo 2^64
        runs = runs * np.uint64(0x9E3779B97F4A7C15) + of_words[j : j + n_runs]
    return runs


def _longest_stretch(owners: NDArray[np.int64]) -> int:
    # `owners` are the owners of the runs of a text, in text order; adjacent runs of one owner are one copy
    best = length = 0
    previous = NOBODY
    for owner in owners.tolist():
        length = 0 if owner == NOBODY else length + 1 if owner == previous else 1
        previous = owner
        best = max(best, length)
    return best + COPY_RUN_TOKENS - 1 if best else 0


@dataclass(frozen=True, slots=True)
class NearDuplicates:
    """Keep only one of several nearly equal candidates: the one with the smallest cosine distance to its latent.

        J(a, b) = |S(a) ∩ S(b)| / |S(a) ∪ S(b)|,   S = the set of 3-grams of normalised words

    The latent of a candidate is the vector from which it was written. Candidates are visited in order of increasing
    distance to their latent (ties: latent id, index). A candidate is rejected if its similarity J to a candidate that
    this filter has accepted before is at least `threshold` (0.3 to 1). The filter ignores the outcomes of all other
    filters, and reads no train record.

    Reference: exact prefix filtering after Bayardo, Ma & Srikant, "Scaling Up All Pairs Similarity Search" (WWW 2007)
        and Chaudhuri, Ganti & Kaushik (ICDE 2006). All sets are sorted in one order, rare members first. For the
        threshold t, the prefix of a set of n members is its first n − ⌈t·n⌉ + 1 members. Two sets with J ≥ t have a
        common member in their prefixes, so only such pairs are compared.
    """

    name: ClassVar[str] = "near_duplicate"
    threshold: float

    def __post_init__(self) -> None:
        if self.threshold < MIN_THRESHOLD:
            raise ConfigError(
                "the configuration has 1 mistake",
                problems=[f"filter.near_duplicate: must be null or {MIN_THRESHOLD} to 1, got {self.threshold:g}"],
            )

    def fit(self, context: FilterContext) -> FittedFilter:
        """Return the filter, whose score is the largest similarity to a candidate that was accepted before, or 0.

        Similarities that are certainly below the threshold are not computed and do not count in the score.
        """
        bounds = {"threshold": self.threshold}
        return FittedFilter(self.name, bounds, lambda candidates: self._judge(candidates, context))

    def _judge(self, candidates: Sequence[Candidate], context: FilterContext) -> list[FilterOutcome]:
        sets = [shingles(c.text) for c in candidates]
        n_texts_with = Counter(shingle for members in sets for shingle in members)
        ranks = [
            (d, c.latent_id, c.index) for d, c in zip(latent_distances(candidates, context), candidates, strict=True)
        ]
        kept_with: dict[str, list[int]] = {}  # shingle -> accepted candidates that have the shingle in their prefix
        score = [0.0] * len(candidates)
        for i in sorted(range(len(candidates)), key=ranks.__getitem__):
            prefix = _prefix(sets[i], n_texts_with, self.threshold)
            others = {j for shingle in prefix for j in kept_with.get(shingle, ())}
            score[i] = max((len(sets[i] & sets[j]) / len(sets[i] | sets[j]) for j in others), default=0.0)
            if score[i] < self.threshold:
                for shingle in prefix:
                    kept_with.setdefault(shingle, []).append(i)
        return [outcome(self.name, passed=s < self.threshold, score=s) for s in score]


def shingles(text: str) -> frozenset[str]:
    """Return the set of 3-grams of the normalised words; a text of one or two words is one shingle."""
    words = normalised_words(text)
    n_shingles = max(min(1, len(words)), len(words) - SHINGLE_WORDS + 1)
    return frozenset(" ".join(words[i : i + SHINGLE_WORDS]) for i in range(n_shingles))


def _prefix(members: frozenset[str], n_texts_with: Mapping[str, int], threshold: float) -> list[str]:
    # 1e-9 is above the rounding error of the product, so the prefix is never too short
    length = len(members) - math.ceil(threshold * len(members) - 1e-9) + 1
    return sorted(members, key=lambda shingle: (n_texts_with[shingle], shingle))[:length]
