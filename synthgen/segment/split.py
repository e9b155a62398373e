"""Cut a record into segments and put segments together again."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from synthgen.core.digest import sha256_json
from synthgen.core.errors import DataError
from synthgen.core.sentences import SENTENCE_END
from synthgen.segment.config import SegmentsConfig
from synthgen.segment.headings import heading_of, shared_headings

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
