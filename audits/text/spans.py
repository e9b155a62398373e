"""Where in a text as it is written a piece of its normalised form stands."""

import re
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

from audits.text.normalise import normalise

_CHUNK = re.compile(r"\S+")
_TOKEN = re.compile(r"\w+")


class Located(NamedTuple):
    """A normalised text, and for each of its characters where those begin and end that it was made of.

    Args:
        text: what `normalise` returns.
        starts: for each character of `text` the first character of the written text that it comes from.
        ends: the character behind the last one.
    """

    text: str
    starts: list[int]
    ends: list[int]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Return the characters of the written text that the normalised characters from start to end come from."""
        return self.starts[start], self.ends[end - 1]


class Placed(NamedTuple):
    """A token and the characters of the written text that it comes from."""

    word: str
    start: int
    end: int


class _Piece(NamedTuple):
    normalised: str
    start: int
    end: int


def located(text: str) -> Located:
    """Return the normalised text with the origin of each character.

    A text is normalised a character with its combining marks at a time. Where that is not the same as normalising
    the whole word, because characters join (Hangul letters) or something invisible stands between a letter and its
    accent, the whole word is the origin of each of its characters; so a span may be too wide by part of a word, and
    never too narrow.

    Cost: O(characters); for the few texts in which something was found.
    """
    normalised = normalise(text)
    pieces: list[_Piece] = []
    for chunk in _CHUNK.finditer(text):
        found = _pieces(chunk.group(), chunk.start())
        if found and pieces:
            pieces.append(_Piece(" ", pieces[-1].end, found[0].start))
        pieces += found
    if "".join(piece.normalised for piece in pieces) != normalised:
        pieces = [_Piece(normalised, 0, len(text))]
    return Located(
        normalised,
        [piece.start for piece in pieces for _ in piece.normalised],
        [piece.end for piece in pieces for _ in piece.normalised],
    )


def placed_tokens(text: str) -> list[Placed]:
    """Return the tokens of a text, those of `normalise.tokens`, each with the characters that it comes from."""
    found = located(text)
    return [Placed(word, *found.span(start, end)) for word, start, end in words_in(found.text)]


def words_in(normalised: str) -> list[Placed]:
    """Return the tokens of a normalised text, each with its characters there."""
    return [Placed(match.group(), *match.span()) for match in _TOKEN.finditer(normalised)]


def _pieces(chunk: str, offset: int) -> list[_Piece]:
    """Return the pieces of a text without spaces that leave something when normalised."""
    normalised = normalise(chunk)
    pieces = [_Piece(normalise(chunk[a:b]), offset + a, offset + b) for a, b in _letters(chunk)]
    if "".join(piece.normalised for piece in pieces) != normalised:
        pieces = [_Piece(normalised, offset, offset + len(chunk))]
    return [piece for piece in pieces if piece.normalised]


def _letters(chunk: str) -> Iterator[tuple[int, int]]:
    """Yield the places of each character together with the combining marks behind it."""
    starts = [i for i, c in enumerate(chunk) if i == 0 or unicodedata.combining(c) == 0]
    yield from zip(starts, [*starts[1:], len(chunk)], strict=True)
