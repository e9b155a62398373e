"""Measure and remove text that later records of a person copy from earlier ones."""

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from synthgen.core.sentences import ABBREVIATIONS, SENTENCE_END
from synthgen.core.types import Record

WINDOW = 10  # words of a shingle
CONTAINED = 0.8  # a record is continued by a later one that contains at least this share of its shingles
CopyForward = Literal["keep", "remove-sentences", "newest"]
_Shingle = int  # hash of ten words; two different ones are equal with a probability of about 2^-64
_GAP = re.compile(r"\n{3,}")
# a line break before a blank line, a list mark without a number, or a heading that ends in a colon
_BREAK = re.compile(r"\n(?=\s*\n|[ \t]*(?:[-*+#>•·–—]+\s|[^\W\d_a-z][^\n.!?:;,]{0,40}:(?=\s|$)))")
_NUMBERED = re.compile(r"^[ \t]*\(?(\d{1,3})[.)](?=\s)", re.MULTILINE)
# a full stop after a title, an abbreviation or an initial
_ABBREVIATED = re.compile(rf"\b(?:{ABBREVIATIONS}|ca|nr|[a-z])\.$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Copied:
    """The records that remain, and how much text was copied."""

    records: list[Record]
    share: float  # share of all 10-word shingles that an earlier record of the same person contains, 0 to 1
    n_sentences: int = 0  # number of removed sentences
    n_records: int = 0  # number of removed records


def treat_copies(records: Sequence[Record], treatment: CopyForward) -> Copied:
    """Measure the text that records copy from earlier records of the same person, and treat it.

    Args:
        records: records in the order in which they were written.
        treatment: `keep` changes nothing. `remove-sentences` removes a sentence that an earlier record of the
            person has with the same words. A sentence of fewer than ten words is removed only if a shingle that
            contains it is repeated as well. Shingles cross the ends of sentences, so a short sentence within a
            copied paragraph is removed, and one that merely recurs is not. A record of which no word is left is
            removed. `newest` removes a record if a later one of the person contains at least `CONTAINED` of its
            shingles.

    A record of fewer than ten words has no shingle. All comparisons are with the original texts.

    Privacy: the treatment of a person's records depends on the records of that person only.
    """
    by_person: dict[str, list[int]] = defaultdict(list)
    for i, record in enumerate(records):
        by_person[record.group].append(i)
    texts: dict[int, str] = {}  # by the place of the record; records that are removed are absent
    n_repeated = n_all = n_sentences = 0
    for rows in by_person.values():
        shingles = [_shingles(_words(records[i].text)) for i in rows]
        seen: set[_Shingle] = set()
        earlier: set[int] = set()  # hashes of sentences
        is_continued = _continued(shingles) if treatment == "newest" else []
        for place, i in enumerate(rows):
            own = shingles[place]
            n_repeated += sum(shingle in seen for shingle in own)
            n_all += len(own)
            text, n_removed = records[i].text, 0
            if treatment == "remove-sentences":
                sentences = _sentences(text)
                text, n_removed = _without(sentences, earlier, seen)
                earlier.update(map(_hash, sentences))
            if text and not (treatment == "newest" and is_continued[place]):
                texts[i] = text
            n_sentences += n_removed
            seen.update(own)
    kept = [replace(records[i], text=text) for i, text in sorted(texts.items())]
    return Copied(kept, n_repeated / n_all if n_all else 0.0, n_sentences, len(records) - len(kept))


def _continued(shingles: Sequence[Sequence[_Shingle]]) -> list[bool]:
    """Return for each record of a person whether a later one contains at least `CONTAINED` of its shingles.

    The records are read from last to first, with an index from shingles to later records, so records without common
    shingles are never compared.
    """
    found = [False] * len(shingles)
    later: dict[_Shingle, list[int]] = defaultdict(list)
    for place in range(len(shingles) - 1, -1, -1):
        own = set(shingles[place])
        least = CONTAINED * len(own)
        following = set(shingles[place + 1]) if place + 1 < len(shingles) else set()
        if own and len(own & following) >= least:  # a chain of copies usually continues in the next record
            found[place] = True
        elif own:
            counts = Counter(other for shingle in own for other in later.get(shingle, ()))
            found[place] = max(counts.values(), default=0) >= least
        for shingle in own:
            later[shingle].append(place)
    return found


def _words(text: str) -> list[str]:
    return text.casefold().split()


def _shingles(words: Sequence[str]) -> list[_Shingle]:
    return [hash(tuple(words[i : i + WINDOW])) for i in range(len(words) - WINDOW + 1)]


def _hash(sentence: str) -> int:
    return hash(tuple(_words(sentence)))


def _without(sentences: Sequence[str], earlier: Collection[int], seen: Collection[_Shingle]) -> tuple[str, int]:
    """Return the text of the sentences that are not copied, and the number of the others."""
    words = [_words(sentence) for sentence in sentences]
    is_seen = [shingle in seen for shingle in _shingles([word for own in words for word in own])]
    kept, start, n_removed = [], 0, 0
    for sentence, own in zip(sentences, words, strict=True):
        around = is_seen[max(start + len(own) - WINDOW, 0) : start + 1]  # shingles that contain a short sentence
        start += len(own)
        if own and _hash(sentence) in earlier and (len(own) >= WINDOW or any(around)):
            n_removed += 1
            kept.append("\n" if sentence.endswith("\n") else "")
        else:
            kept.append(sentence)
    return _GAP.sub("\n\n", "".join(kept)).strip(), n_removed


def _sentences(text: str) -> list[str]:
    """Return the sentences and items of lists of a text, each with the white space after it; together they are it.

    A line break within a sentence does not end it. If an end is not certain, two sentences are one.
    """
    found, start = [], 0
    numbers = list(_NUMBERED.finditer(text))
    marks = {number.end() for number in numbers}
    ends = {end for match in SENTENCE_END.finditer(text) if not _is_within(text, end := match.end(), marks)}
    ends |= {match.start() for match in _BREAK.finditer(text)}
    previous = 0
    for number in numbers:  # a number that continues no list can belong to a sentence
        if int(number[1]) in {1, previous + 1}:
            previous = int(number[1])
            ends.add(number.start())
    for end in [*sorted(ends), len(text)]:
        stop = end
        while stop < len(text) and text[stop].isspace():
            stop += 1
        if stop > start:
            found.append(text[start:stop])
            start = stop
    return found


def _is_within(text: str, end: int, marks: Collection[int]) -> bool:
    """Return whether a full stop is part of a list mark or of an abbreviation, and so does not end a sentence."""
    return end in marks or _ABBREVIATED.search(text, max(0, end - 8), end) is not None
