"""Define a contradiction in a text, and split a text into sentences."""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from synthgen.attributes import extract
from synthgen.core.sentences import ABBREVIATIONS, SENTENCE_END

Span = tuple[int, int]
_BREAK = re.compile(r"\n(?:[ \t]*[-*•])?[ \t]*")  # line break, and a bullet at the start of the next line, if any
_ABBREVIATION = re.compile(rf"(?:^|\s)(?:{ABBREVIATIONS}|[A-Z])$")
findings_of = lru_cache(maxsize=1)(extract)  # the attributes in a text; cached, because several rules read them


@dataclass(frozen=True, slots=True)
class Contradiction:
    """A passage of a text that contradicts another passage, or is implausible by itself."""

    rule: str  # the rule that found the contradiction, a key of `measure.RULES`
    at: Span  # the passage, as the index of its first character and the index after its last character
    against: Span | None = None  # the passage that `at` contradicts; None if `at` is implausible by itself

    def __repr__(self) -> str:
        return f"Contradiction({self.rule})"


def sentences(text: str) -> Iterator[Span]:
    """Yield the start and end of each sentence.

    A sentence ends at a line break, or after a punctuation mark such as "?", but not after the full stop of an
    abbreviation ("Dr.") or of an initial.
    """
    for line in parts(text, _BREAK):
        start = line[0]
        for match in SENTENCE_END.finditer(text, *line):
            dot = match.start()
            # 8 characters contain the longest abbreviation and the space before it
            if text[dot] == "." and _ABBREVIATION.search(text, max(0, dot - 8), dot):
                continue
            if text[start : match.end()].strip():
                yield start, match.end()
            start = match.end()
        if text[start : line[1]].strip():
            yield start, line[1]


def row_of(spans: Sequence[Span], position: int) -> int | None:
    """Return the index of the span that contains the character at a position, or None; `spans` are in text order."""
    row = bisect_right(spans, position, key=lambda span: span[0]) - 1
    return row if row >= 0 and position < spans[row][1] else None


def parts(text: str, separator: re.Pattern[str]) -> Iterator[Span]:
    """Yield the start and end of each part into which the matches of a separator divide a text."""
    start = 0
    for match in separator.finditer(text):
        yield start, match.start()
        start = match.end()
    yield start, len(text)
