"""Find identifiers by the built-in rules or Presidio, and mask them in generated text."""

import hashlib
import importlib
import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from synthgen.core.digest import sha256_file
from synthgen.core.errors import DependencyError
from synthgen.deidentify.names import find_names
from synthgen.deidentify.patterns import find_dates, find_patterns
from synthgen.deidentify.spans import Span, read, without_overlaps


def find_identifiers(text: str, declared_names: Sequence[str]) -> list[Span]:
    """Return what patterns, dates and names identify, in text order and without overlaps.

    The rules take linear time and use no model. `declared_names` are names of the record's person, from the columns
    in `source.names`.
    """
    reading = read(text)
    dates = [Span(start, end, "date") for start, end in find_dates(reading.text)]
    names = find_names(reading.text, [read(name).text for name in declared_names])
    found = [reading.written(span) for span in (*find_patterns(reading.text), *dates, *names)]
    return without_overlaps(found, len(text))


# invented dates and ages identify no real person, and notes need them
_KEPT = {"age", "date"}


def with_placeholders(text: str) -> str:
    """Return a generated text with identifiers as placeholders, such as "Mr [NAME], MRN [RECORD NUMBER]".

    A language model invents identifiers, and readers cannot distinguish them from real ones. Masking also removes
    identifiers that the model repeats from training records.
    """
    names = [span for span in find_names(text, ()) if text[span.start - 1 : span.start] != "["]
    found = [*find_patterns(text), *(Span(*at, "date") for at in find_dates(text)), *names]
    for span in reversed(without_overlaps(found, len(text))):
        if span.kind not in _KEPT:
            text = f"{text[: span.start]}[{span.kind.replace('_', ' ').upper()}]{text[span.end :]}"
    return text


SPACY_MODELS = ("en_core_web_lg", "en_core_web_md", "en_core_web_sm")  # the first installed model is used
# minimum Presidio score: weak patterns score below it unless a context word is near; at .01, every number of eight
# digits would count as a driver's licence
LEAST_SCORE = 0.4
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
    "LOCATION": "place",
    **dict.fromkeys(
        ("MEDICAL_LICENSE", "US_DRIVER_LICENSE", "US_PASSPORT", "US_BANK_NUMBER", "US_ITIN"), "record_number"
    ),
}


class SpacyModel(NamedTuple):
    """An installed spaCy model: its package name and model folder."""

    name: str
    folder: Path

    def digest(self) -> str:
        """Return the SHA-256 of the paths and contents of the model files, as hex."""
        total = hashlib.sha256(self.name.encode())
        for path in sorted(p for p in self.folder.rglob("*") if p.is_file() and "__pycache__" not in p.parts):
            total.update(path.relative_to(self.folder).as_posix().encode() + b"\0" + bytes.fromhex(sha256_file(path)))
        return total.hexdigest()


def spacy_model() -> SpacyModel:
    """Return the first installed model of `SPACY_MODELS`, or raise DependencyError if there is none."""
    for name in SPACY_MODELS:
        found = importlib.util.find_spec(name)
        if found is not None and found.origin is not None:
            folders = sorted(path.parent for path in Path(found.origin).parent.glob("*/config.cfg"))
            if len(folders) == 1:
                return SpacyModel(name, folders[0])
    raise DependencyError(
        f"deidentify.engine presidio needs one of the spaCy models {', '.join(SPACY_MODELS)}",
        hint="Install one as a package, or set deidentify.engine to rules.",
    )


class PresidioEngine:
    """Find identifiers by the rules and by Presidio's English analyzer.

    The spaCy model is loaded from its folder and the domain list is the one shipped with tldextract, so neither
    library accesses the network. Raise DependencyError if Presidio or a spaCy model is not installed.
    """

    def __init__(self) -> None:
        try:
            analyzer = importlib.import_module("presidio_analyzer")
            nlp = importlib.import_module("presidio_analyzer.nlp_engine")
            recognizers = importlib.import_module("presidio_analyzer.predefined_recognizers")
            tldextract = importlib.import_module("tldextract")
        except ImportError as error:
            raise DependencyError(
                "deidentify.engine presidio needs the extra 'presidio', which is not installed",
                hint="pip install 'synthgen[presidio]', or set deidentify.engine to rules.",
            ) from error
        models = [{"lang_code": "en", "model_name": str(spacy_model().folder)}]
        settings = {"nlp_engine_name": "spacy", "models": models}
        engine = nlp.NlpEngineProvider(nlp_configuration=settings).create_engine()
        self._analyzer: Any = analyzer.AnalyzerEngine(
            nlp_engine=engine, supported_languages=["en"], default_score_threshold=LEAST_SCORE
        )
        domains = tldextract.TLDExtract(cache_dir=None, suffix_list_urls=())
        email = recognizers.EmailRecognizer()
        email.validate_result = lambda address: domains(address).fqdn != ""
        self._analyzer.registry.remove_recognizer("EmailRecognizer")
        self._analyzer.registry.add_recognizer(email)

    def find(self, text: str, declared_names: Sequence[str]) -> list[Span]:
        """Return the identifiers in text order and without overlaps; see `find_identifiers`."""
        reading = read(text)
        results = self._analyzer.analyze(text=reading.text, language="en")
        found = [Span(r.start, r.end, _KINDS.get(r.entity_type, "other")) for r in results if r.score >= LEAST_SCORE]
        return joined(find_identifiers(text, declared_names), [reading.written(span) for span in found])


def joined(rules: Sequence[Span], more: Sequence[Span]) -> list[Span]:
    """Return the spans of the rules, extended by overlapping spans of another engine, and its other spans.

    Overlapping spans are one identifier, so their union is replaced. A date keeps the span of the rules, because
    `shift_date` can shift that text.
    """
    kept = list(rules)
    for span in sorted(more, key=lambda s: (s.start, -s.end)):
        met = [own for own in kept if own.start < span.end and span.start < own.end]
        if not met:
            kept.append(span)
        elif span.kind != "date":
            start, end = min(s.start for s in (*met, span)), max(s.end for s in (*met, span))
            kept = [own for own in kept if own not in met] + [Span(start, end, met[0].kind)]
    return sorted(kept, key=lambda s: s.start)
