"""Whether a text tells of one person from its first paragraph to its last."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from synthgen.core.types import Candidate, FilterOutcome
from synthgen.stages.filter.base import FilterContext, outcome
from synthgen.stages.segment.coherence import contradicts

NAME = "consistent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Consistent:
    """Prefer, or keep alone, a candidate whose paragraphs do not contradict one another in age or sex.

    Off by default. Paragraphs are what empty lines part, so the sections of a long record. See `contradicts`.

    Args:
        is_required: whether a contradiction rejects; else it decides among the candidates of a latent.

    Privacy: reads the candidate's text alone.
    """

    is_required: bool

    @property
    def name(self) -> str:
        """As in outcomes."""
        return NAME

    def learn(self, context: FilterContext) -> Mapping[str, float]:  # noqa: ARG002 - part of the protocol
        """Return whether it rejects."""
        return {"required": float(self.is_required)}

    def judge(
        self,
        candidates: Sequence[Candidate],
        context: FilterContext,  # noqa: ARG002 - part of the protocol
        bounds: Mapping[str, float],  # noqa: ARG002 - there is nothing to compare with
    ) -> list[FilterOutcome]:
        """Return 1 for each text that does not contradict itself, else 0."""
        holds = [contradicts(c.text.split("\n\n")) is not True for c in candidates]
        return [outcome(NAME, passed=h or not self.is_required, score=float(h)) for h in holds]


def is_consistent(candidate: Candidate) -> bool:
    """Return whether a judged candidate does not contradict itself; true where nobody asked."""
    return all(o.score > 0 for o in candidate.outcomes if o.name == NAME)
