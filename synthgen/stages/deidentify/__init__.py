"""Deidentify: identifiers are found and replaced by surrogates before anything is embedded."""

from synthgen.stages.deidentify.deidentify import Deidentified, DeidentifyReport, deidentify, engine_digest
from synthgen.stages.deidentify.placeholders import with_placeholders
from synthgen.stages.deidentify.rules import RuleEngine
from synthgen.stages.deidentify.spans import Engine, Span

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
