"""Find identifiers and replace them by surrogates before any text is embedded."""

from synthgen.deidentify.deidentify import Deidentified, DeidentifyReport, deidentify, engine_digest
from synthgen.deidentify.engines import RuleEngine, with_placeholders
from synthgen.deidentify.spans import Engine, Span

__all__ = [
    "Deidentified",
    "DeidentifyReport",
    "Engine",
    "RuleEngine",
    "Span",
    "deidentify",
    "engine_digest",
    "with_placeholders",
]
