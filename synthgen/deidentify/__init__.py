"""Deidentify: identifiers are found and replaced by surrogates before anything is embedded."""

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
