"""Find identifiers and replace them by surrogates before any text is embedded."""

from synthgen.deidentify.deidentify import deidentify, engine_digest
from synthgen.deidentify.engines import finder_of_generated, with_placeholders

__all__ = ["deidentify", "engine_digest", "finder_of_generated", "with_placeholders"]
