"""Deidentify: identifiers give way to surrogates before any model sees the text."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from synthgen.core.seeds import SeedTree
from synthgen.core.types import Corpus
from synthgen.deidentify.config import DeidentifyConfig
from synthgen.deidentify.presidio import PresidioEngine, spacy_model
from synthgen.deidentify.reading import read
from synthgen.deidentify.rules import RuleEngine
from synthgen.deidentify.spans import Engine
from synthgen.deidentify.surrogates import Surrogates


@dataclass(frozen=True, slots=True, kw_only=True)
class DeidentifyReport:
    """What was replaced, in numbers.

    Args:
        engine: the engine used; "off" means that nothing was looked for.
        counts: identifiers replaced, by kind.
        n_records: records read.
        n_records_changed: records with at least one identifier.
    """

    engine: str
    counts: dict[str, int]
    n_records: int
    n_records_changed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Deidentified:
    """The corpus with surrogates, and what they stand for.

    Args:
        corpus: same ids, labels, groups and order.
        replaced: by record id, (kind, original) in the order of the text. It holds the real identifiers: it is kept
            in the workspace for the identifier audit, with mode 0600, and goes nowhere else.
        report: counts only.
    """

    corpus: Corpus
    replaced: dict[str, tuple[tuple[str, str], ...]]
    report: DeidentifyReport

    def __repr__(self) -> str:
        return f"Deidentified({self.corpus!r}, {sum(self.report.counts.values())} identifiers)"


def deidentify(
    corpus: Corpus, config: DeidentifyConfig, names: Mapping[str, Sequence[str]], seeds: SeedTree
) -> Deidentified:
    """Return the corpus with identifiers replaced by surrogates that are the same within a person.

    A name becomes the same name in all records of its person, dates of a person all move by the same number of
    days, ages over 89 become 90+, and other identifiers keep their form. What the rules miss stays in the text: the
    identifier audit looks for exactly that in what is released.

    Args:
        corpus: the source.
        config: which engine.
        names: names of persons by record id, from declared columns; a person's names count in all of its records.
        seeds: the stage's stream.

    Raises:
        DependencyError: if the engine's extra is not installed.

    Privacy: reads every text; `replaced` holds what was taken out. Records of one person only shape each other.
    Random: keyed hashes by person, kind and value; no draw depends on another person or on the order of records
        of other persons.
    Cost: linear in the length of the texts.
    """
    if config.engine == "off":
        report = DeidentifyReport(engine="off", counts={}, n_records=len(corpus), n_records_changed=0)
        return Deidentified(corpus=corpus, replaced={r.id: () for r in corpus.records}, report=report)
    engine = _engine(config)
    declared: dict[str, dict[str, None]] = defaultdict(dict)
    for record in corpus.records:
        declared[record.group] |= dict.fromkeys(read(name).text for name in names.get(record.id, ()))
    surrogates = {group: Surrogates(seeds, group, own) for group, own in declared.items()}
    records = []
    replaced: dict[str, tuple[tuple[str, str], ...]] = {}
    for record in corpus.records:
        own = tuple(declared[record.group])
        text, replaced[record.id] = _replace(record.text, engine, own, surrogates[record.group])
        records.append(replace(record, text=text))
    counts = Counter(kind for found in replaced.values() for kind, _ in found)
    report = DeidentifyReport(
        engine=config.engine,
        counts=dict(sorted(counts.items())),
        n_records=len(corpus),
        n_records_changed=sum(len(found) > 0 for found in replaced.values()),
    )
    return Deidentified(corpus=replace(corpus, records=tuple(records)), replaced=replaced, report=report)


def engine_digest(config: DeidentifyConfig) -> str | None:
    """Return the digest of the model that the engine reads with, or None for an engine without one.

    Raises:
        DependencyError: if the engine needs a model and none is installed.
    """
    return spacy_model().digest() if config.engine == "presidio" else None


def _engine(config: DeidentifyConfig) -> Engine:
    return PresidioEngine() if config.engine == "presidio" else RuleEngine()


def _replace(
    text: str, engine: Engine, names: Sequence[str], surrogates: Surrogates
) -> tuple[str, tuple[tuple[str, str], ...]]:
    """Return the text with surrogates, and the (kind, original) of each."""
    parts: list[str] = []
    found: list[tuple[str, str]] = []
    end = 0
    for span in engine.find(text, names):
        original = text[span.start : span.end]
        parts += [text[end : span.start], surrogates.replace(span.kind, read(original).text)]
        found.append((span.kind, original))
        end = span.end
    return "".join(parts) + text[end:], tuple(found)
