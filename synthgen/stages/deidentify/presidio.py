"""The engine of the Presidio library, for sites that have it and a spaCy model installed."""

import importlib
import importlib.util
from collections.abc import Sequence
from typing import Any

from synthgen.core.errors import DependencyError
from synthgen.stages.deidentify.names import find_names
from synthgen.stages.deidentify.spans import Span, without_overlaps

SPACY_MODELS = ("en_core_web_lg", "en_core_web_md", "en_core_web_sm")  # the first one installed is used
_KINDS = {
    "PERSON": "name",
    "EMAIL_ADDRESS": "email",
    "URL": "url",
    "PHONE_NUMBER": "phone",
    "DATE_TIME": "date",
    "CREDIT_CARD": "card",
    "IBAN_CODE": "iban",
    "US_SSN": "ssn",
    "UK_NHS": "nhs_number",
    "IP_ADDRESS": "ip",
    "MEDICAL_LICENSE": "record_number",
    "US_DRIVER_LICENSE": "record_number",
    "US_PASSPORT": "record_number",
    "US_BANK_NUMBER": "record_number",
    "US_ITIN": "record_number",
    "LOCATION": "place",
}


class PresidioEngine:
    """Finds identifiers with Presidio's English analyzer, and the declared names as the rules do.

    Raises:
        DependencyError: if the library, or a spaCy model for it, is not installed. Nothing is downloaded.
    """

    def __init__(self) -> None:
        try:
            analyzer = importlib.import_module("presidio_analyzer")
            nlp = importlib.import_module("presidio_analyzer.nlp_engine")
        except ImportError as error:
            raise DependencyError(
                "deidentify.engine presidio needs the extra 'presidio', which is not installed",
                hint="pip install 'synthgen[presidio]', or set deidentify.engine to rules.",
            ) from error
        # presidio would fetch a missing model from the network by itself
        model = next((m for m in SPACY_MODELS if importlib.util.find_spec(m) is not None), None)
        if model is None:
            raise DependencyError(
                f"deidentify.engine presidio needs one of the spaCy models {', '.join(SPACY_MODELS)}",
                hint="Install one as a package, or set deidentify.engine to rules.",
            )
        settings = {"nlp_engine_name": "spacy", "models": [{"lang_code": "en", "model_name": model}]}
        engine = nlp.NlpEngineProvider(nlp_configuration=settings).create_engine()
        self._analyzer: Any = analyzer.AnalyzerEngine(nlp_engine=engine, supported_languages=["en"])

    def find(self, text: str, declared_names: Sequence[str]) -> list[Span]:
        """Return the identifiers in the order of the text, none overlapping another."""
        results = self._analyzer.analyze(text=text, language="en")
        spans = [Span(r.start, r.end, _KINDS.get(r.entity_type, "other")) for r in results]
        return without_overlaps([*spans, *find_names(text, declared_names)], len(text))
