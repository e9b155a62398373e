"""Measure and remove text that a record copies from an earlier record of the same person."""

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from synthgen.core.sentences import ABBREVIATIONS, SENTENCE_END
from synthgen.core.types import Record

WINDOW = 10  # number of consecutive words in a shingle
# a later record continues an earlier record if it contains at least this share of the earlier record's shingles
CONTAINED = 0.8
CopyForward = Literal["keep", "remove-sentences", "newest"]
_Shingle = int  # hash of `WINDOW` consecutive words
_BLANK_LINES = re.compile(r"\n{3,}")  # two or more blank lines
# a line break, if one of these follows: a blank line, a list mark such as "-", or a heading that ends in a colon
_BREAK = re.compile(r"\n(?=\s*\n|[ \t]*(?:[-*+#>•·–—]+\s|[^\W\d_a-z][^\n.!?:;,]{0,40}:(?=\s|$)))")
_NUMBERED = re.compile(r"^[ \t]*\(?(\d{1,3})[.)](?=\s)", re.MULTILINE)  # number of a list item, such as "(2)"
# a title, an abbreviation or an initial, with the full stop after it
_ABBREVIATED = re.compile(rf"\b(?:{ABBREVIATIONS}|ca|nr|[a-z])\.$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Copied:
    """The records that remain, and how much text was copied."""

    records: list[Record]
    share: float  # share of all shingles that an earlier record of the same person contains, 0 to 1
    n_sentences: int = 0  # number of removed sentences
    n_records: int = 0  # number of removed records


def reduce_copies(records: Sequence[Record], mode: CopyForward) -> Copied:
    """Measure the text that records copy from earlier records of the same person, and remove it as `mode` states.

    Args:
        records: records in the order in which they were written.
        mode: `keep` changes nothing. `remove-sentences` removes a sentence if an earlier record of the person has a
            sentence with the same words. For a sentence of fewer than ten words, such as "No fever.", ten consecutive
            words around it must also be in an earlier record. A record without remaining words is removed. `newest`
            removes a record if a later record of the person continues it (see `CONTAINED`).

    Privacy: the removed text of a person depends only on the records of this person.
    """
    by_person: dict[str, list[int]] = defaultdict(list)
    for i, record in enumerate(records):
        by_person[record.group].append(i)
    texts: dict[int, str] = {}  # text of each kept record, by its position in `records`
    n_repeated = n_all = n_sentences = 0
    for rows in by_person.values():
        shingles = [_shingles(_words(records[i].text)) for i in rows]
        seen: set[_Shingle] = set()  # shingles of earlier records of the person
        seen_sentences: set[int] = set()  # hashes of sentences of earlier records
        is_continued = _continued(shingles) if mode == "newest" else []
        for place, i in enumerate(rows):
            n_repeated += sum(shingle in seen for shingle in shingles[place])
            n_all += len(shingles[place])
            text, n_removed = records[i].text, 0
            if mode == "remove-sentences":
                sentences = _sentences(text)
                text, n_removed = _without(sentences, seen_sentences, seen)
                seen_sentences.update(map(_hash, sentences))
            if text and not (mode == "newest" and is_continued[place]):
                texts[i] = text
            n_sentences += n_removed
            seen.update(shingles[place])
    kept = [replace(records[i], text=text) for i, text in sorted(texts.items())]
    return Copied(kept, n_repeated / n_all if n_all else 0.0, n_sentences, len(records) - len(kept))


def _continued(shingles: Sequence[Sequence[_Shingle]]) -> list[bool]:
    """Return for each record of a person whether a later record continues it (see `CONTAINED`)."""
    is_continued = [False] * len(shingles)
    later: dict[_Shingle, list[int]] = defaultdict(list)  # shingle -> positions of later records that contain it
    for place in range(len(shingles) - 1, -1, -1):
        current = set(shingles[place])
        n_required = CONTAINED * len(current)
        following = set(shingles[place + 1]) if place + 1 < len(shingles) else set()
        # the next record is compared first, because it usually contains the copied text
        if current and len(current & following) >= n_required:
            is_continued[place] = True
        elif current:
            counts = Counter(other for shingle in current for other in later.get(shingle, ()))
            is_continued[place] = max(counts.values(), default=0) >= n_required
        for shingle in current:
            later[shingle].append(place)
    return is_continued


def _words(text: str) -> list[str]:
    return text.casefold().split()


def _shingles(words: Sequence[str]) -> list[_Shingle]:
    return [hash(tuple(words[i : i + WINDOW])) for i in range(len(words) - WINDOW + 1)]


def _hash(sentence: str) -> int:
    return hash(tuple(_words(sentence)))


def _without(sentences: Sequence[str], seen_sentences: set[int], seen: set[_Shingle]) -> tuple[str, int]:
    """Return the text without the sentences to remove (see `reduce_copies`), and the number of these sentences."""
    words = [_words(sentence) for sentence in sentences]
    is_seen = [shingle in seen for shingle in _shingles([word for sentence in words for word in sentence])]
    kept, start, n_removed = [], 0, 0
    for sentence, in_sentence in zip(sentences, words, strict=True):
        n_words = len(in_sentence)
        # the shingles that contain the whole sentence begin at these words
        around = is_seen[max(start + n_words - WINDOW, 0) : start + 1]
        start += n_words
        if n_words and _hash(sentence) in seen_sentences and (n_words >= WINDOW or any(around)):
            n_removed += 1
            kept.append("\n" if sentence.endswith("\n") else "")
        else:
            kept.append(sentence)
    return _BLANK_LINES.sub("\n\n", "".join(kept)).strip(), n_removed


def _sentences(text: str) -> list[str]:
    """Split a text into sentences and list items. Each part ends with the white space that follows it."""
    parts, start = [], 0
    numbers = list(_NUMBERED.finditer(text))
    marks = {number.end() for number in numbers}
    ends = {end for match in SENTENCE_END.finditer(text) if not _ends_no_sentence(text, end := match.end(), marks)}
    ends |= {match.start() for match in _BREAK.finditer(text)}
    previous = 0
    # a number begins a list item if it is 1 or follows the last item's number; other numbers can be in a sentence
    for number in numbers:
        if int(number[1]) in {1, previous + 1}:
            previous = int(number[1])
            ends.add(number.start())
    for end in [*sorted(ends), len(text)]:
        stop = end
        while stop < len(text) and text[stop].isspace():
            stop += 1
        if stop > start:
            parts.append(text[start:stop])
            start = stop
    return parts


def _ends_no_sentence(text: str, end: int, marks: Collection[int]) -> bool:
    """Return whether the full stop before `end` belongs to an abbreviation or to a list number (one of `marks`)."""
    return end in marks or _ABBREVIATED.search(text, max(0, end - 8), end) is not None
