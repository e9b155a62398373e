"""Whether a text tells of one person from its first paragraph to its last."""

from collections.abc import Sequence

from synthgen.core.types import Candidate, FilterOutcome
from synthgen.filter.base import FittedFilter, outcome
from synthgen.segment.coherence import contradicts

NAME = "consistent"


def consistent(*, is_required: bool) -> FittedFilter:
    """Return the filter that prefers, or keeps alone, a candidate whose paragraphs tell one age and one sex.

    Off by default. Paragraphs are what empty lines part, so the sections of a long record. See `contradicts`. The
    score is 1 for a text that does not contradict itself, else 0.

    Args:
        is_required: whether a contradiction rejects; else it decides among the candidates of a latent.

    Privacy: reads the candidate's text alone.
    """

    def judge(candidates: Sequence[Candidate]) -> list[FilterOutcome]:
        holds = [contradicts(c.text.split("\n\n")) is not True for c in candidates]
        return [outcome(NAME, passed=h or not is_required, score=float(h)) for h in holds]

    return FittedFilter(NAME, {"required": float(is_required)}, judge)


def is_consistent(candidate: Candidate) -> bool:
    """Return whether a judged candidate does not contradict itself; true where nobody asked."""
    return all(o.score > 0 for o in candidate.outcomes if o.name == NAME)
