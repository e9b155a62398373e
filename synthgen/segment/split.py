"""Cut long records into segments at headings that many records share, and join the segments of a record."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from synthgen.core.digest import sha256_json
from synthgen.core.errors import DataError
from synthgen.core.sentences import SENTENCE_END
from synthgen.segment.config import SegmentsConfig

MAX_HEADING_CHARACTERS = 60
MAX_HEADING_WORDS = 6
_ITEMS = "-–•*·"  # possible first characters of a list item
_ENDS = ".,;!?"  # possible last characters of a sentence


def heading_of(line: str) -> str | None:
    """Return the normal form of a line that looks like a heading, else None: "## Past History:" -> "past history".

    A heading has at most 6 words and 60 characters, and ends in a colon, is in capitals, or starts with "#". A list
    item, a sentence, and an entry such as "BP: 120/80" are no headings.
    """
    bare = line.strip()
    if not 0 < len(bare) <= MAX_HEADING_CHARACTERS or bare[0] in _ITEMS or bare[-1] in _ENDS:
        return None
    words = bare.strip("#: \t").split()
    is_entry = any(word.endswith(":") for word in words)
    if not 0 < len(words) <= MAX_HEADING_WORDS or is_entry or not any(c.isalpha() for c in bare):
        return None
    is_marked = bare.startswith("#") or bare.endswith(":") or bare.isupper()
    return " ".join(words).casefold() if is_marked else None


def shared_headings(texts: Sequence[str], groups: Sequence[str], least_persons: int) -> Mapping[str, str]:
    """Return the written form of each heading that at least `least_persons` persons use, by its normal form.

    If at least `least_persons` persons use the most common written form, this form is returned. Otherwise, it is the
    normal form in capitals ("PAST HISTORY"), or with a colon if `heading_of` does not recognise the capitals.
    `groups` has the person of each text.

    Privacy: a line of a note can contain a name, so a heading that fewer persons use is treated as text.
    """
    forms: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for text, group in zip(texts, groups, strict=True):
        for line in text.split("\n"):
            if (name := heading_of(line)) is not None:
                forms[name][" ".join(line.split())].add(group)
    shared = {}
    for name in sorted(name for name, users in forms.items() if len(set().union(*users.values())) >= least_persons):
        form, persons = min(forms[name].items(), key=lambda item: (-len(item[1]), item[0]))
        variants = (form if len(persons) >= least_persons else "", name.upper(), name + ":")
        # `heading_of` does not recognise a variant that is too long ("ß" becomes "SS") or has no capital letters
        written = next((variant for variant in variants if heading_of(variant) == name), None)
        if written is not None:
            shared[name] = written
    return shared


_WORD = re.compile(r"\S+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A part of a record."""

    heading: str  # normal form of the section's heading; empty if the section has no heading
    section: int  # number of the section in the record, from 0
    opening: str  # heading as written in the record, if the segment is the first of the section; else empty
    text: str  # can be empty

    def __repr__(self) -> str:
        return f"Segment(section {self.section}, {len(self.text)} characters)"


@dataclass(frozen=True, slots=True)
class Splitter:
    """Cuts records into sections at known headings, and long sections into windows of whole sentences."""

    words: int  # approximate number of words of a window
    headings: Mapping[str, str]  # normal form -> written form of each heading; without headings, only windows are cut

    @property
    def digest(self) -> str:
        """SHA-256 of all settings that determine the cuts and the written headings."""
        return sha256_json({"version": 1, "words": self.words, "headings": dict(self.headings)})

    def split(self, text: str) -> tuple[Segment, ...]:
        """Return the segments of a text, in order; a segment is a window of a section.

        The openings and texts of all segments, joined in order, equal `text` except for white space.
        """
        return tuple(
            Segment(heading=heading_of(opening) or "", section=section, opening="" if i else opening, text=window)
            for section, (opening, lines) in enumerate(self._sections(text))
            for i, window in enumerate(tuple(windows_of("\n".join(lines), self.words)) or ("",))
        )

    def join(self, parts: Sequence[tuple[str, int, str]]) -> str:
        """Return one record from (heading, number of the section, text) of each segment; empty sections are dropped.

        A heading is a line of its own. Sections are separated by an empty line, and windows of a section by a space.
        """
        blocks = []
        for (heading, _), group in groupby(parts, key=lambda part: part[:2]):
            body = " ".join(text for _, _, text in group if text)
            if body:
                blocks.append(f"{self.headings[heading]}\n{body}" if heading else body)
        return "\n\n".join(blocks)

    def without_headings(self, text: str) -> str:
        """Return the text of a generated segment up to the first heading of another section.

        If no text precedes a heading, only the line of the heading is removed.
        """
        kept: list[str] = []
        for line in text.split("\n"):
            if heading_of(line) not in self.headings:
                kept.append(line)
            elif any(part.strip() for part in kept):
                break
        return "\n".join(kept).strip()

    def _sections(self, text: str) -> list[tuple[str, list[str]]]:  # (heading, lines)
        sections: list[tuple[str, list[str]]] = [("", [])]
        for line in text.split("\n"):
            if heading_of(line) in self.headings:
                sections.append((line.strip(), []))
            else:
                sections[-1][1].append(line)
        starts_with_heading = not any(line.strip() for line in sections[0][1])
        return sections[1:] if starts_with_heading and len(sections) > 1 else sections


def learn_splitter(config: SegmentsConfig, texts: Sequence[str], groups: Sequence[str]) -> Splitter:
    """Return the splitter for a configuration and the training texts, whose persons are in `groups`.

    Raise DataError if `config.by` is "headings" and no heading is shared by enough persons.

    Privacy: see `shared_headings`.
    """
    if config.by == "sentences":
        return Splitter(config.words, {})
    headings = shared_headings(texts, groups, config.least_persons)
    if config.by == "headings" and not headings:
        raise DataError(
            f"segments.by: no heading is shared by training records of at least {config.least_persons} persons",
            hint="A heading is a line of its own with at most six words that ends in a colon, is in capitals, or "
            "starts with #. Set segments.by to auto to cut records without such lines between sentences.",
        )
    return Splitter(config.words, headings)


def windows_of(text: str, words: int) -> Iterator[str]:
    """Yield the windows of a text: parts of similar length with about `words` words, cut between sentences or lines.

    A text of N words has at most n = ⌈N / `words`⌉ windows. A sentence is in window ⌊n · i / N⌋ if the middle of the
    sentence is at word i of the text. A sentence of more than `words` words is cut.
    """
    places = list(_WORD.finditer(text))
    n = -(-len(places) // words)
    units = list(_sentences(text, places, words))
    for _, group in groupby(units, key=lambda unit: (unit[0] + unit[1]) * n // (2 * len(places))):
        inside = list(group)
        yield text[places[inside[0][0]].start() : places[inside[-1][1] - 1].end()]


def _sentences(text: str, places: Sequence[re.Match[str]], words: int) -> Iterator[tuple[int, int]]:
    # yields (number of the first word, number of the word after the last) of each line, sentence or sentence part
    start = 0
    for end, word in enumerate(places, start=1):
        gap = text[word.end() : places[end].start()] if end < len(places) else "\n"
        if end - start == words or SENTENCE_END.search(word[0]) is not None or "\n" in gap:
            yield start, end
            start = end
