"""Define the span of an identifier, remove overlapping spans, and normalize texts before rules search them."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import regex

from audits.text.name_lists import split_list

# Kinds of identifiers. Of two overlapping spans, the one whose kind comes first here is kept; if the kinds are equal,
# the longer one.
_KINDS = "email url iban card ssn nhs_number ip street date phone record_number place postal_code age name other"
KINDS = split_list(_KINDS)


@dataclass(frozen=True, slots=True)
class Span:
    """An identifier in a text: `text[start:end]`, and its kind (one of `KINDS`)."""

    start: int
    end: int
    kind: str


def without_overlaps(spans: Iterable[Span], length: int) -> list[Span]:
    """Return the spans in text order and without overlaps (see `KINDS`); `length` is the number of characters."""
    taken = bytearray(length)
    kept: list[Span] = []
    for span in sorted(spans, key=lambda s: (KINDS.index(s.kind), s.start - s.end, s.start)):
        if span.start < span.end and not any(taken[span.start : span.end]):
            taken[span.start : span.end] = b"\1" * (span.end - span.start)
            kept.append(span)
    return sorted(kept, key=lambda s: s.start)


# a character with the combining marks and invisible characters after it
_VISIBLE = regex.compile(r".[\p{M}\p{Default_Ignorable_Code_Point}\p{Cf}]*", regex.S)
_INVISIBLE = regex.compile(r"[\p{Default_Ignorable_Code_Point}\p{Cf}]+")
MAX_WORD_CHARACTERS = 1000  # longer words are shortened, see `read`
_LONG_WORD = re.compile(rf"\w{{{MAX_WORD_CHARACTERS + 1},}}")
_GAP = re.compile(r"[ \t\r\f\v]*\n\s*|[ \t\r\f\v]{2,}|[\t\r\f\v]")  # white space except a single space
_FIRST_WORD = re.compile(r"\S+")
_MIN_WIDTH, _MAX_WIDTH = 40, 100  # a text whose longest line has 40 to 100 characters is treated as wrapped
_DASHES = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u2043\u02d7\u30fc"  # characters that are read as a hyphen


class Reading(NamedTuple):
    """A normalized text; its character i stands for the characters `starts[i]` to `ends[i] - 1` of the original."""

    text: str
    starts: Sequence[int]
    ends: Sequence[int]

    def written(self, span: Span) -> Span:
        """Return a span of the normalized text as a span of the original text."""
        return Span(self.starts[span.start], self.ends[span.end - 1], span.kind)


def read(text: str) -> Reading:
    """Return a text in the Unicode form NFKC, with ASCII digits and hyphens and without invisible characters.

    - A combining mark is removed if Unicode has no single character for the letter with this mark.
    - White space becomes one line break if it contains the end of a line, and otherwise one space.
    - A line break becomes a space if it only wraps the text, that is, if the next word did not fit into the line.
    - The middle of a word of more than `MAX_WORD_CHARACTERS` characters is removed; identifiers can be at both ends.
    """
    plain: str
    starts: Sequence[int]
    ends: Sequence[int]
    if text.isascii():
        plain, starts, ends = text, range(len(text)), range(1, len(text) + 1)
    else:
        matches = [(_plain(match[0]), match.span()) for match in _VISIBLE.finditer(text)]
        starts = [start for shown, (start, _) in matches for _ in shown]
        ends = [end for shown, (_, end) in matches for _ in shown]
        plain = "".join(shown for shown, _ in matches)
    return _unwrapped(_without_middles(Reading(plain, starts, ends)))


def _without_middles(reading: Reading) -> Reading:
    long_words = list(_LONG_WORD.finditer(reading.text))
    if not long_words:
        return reading
    kept: list[int] = []
    done = 0
    for word in long_words:
        kept += range(done, word.start() + MAX_WORD_CHARACTERS // 2)
        done = word.end() - MAX_WORD_CHARACTERS // 2
    kept += range(done, len(reading.text))
    text, starts, ends = reading
    return Reading("".join(text[i] for i in kept), [starts[i] for i in kept], [ends[i] for i in kept])


def _unwrapped(reading: Reading) -> Reading:
    text = reading.text
    gaps = list(_GAP.finditer(text))
    if not gaps:
        return reading
    width = max((len(line) for line in text.split("\n")), default=0)
    width = width if _MIN_WIDTH <= width <= _MAX_WIDTH else 0  # 0: the text was not wrapped
    parts: list[str] = []
    kept: list[int] = []
    done = 0
    for gap in gaps:
        parts += [text[done : gap.start()], _joint(text, gap, width)]
        kept += range(done, gap.start() + 1)
        done = gap.end()
    kept += range(done, len(text))
    starts, ends = [reading.starts[i] for i in kept], [reading.ends[i] for i in kept]
    return Reading("".join([*parts, text[done:]]), starts, ends)


def _joint(text: str, gap: re.Match[str], width: int) -> str:
    # returns the space or line break that replaces the white space `gap`; `width` is 0 for a text without wrapping
    n_breaks = gap[0].count("\n")
    if n_breaks != 1 or width == 0:
        return "\n" if n_breaks else " "
    line = gap.start() - (text.rfind("\n", 0, gap.start()) + 1)
    word = _FIRST_WORD.match(text, gap.end())
    return " " if word and line + 1 + len(word[0]) > width else "\n"


def _plain(visible: str) -> str:
    # returns the normalized form of a character with its combining marks and invisible characters
    composed = unicodedata.normalize("NFKC", _INVISIBLE.sub("", visible))
    return "".join(_character(c) for c in composed if not unicodedata.category(c).startswith("M"))


def _character(character: str) -> str:
    # returns an ASCII digit, hyphen or space for a digit, dash or space of any script; other characters are unchanged
    if character.isascii():
        return character
    if character.isdecimal():
        return str(unicodedata.decimal(character))
    if character in _DASHES:
        return "-"
    return " " if unicodedata.category(character) == "Zs" else character
