"""Where an identifier stands, what every engine does, and which of two overlapping finds counts."""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import regex

# where two finds overlap, the kind named first here wins; of one kind, the longer
KINDS = tuple(
    ("email url iban card ssn nhs_number ip date record_number phone street place postal_code age name other").split()
)


@dataclass(frozen=True, slots=True)
class Span:
    """One identifier: characters start to end (exclusive) of a text, and its kind, one of `KINDS`."""

    start: int
    end: int
    kind: str


class Engine(Protocol):
    """Finds the identifiers of a text."""

    def find(self, text: str, declared_names: Sequence[str]) -> list[Span]:
        """Return the identifiers in the order of the text, none overlapping another.

        Args:
            text: the text of a record.
            declared_names: names that columns of the source say belong to this record's person.
        """
        ...


def without_overlaps(spans: Iterable[Span], length: int) -> list[Span]:
    """Return the spans that count, in the order of the text; `length` is that of the text."""
    taken = bytearray(length)
    kept: list[Span] = []
    for span in sorted(spans, key=lambda s: (KINDS.index(s.kind), s.start - s.end, s.start)):
        if span.start < span.end and not any(taken[span.start : span.end]):
            taken[span.start : span.end] = b"\1" * (span.end - span.start)
            kept.append(span)
    return sorted(kept, key=lambda s: s.start)


# a character with the marks on it and what stands behind it and is drawn as nothing
_DRAWN = regex.compile(r".[\p{M}\p{Default_Ignorable_Code_Point}\p{Cf}]*", regex.S)
_UNSEEN = regex.compile(r"[\p{Default_Ignorable_Code_Point}\p{Cf}]+")
_DASHES = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u2043\u02d7\u30fc"


class Reading(NamedTuple):
    """A text as the rules read it, and for each of its characters those of the written text that it comes from."""

    text: str
    starts: Sequence[int]
    ends: Sequence[int]

    def written(self, span: Span) -> Span:
        """Return where a span of the reading stands in the written text."""
        return Span(self.starts[span.start], self.ends[span.end - 1], span.kind)


def read(text: str) -> Reading:
    """Return a text with digits of every script as 0 to 9, dashes as -, NFKC, and without what cannot be seen.

    Accents stay where they make a letter of their own, as in names; other marks go.
    """
    if text.isascii():
        return Reading(text, range(len(text)), range(1, len(text) + 1))
    parts: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    for match in _DRAWN.finditer(text):
        plain = _plain(match[0])
        parts.append(plain)
        starts += [match.start()] * len(plain)
        ends += [match.end()] * len(plain)
    return Reading("".join(parts), starts, ends)


def _plain(drawn: str) -> str:
    composed = unicodedata.normalize("NFKC", _UNSEEN.sub("", drawn))
    return "".join(_character(c) for c in composed if not unicodedata.category(c).startswith("M"))


def _character(character: str) -> str:
    if character.isascii():
        return character
    if character.isdecimal():
        return str(unicodedata.decimal(character))
    if character in _DASHES:
        return "-"
    return " " if unicodedata.category(character) == "Zs" else character
