"""Find contradictions within the text of one record, by rules for English clinical notes."""

from synthgen.coherence.contradiction import Contradiction
from synthgen.coherence.measure import RULES, Coherence, coherence, contradictions

__all__ = ["RULES", "Coherence", "Contradiction", "coherence", "contradictions"]
