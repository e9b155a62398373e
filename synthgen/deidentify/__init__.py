"""Deidentify: identifiers are found and replaced by surrogates before anything is embedded."""

from synthgen.deidentify.deidentify import Deidentified, DeidentifyReport, deidentify
from synthgen.deidentify.rules import Rules
from synthgen.deidentify.spans import Engine, Span

__all__ = ["Deidentified", "DeidentifyReport", "Engine", "Rules", "Span", "deidentify"]
