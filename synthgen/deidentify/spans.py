"""Define identifier spans, resolve overlaps and normalize texts before rules read them."""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import regex

from audits.text.name_lists import words

# of two overlapping spans, the kind listed first wins; within a kind, the longer span
KINDS = words(
    "email url iban card ssn nhs_number ip date record_number phone street place postal_code age name other"
)


@dataclass(frozen=True, slots=True)
class Span:
    """An identifier: characters start to end (exclusive) of a text, and its kind, one of `KINDS`."""

    start: int
    end: int
    kind: str


def without_overlaps(spans: Iterable[Span], length: int) -> list[Span]:
    """Return the spans that win over overlapping ones, in text order; `length` is the text length."""
    taken = bytearray(length)
    kept: list[Span] = []
    for span in sorted(spans, key=lambda s: (KINDS.index(s.kind), s.start - s.end, s.start)):
        if span.start < span.end and not any(taken[span.start : span.end]):
            taken[span.start : span.end] = b"\1" * (span.end - span.start)
            kept.append(span)
    return sorted(kept, key=lambda s: s.start)


# a character with its combining marks and the invisible characters that follow
_DRAWN = regex.compile(r".[\p{M}\p{Default_Ignorable_Code_Point}\p{Cf}]*", regex.S)
_UNSEEN = regex.compile(r"[\p{Default_Ignorable_Code_Point}\p{Cf}]+")
_DASHES = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u2043\u02d7\u30fc"


class Reading(NamedTuple):
    """A normalized text with the start and end of each character in the original text."""

    text: str
    starts: Sequence[int]
    ends: Sequence[int]

    def written(self, span: Span) -> Span:
        """Return the position of a span of the normalized text in the original text."""
        return Span(self.starts[span.start], self.ends[span.end - 1], span.kind)


def read(text: str) -> Reading:
    """Return a text in NFKC with ASCII digits and hyphens and without invisible characters.

    Accents are kept if they compose with their letter; other combining marks are removed.
    """
    if text.isascii():
        return Reading(text, range(len(text)), range(1, len(text) + 1))
    matches = [(_plain(match[0]), match.span()) for match in _DRAWN.finditer(text)]
    starts = [start for plain, (start, _) in matches for _ in plain]
    ends = [end for plain, (_, end) in matches for _ in plain]
    return Reading("".join(plain for plain, _ in matches), starts, ends)


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
