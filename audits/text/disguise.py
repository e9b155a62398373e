"""How much of a text is written so that a reader sees other characters than a search does."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from scipy.stats import binom

from audits.text.normalise import is_ignorable, looks_latin

LEAST_SHARE, LEAST_CHARACTERS = 0.05, 8  # of a row, that had to be rewritten
FEW = 2  # real rows that needed it; fewer explain no synthetic one
_CHANCE = 0.01
_JOINED = re.compile(r"(?<=[^\W_])_+(?=[^\W_])")
_WORD = re.compile(r"[^\W\d_]+")


@dataclass(frozen=True, slots=True)
class Disguise:
    """How many rows had to be rewritten to be read."""

    synthetic: int  # rows of the synthetic table
    real: int  # rows of real people
    proven: bool  # whether the synthetic table has more of them than real people's writing explains


def rewritten(text: str) -> int:
    """Return how many characters of a text `normalise` removed or read as another letter or digit.

    Counted are characters that are drawn as nothing, marks that make no letter of their own, digits of other scripts,
    letters and digits in another shape (full width, in circles, of mathematics), letters of another alphabet beside
    Latin ones, and underscores between words. Accented letters are not, nor letters one by one, as in headings.
    """
    joined = sum(len(match[0]) for match in _JOINED.finditer(text))
    if text.isascii() and text.isprintable():
        return joined
    composed = unicodedata.normalize("NFC", text)
    drawn = sum(_is_rewritten(c) for c in composed if not ("\x20" <= c <= "\x7e" or c.isspace()))
    words = (word[0] for word in _WORD.finditer(composed) if not word[0].isascii())
    mixed = sum(looks_latin(c) for word in words if any(c.isascii() for c in word) for c in word)
    return joined + drawn + mixed


def disguise(synthetic: Sequence[str], real: Sequence[str]) -> Disguise:
    """Return how many rows needed 8 characters and 5 % of theirs rewritten, and whether more than real rows do.

        proven  where  x > 0  and  (y < 2  or  P[Bin(x + y, n / (n + m)) >= x] <= .01)

    for x of n synthetic and y of m real rows. A search that had to guess at what is read sees less than a reader, so
    what it does not find proves nothing.

    Args:
        synthetic: texts.
        real: texts of train and of control.

    Privacy: reads all texts; returns two counts.
    """
    n, m = len(synthetic), len(real)
    x, y = (sum(map(_is_disguised, texts)) for texts in (synthetic, real))
    proven = x > 0 and (y < FEW or float(binom.sf(x - 1, x + y, n / (n + m))) <= _CHANCE)
    return Disguise(x, y, proven)


def _is_disguised(text: str) -> bool:
    n = rewritten(text)
    return n >= LEAST_CHARACTERS and n > LEAST_SHARE * len(text)


def _is_rewritten(character: str) -> bool:
    category = unicodedata.category(character)
    if category[0] == "M" or category in {"Nd", "Co"} or is_ignorable(character):
        return True
    plain = unicodedata.normalize("NFKC", character)
    return plain != character and plain.isascii() and plain.isalnum()
