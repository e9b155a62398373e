"""Section headings: which lines can be one, and which of them so many persons have that they are nobody's."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from synthgen.core.digest import sha256_json
from synthgen.core.errors import DataError
from synthgen.core.sentences import SENTENCE_END
from synthgen.segment.config import SegmentsConfig

MAX_CHARACTERS = 60
MAX_WORDS = 6
_ITEMS = "-–•*·"  # what a line of a list begins with
_ENDS = ".,;!?"  # what a sentence ends with


def heading_of(line: str) -> str | None:
    """Return the normal form of a line that can be a heading, else None.

    A heading stands on a line of its own, has at most 6 words and 60 characters, is no item of a list and no entry
    such as "BP: 120/80", and ends in a colon, or is in capitals, or begins with "#". Its normal form has no marks and
    no capitals: "## Past History:" and "PAST HISTORY" are both "past history".
    """
    bare = line.strip()
    if not 0 < len(bare) <= MAX_CHARACTERS or bare[0] in _ITEMS or bare[-1] in _ENDS:
        return None
    words = bare.strip("#: \t").split()
    is_entry = any(word.endswith(":") for word in words)  # "BP: 120/80"
    if not 0 < len(words) <= MAX_WORDS or is_entry or not any(c.isalpha() for c in bare):
        return None
    is_marked = bare.startswith("#") or bare.endswith(":") or bare.isupper()
    return " ".join(words).casefold() if is_marked else None


def shared_headings(texts: Sequence[str], groups: Sequence[str], least_persons: int) -> Mapping[str, str]:
    """Return the headings that records of at least so many persons have: normal form to how it is written.

    It is written as most persons write it, where that form too stands in records of enough persons; else in capitals.

    Args:
        texts: n texts.
        groups: the person of each.
        least_persons: fewer persons, and the line is treated as text.

    Privacy: a line of a note can be a name. Only what many persons' records say alike comes out.
    """
    persons: dict[str, set[str]] = defaultdict(set)
    forms: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for text, group in zip(texts, groups, strict=True):
        for name, line in _found(text):
            persons[name].add(group)
            forms[name][line].add(group)
    shared = {}
    for name in sorted(name for name, who in persons.items() if len(who) >= least_persons):
        form, who = min(forms[name].items(), key=lambda item: (-len(item[1]), item[0]))
        ways = (form if len(who) >= least_persons else "", name.upper(), name + ":")
        # a rare letter makes a way that is read as another heading, or as none: "ß" in capitals is "SS"
        written = next((way for way in ways if heading_of(way) == name), None)
        if written is not None:
            shared[name] = written
    return shared


def _found(text: str) -> Iterator[tuple[str, str]]:
    for line in text.split("\n"):
        name = heading_of(line)
        if name is not None:
            yield name, " ".join(line.split())


_WORD = re.compile(r"\S+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A piece of a record.

    Args:
        heading: the normal form of its section's heading; empty where the section has none.
        section: which section of the record it is in, from 0; windows of one section share it.
        opening: the heading's line as it stands where this segment begins its section; else empty.
        text: what stands below; empty where nothing does.
    """

    heading: str
    section: int
    opening: str
    text: str

    def __repr__(self) -> str:
        return f"Segment(section {self.section}, {len(self.text)} characters)"


@dataclass(frozen=True, slots=True)
class Splitter:
    """Cuts records at the headings it knows, and what is still long into windows of whole sentences.

    Args:
        words: of a window, about.
        headings: normal form to how it is written, from `shared_headings`; empty for windows alone.
    """

    words: int
    headings: Mapping[str, str]

    @property
    def digest(self) -> str:
        """Sha256 over everything that decides where it cuts and what it writes."""
        return sha256_json({"version": 1, "words": self.words, "headings": dict(self.headings)})

    def split(self, text: str) -> tuple[Segment, ...]:
        """Return the segments of a text, in order.

        Nothing is lost: openings and texts one after the other are the text again, up to white space. A line that
        could be a heading and is not known is text.
        """
        found: list[Segment] = []
        sections = self._sections(text)
        for section, (opening, lines) in enumerate(sections):
            heading = heading_of(opening) or ""
            windows = tuple(windows_of("\n".join(lines), self.words)) or ("",)
            found += [
                Segment(heading=heading, section=section, opening=opening if i == 0 else "", text=window)
                for i, window in enumerate(windows)
            ]
        return tuple(found)

    def join(self, parts: Sequence[tuple[str, int, str]]) -> str:
        """Return one record of (heading, section, text) parts; a section nobody wrote anything in is left out.

        Sections are "HEADING", a line break and the text, an empty line between them; windows of a section are joined
        by a space.
        """
        blocks = []
        for (heading, _), group in groupby(parts, key=lambda part: part[:2]):
            body = " ".join(text for _, _, text in group if text)
            if body:
                blocks.append(f"{self.headings[heading]}\n{body}" if heading else body)
        return "\n\n".join(blocks)

    def without_headings(self, text: str) -> str:
        """Return what was written for a segment without lines that would begin a section of their own."""
        kept = [line for line in text.split("\n") if heading_of(line) not in self.headings]
        return "\n".join(kept).strip()

    def _sections(self, text: str) -> list[tuple[str, list[str]]]:
        sections: list[tuple[str, list[str]]] = [("", [])]
        for line in text.split("\n"):
            if heading_of(line) in self.headings:
                sections.append((line.strip(), []))
            else:
                sections[-1][1].append(line)
        starts_with_heading = not any(line.strip() for line in sections[0][1])
        return sections[1:] if starts_with_heading and len(sections) > 1 else sections


def learn_splitter(config: SegmentsConfig, texts: Sequence[str], groups: Sequence[str]) -> Splitter:
    """Return the splitter of a configuration and train.

    Args:
        config: `by` headings needs shared ones; auto takes those there are; sentences takes none.
        texts: the train texts.
        groups: the person of each.

    Raises:
        DataError: when headings are asked for and none is shared by enough persons.

    Privacy: see `shared_headings`.
    """
    if config.by == "sentences":
        return Splitter(config.words, {})
    headings = shared_headings(texts, groups, config.least_persons)
    if config.by == "headings" and not headings:
        raise DataError(
            f"segments.by: no heading stands in train records of at least {config.least_persons} persons",
            hint="Set segments.by to sentences, or lower segments.least_persons if that is safe for your data.",
        )
    return Splitter(config.words, headings)


def windows_of(text: str, words: int) -> Iterator[str]:
    """Yield a text's windows of about so many words, alike in length, cut between sentences or lines.

    With n = ⌈words of the text / words⌉, a sentence goes to window ⌊n · middle / words of the text⌋, its middle
    counted in words. A sentence longer than a window is cut.
    """
    found = list(_WORD.finditer(text))
    n = -(-len(found) // words)
    units = list(_sentences(text, found, words))
    for _, group in groupby(units, key=lambda unit: (unit[0] + unit[1]) * n // (2 * len(found))):
        inside = list(group)
        yield text[found[inside[0][0]].start() : found[inside[-1][1] - 1].end()]


def _sentences(text: str, found: Sequence[re.Match[str]], words: int) -> Iterator[tuple[int, int]]:
    """Yield (first word, word after the last) of each sentence or line, cut where it is longer than a window."""
    start = 0
    for i, word in enumerate(found):
        is_last = i + 1 == len(found)
        if (
            is_last
            or i + 1 - start == words
            or SENTENCE_END.search(word[0]) is not None
            or "\n" in text[word.end() : found[i + 1].start()]
        ):
            yield start, i + 1
            start = i + 1
