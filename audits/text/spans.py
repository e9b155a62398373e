"""Where in a text as it is written a piece of its normalised form stands."""

import re
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

from audits.text.normalise import fold, is_ignorable, normalise, spaced_letters

_CHUNK = re.compile(r"\S+|\s+")
_TOKEN = re.compile(r"[^\W_]+")


class Located(NamedTuple):
    """A normalised text, and for each of its characters where those begin and end that it was made of."""

    text: str  # what `normalise` returns
    starts: list[int]  # for each character of `text` the first character of the written text that it comes from
    ends: list[int]  # the character behind the last one

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Return the characters of the written text that the normalised characters from start to end come from."""
        return self.starts[start], self.ends[end - 1]


class Placed(NamedTuple):
    """A token and the characters of the written text that it comes from."""

    word: str
    start: int
    end: int


class _Piece(NamedTuple):
    folded: str
    start: int
    end: int


def located(text: str) -> Located:
    """Return the normalised text with the origin of each character.

    A text is folded a character with its combining marks at a time. Where that is not the same as folding what stands
    between two spaces, because characters join (Hangul letters) or a letter is read by its word's alphabet, the whole
    is the origin of each of its characters; so a span may be too wide by part of a word, and never too narrow.

    Cost: O(characters); for the few texts in which something was found.
    """
    wanted = normalise(text)
    found = Located(text, list(range(len(text))), list(range(1, len(text) + 1)))
    while found.text != wanted:
        step = _once(found.text)
        if step.text == found.text:  # folded another way than all at once
            return Located(wanted, [0] * len(wanted), [len(text)] * len(wanted))
        places = [found.span(a, b) for a, b in zip(step.starts, step.ends, strict=True)]
        found = Located(step.text, [start for start, _ in places], [end for _, end in places])
    return found


def placed_tokens(text: str) -> list[Placed]:
    """Return the tokens of a text, those of `normalise.tokens`, each with the characters that it comes from."""
    found = located(text)
    return [Placed(word, *found.span(start, end)) for word, start, end in words_in(found.text)]


def words_in(normalised: str) -> list[Placed]:
    """Return the tokens of a normalised text, each with its characters there."""
    return [Placed(match.group(), *match.span()) for match in _TOKEN.finditer(normalised)]


def _once(text: str) -> Located:
    """Return the text folded, with spaced letters put together and one space between words, with its origins."""
    pieces = [piece for chunk in _CHUNK.finditer(text) for piece in _pieces(chunk.group(), chunk.start())]
    folded = "".join(piece.folded for piece in pieces)
    origin = [(piece.start, piece.end) for piece in pieces for _ in piece.folded]
    between = {i for place in spaced_letters(folded) for i in range(place[0], place[-1]) if i not in place}
    kept = [i for i in range(len(folded)) if i not in between]
    spaced = "".join(folded[i] for i in kept)
    characters, starts, ends = [], [], []
    for word in _CHUNK.finditer(spaced):
        if not word.group().isspace():
            characters.append(word.group())
            places = [origin[i] for i in kept[word.start() : word.end()]]
        elif characters and word.end() < len(spaced):
            characters.append(" ")
            places = [(origin[kept[word.start()]][0], origin[kept[word.end() - 1]][1])]
        else:
            continue
        starts += [start for start, _ in places]
        ends += [end for _, end in places]
    return Located("".join(characters), starts, ends)


def _pieces(chunk: str, offset: int) -> list[_Piece]:
    """Return the pieces of spaces or of what stands between them, those that leave something."""
    folded = fold(chunk)
    pieces = [_Piece(fold(chunk[a:b]), offset + a, offset + b) for a, b in _letters(chunk)]
    if "".join(piece.folded for piece in pieces) != folded:
        visible = [
            p._replace(folded=" ") if not p.folded and is_ignorable(chunk[p.start - offset]) else p for p in pieces
        ]
        whole = [_Piece(folded, offset, offset + len(chunk))]
        pieces = visible if "".join(p.folded for p in visible).split() == folded.split() else whole
    return [piece for piece in pieces if piece.folded]


def _letters(chunk: str) -> Iterator[tuple[int, int]]:
    """Yield the places of each character together with the combining marks behind it."""
    starts = [i for i, c in enumerate(chunk) if i == 0 or unicodedata.combining(c) == 0]
    yield from zip(starts, [*starts[1:], len(chunk)], strict=True)
