"""Find the part of an original text from which a part of its normalised text (`normalise`) comes.

For example, "cafe" in the normal form of "A Café" comes from the span (2, 6).
"""

import re
import unicodedata
from itertools import pairwise
from typing import NamedTuple

from audits.text.letters import pieces
from audits.text.normalise import fold, is_ignorable, normalise, spaced_letters

_CHUNK = re.compile(r"\S+|\s+")  # a chunk is a sequence of white space only, or of other characters only
_TOKEN = re.compile(r"[^\W_]+")


class Located(NamedTuple):
    """A normalised text, and for each character its origin: the span of the original text that it comes from."""

    text: str
    starts: list[int]  # index of the first original character of each origin
    ends: list[int]  # index after the last original character of each origin

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Return the span (start, end) of the original text from which text[start:end] comes."""
        return self.starts[start], self.ends[end - 1]


class Placed(NamedTuple):
    """A piece of a text, such as a token, with its span text[start:end]."""

    word: str
    start: int
    end: int


def located(text: str) -> Located:
    """Return the normalised text with the origin of each character.

    Each character is normalised alone, with its combining marks. If the result for a word differs from `normalise`
    (because the replacement of a character can depend on its neighbours), the whole word is the origin of each of its
    characters. If the result for the text still differs, every origin is the whole text. An origin can therefore be
    too wide, but never too narrow.
    """
    normalised = normalise(text)
    current = Located(text, list(range(len(text))), list(range(1, len(text) + 1)))
    while current.text != normalised:
        step = _once(current.text)
        if step.text == current.text:
            return Located(normalised, [0] * len(normalised), [len(text)] * len(normalised))
        spans = [current.span(a, b) for a, b in zip(step.starts, step.ends, strict=True)]
        current = Located(step.text, [start for start, _ in spans], [end for _, end in spans])
    return current


def placed_tokens(text: str) -> list[Placed]:
    """Return the tokens of a text (`normalise.tokens`), each with its span in the original text."""
    normalised = located(text)
    return [Placed(word, *normalised.span(start, end)) for word, start, end in tokens_in(normalised.text)]


def tokens_in(normalised: str) -> list[Placed]:
    """Return the tokens of a normalised text, each with its span in the normalised text."""
    placed = []
    for match in _TOKEN.finditer(normalised):
        start = match.start()
        for piece in pieces(match.group()):
            placed.append(Placed(piece, start, start + len(piece)))
            start += len(piece)
    return placed


def _once(text: str) -> Located:
    """Return the text after one round of the steps of `normalise`, with the origin of each character."""
    parts = [part for chunk in _CHUNK.finditer(text) for part in _folded_parts(chunk.group(), chunk.start())]
    folded = "".join(part.word for part in parts)
    origin = [(part.start, part.end) for part in parts for _ in part.word]
    separators = {i for place in spaced_letters(folded) for i in range(place[0], place[-1]) if i not in place}
    kept = [i for i in range(len(folded)) if i not in separators]
    spaced = "".join(folded[i] for i in kept)
    characters, starts, ends = [], [], []
    for chunk in _CHUNK.finditer(spaced):
        if not chunk.group().isspace():
            characters.append(chunk.group())
            places = [origin[i] for i in kept[chunk.start() : chunk.end()]]
        elif characters and chunk.end() < len(spaced):
            characters.append(" ")
            places = [(origin[kept[chunk.start()]][0], origin[kept[chunk.end() - 1]][1])]
        else:
            continue
        starts += [start for start, _ in places]
        ends += [end for _, end in places]
    return Located("".join(characters), starts, ends)


def _folded_parts(chunk: str, offset: int) -> list[Placed]:
    """Return the characters of a chunk, each folded alone (`fold`), with their spans in the text.

    If the joined characters differ from the chunk folded as a whole, return the folded chunk as one part.
    """
    folded = fold(chunk)
    starts = [i for i, c in enumerate(chunk) if i == 0 or unicodedata.combining(c) == 0]
    parts = [Placed(fold(chunk[a:b]), offset + a, offset + b) for a, b in pairwise([*starts, len(chunk)])]
    if "".join(p.word for p in parts) != folded:
        # `fold` replaces invisible characters in long words by spaces
        parts = [p._replace(word=" ") if not p.word and is_ignorable(chunk[p.start - offset]) else p for p in parts]
        if "".join(p.word for p in parts).split() != folded.split():
            parts = [Placed(folded, offset, offset + len(chunk))]
    return [part for part in parts if part.word]
