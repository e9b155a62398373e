"""Find identifiers in texts by rules and a classifier, and replace identifiers in generated texts by placeholders.

The engine `rules` uses patterns and name lists; the engine `rules+ner` also uses the classifier.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from functools import partial

from audits.text.identifier_grammar import PROVINCES, STATES
from synthgen.core.errors import UsageError
from synthgen.deidentify.classifier import MODEL, Classifier
from synthgen.deidentify.dates import find_dates
from synthgen.deidentify.known_names import KnownNames
from synthgen.deidentify.names import find_names
from synthgen.deidentify.patterns import find_patterns
from synthgen.deidentify.spans import Span, read, without_overlaps
from synthgen.models.store import MANIFEST, store_folder

_EXTENDED = {"name", "place", "street"}  # kinds of spans that an overlapping span of the classifier can extend
# initials before a name, such as "A. N. " and "Z "; two capitals without stops ("AN ") only after "by", "Dr", "Mr" or
# "Ms"
_INITIALS = re.compile(r"(?<![\w.])(?:(?:[A-Z]\. ?){1,3}|[B-HJ-Z] |(?<=[Bb]y )[A-Z]{2} |(?<=[DM][rs] )[A-Z]{2} )$")
_ADDRESS_KINDS = {"place", "street", "postal_code"}  # kinds of spans that can be parts of one address
_REGION = rf"(?:{STATES}|{PROVINCES})"
_WITHIN_ADDRESS = re.compile(rf",? ?(?:{_REGION},? )?")  # text allowed between two parts of an address
_AFTER_TOWN = re.compile(rf", {_REGION}(?!\w)")  # state or province after a town
Find = Callable[[str, Sequence[str]], list[Span]]  # (text, names declared by the source) -> identifiers


def engine_of(engine: str) -> str:
    """Return `engine`, but replace `auto` by `rules+ner` if the model store has the classifier, else by `rules`."""
    if engine != "auto":
        return engine
    return "rules+ner" if (store_folder() / MODEL / MANIFEST).is_file() else "rules"


def finder(engine: str, known: KnownNames | None = None) -> Find:
    """Return the function by which an engine finds identifiers in a text.

    The arguments of this function are the text and the names that the source declares for the text's person. The
    function also finds the names in `known`.

    Raises:
        UsageError: the engine is unknown.
        DependencyError, ModelMissing, ModelError: the classifier cannot be loaded, see `Classifier`.
    """
    if (name := engine_of(engine)) not in {"rules", "rules+ner"}:
        raise UsageError(f"{engine!r} is not an engine for de-identification", hint="Use auto, rules or rules+ner.")
    if name == "rules":
        return partial(find_identifiers, known=known)
    classifier = Classifier()

    def find(text: str, declared_names: Sequence[str]) -> list[Span]:
        reading = read(text)  # the normalized text; `written` converts its spans to spans of `text`
        classified = [reading.written(span) for span in classifier.find(reading.text)]
        return _completed(joined(_by_rules(text, declared_names, known), classified), text)

    return find


def finder_of_generated(engine: str, names: Iterable[str]) -> Find:
    """Return the function that finds identifiers in generated text; with the engine `off`, it uses the rules.

    The function also finds `names`, the names that were replaced in the source. A language model can write such a
    name because its pretraining data contained the name, but a reader cannot distinguish this case from a leak.
    """
    return finder("rules" if engine == "off" else engine, KnownNames(names))


def joined(rules: Sequence[Span], classified: Sequence[Span]) -> list[Span]:
    """Return the spans of the rules, and the spans of the classifier that overlap with none of them.

    If a span of the classifier overlaps only with names, places or streets of the rules, the overlapping spans become
    one span.
    """
    kept = list(rules)
    for span in sorted(classified, key=lambda s: (s.start, -s.end)):
        met = [other for other in kept if other.start < span.end and span.start < other.end]
        if all(other.kind in _EXTENDED for other in met):
            start, end = min(s.start for s in (*met, span)), max(s.end for s in (*met, span))
            kept = [other for other in kept if other not in met]
            kept.append(Span(start, end, met[0].kind if met else span.kind))
    return sorted(kept, key=lambda s: s.start)


def find_identifiers(text: str, declared_names: Sequence[str], *, known: KnownNames | None = None) -> list[Span]:
    """Return the spans that the rules for patterns, dates and names find, in text order and without overlaps.

    The names in `known` and in `declared_names` (declared by the source for the text's person) are also found.
    """
    return _completed(_by_rules(text, declared_names, known), text)


def _by_rules(text: str, declared_names: Sequence[str], known: KnownNames | None) -> list[Span]:
    reading = read(text)
    dates = [Span(start, end, "date") for start, end in find_dates(reading.text)]
    names = find_names(reading.text, [read(name).text for name in declared_names])
    names += [] if known is None else known.find(reading.text)
    found = [reading.written(span) for span in (*find_patterns(reading.text), *dates, *names)]
    return without_overlaps(found, len(text))


def _completed(spans: Sequence[Span], text: str) -> list[Span]:
    # the span of a name is extended to the initials before the name; the parts of an address are joined
    named, end = list[Span](), 0
    for span in spans:
        initials = _INITIALS.search(text, max(end, span.start - 12), span.start) if span.kind == "name" else None
        named.append(Span(initials.start() if initials else span.start, span.end, span.kind))
        end = span.end
    return _joined_addresses(named, text)


def _joined_addresses(spans: Sequence[Span], text: str) -> list[Span]:
    # joins the parts of an address, with the state or province, to one span
    kept: list[Span] = []
    for span in spans:
        last = kept[-1] if kept and kept[-1].kind in _ADDRESS_KINDS and span.kind in _ADDRESS_KINDS else None
        if last is not None and _WITHIN_ADDRESS.fullmatch(text[last.end : span.start]):
            kept[-1] = Span(last.start, span.end, last.kind)
        else:
            kept.append(span)
    towns = [_AFTER_TOWN.match(text, span.end) if span.kind == "place" else None for span in kept]
    return [Span(s.start, town.end() if town else s.end, s.kind) for s, town in zip(kept, towns, strict=True)]


# kinds that get no placeholder: notes need ages and dates, and invented ages and dates identify no person
_KEPT = {"age", "date"}


def with_placeholders(text: str, find: Find = find_identifiers) -> str:
    """Return a generated text with placeholders for identifiers, such as "Mr [NAME], MRN [RECORD NUMBER]".

    A language model usually invents identifiers, but may also repeat identifiers of training records.
    """
    # text in square brackets is already a placeholder
    found = [s for s in find(text, ()) if text[s.start - 1 : s.start] != "[" or text[s.end : s.end + 1] != "]"]
    for span in reversed(found):
        if span.kind not in _KEPT:
            text = f"{text[: span.start]}[{span.kind.replace('_', ' ').upper()}]{text[span.end :]}"
    return text
