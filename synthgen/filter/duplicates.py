"""Near-duplicates among the synthetic texts themselves."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from synthgen.core.errors import ConfigError
from synthgen.core.types import Candidate, FilterOutcome
from synthgen.filter.base import FilterContext, FittedFilter, outcome
from synthgen.filter.distance import latent_distances
from synthgen.filter.prompt_words import normalised_words

SHINGLE_WORDS = 3
LEAST_THRESHOLD = 0.3  # below it nearly every pair of texts would have to be compared


@dataclass(frozen=True, slots=True)
class NearDuplicates:
    """Of synthetic texts that are nearly the same keep the best, the one nearest to its latent.

        J(a, b) = |S(a) ∩ S(b)| / |S(a) ∪ S(b)|,   S = the set of 3-grams of normalised words

    Candidates are taken from the nearest to its latent to the farthest (ties by latent id, then index); one is
    dropped if its J with one kept before reaches the threshold. The result does not depend on the order they come in.

    Args:
        threshold: the Jaccard similarity from which two texts are the same, 0.3 to 1.

    Raises:
        ConfigError: if the threshold is below 0.3.

    Privacy: compares synthetic texts with each other alone.

    Source: exact prefix filtering after Bayardo, Ma & Srikant, "Scaling Up All Pairs Similarity Search" (WWW 2007)
        and Chaudhuri, Ganti & Kaushik (ICDE 2006): two sets with J ≥ t share one of their first n − ⌈t·n⌉ + 1 members
        in any common order; rarest first is the cheapest.
    """

    name: ClassVar[str] = "near_duplicate"
    threshold: float

    def __post_init__(self) -> None:
        if self.threshold < LEAST_THRESHOLD:
            raise ConfigError(
                "the configuration has 1 mistake",
                problems=[f"filter.near_duplicate: must be null or {LEAST_THRESHOLD} to 1, got {self.threshold:g}"],
            )

    def fit(self, context: FilterContext) -> FittedFilter:
        """Return it; the score is a candidate's largest similarity with one kept before it, 0 if none is near."""
        bounds = {"threshold": self.threshold}
        return FittedFilter(self.name, bounds, lambda candidates: self._judge(candidates, context))

    def _judge(self, candidates: Sequence[Candidate], context: FilterContext) -> list[FilterOutcome]:
        sets = [shingles(c.text) for c in candidates]
        spread = Counter(shingle for members in sets for shingle in members)
        distance = latent_distances(candidates, context)
        best_first = sorted(
            range(len(candidates)), key=lambda i: (distance[i], candidates[i].latent_id, candidates[i].index)
        )
        kept_with: dict[str, list[int]] = {}
        score = [0.0] * len(candidates)
        for i in best_first:
            prefix = _prefix(sets[i], spread, self.threshold)
            others = {j for shingle in prefix for j in kept_with.get(shingle, ())}
            score[i] = max((_jaccard(sets[i], sets[j]) for j in others), default=0.0)
            if score[i] < self.threshold:
                for shingle in prefix:
                    kept_with.setdefault(shingle, []).append(i)
        return [outcome(self.name, passed=s < self.threshold, score=s) for s in score]


def shingles(text: str) -> frozenset[str]:
    """Return the set of 3-grams of the normalised words; a shorter text is one shingle, an empty one none."""
    words = normalised_words(text)
    if not words:
        return frozenset()
    last = max(1, len(words) - SHINGLE_WORDS + 1)
    return frozenset(" ".join(words[i : i + SHINGLE_WORDS]) for i in range(last))


def _prefix(members: frozenset[str], spread: Mapping[str, int], threshold: float) -> list[str]:
    n = len(members)
    length = n - math.ceil(threshold * n - 1e-9) + 1 if n else 0
    return sorted(members, key=lambda shingle: (spread[shingle], shingle))[:length]


def _jaccard(a: frozenset[str], b: frozenset[str]) -> float:
    return len(a & b) / len(a | b)
