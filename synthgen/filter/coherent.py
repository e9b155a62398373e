"""Filter generated texts (candidates) by the number of contradictions in a text, such as two ages of one person."""

from collections.abc import Sequence
from functools import lru_cache

from synthgen.coherence import contradictions
from synthgen.core.types import Candidate, FilterOutcome
from synthgen.filter.base import FittedFilter, outcome

NAME = "coherent"
KNOWN_TEXTS = 1 << 17  # number of texts whose counts are remembered; each round of a run filters all texts again


@lru_cache(maxsize=KNOWN_TEXTS)
def count_contradictions(text: str) -> int:
    """Return the number of contradictions in a text."""
    return len(contradictions(text))


def coherence_filter(*, is_required: bool, counted: Sequence[int] | None = None) -> FittedFilter:
    """Return a filter whose score is −1 times the number of contradictions in a text; see `synthgen.coherence`.

    If `is_required`, a candidate with a contradiction is rejected. Otherwise, no candidate is rejected, but
    `chain.apply` prefers candidates with fewer contradictions. `counted` has the number of contradictions of each
    candidate; without it, the filter counts them.
    """

    def judge(candidates: Sequence[Candidate]) -> list[FilterOutcome]:
        counts = [count_contradictions(c.text) for c in candidates] if counted is None else counted
        pairs = zip(candidates, counts, strict=True)
        return [outcome(NAME, passed=n == 0 or not is_required, score=float(-n)) for _, n in pairs]

    return FittedFilter(NAME, {"required": float(is_required)}, judge)


def n_contradictions(candidate: Candidate) -> float:
    """Return the number of contradictions of a judged candidate; 0 if the filter is off."""
    return -sum(o.score for o in candidate.outcomes if o.name == NAME)
