"""Detect texts with look-alike or invisible characters. A person can read such texts, but a search may miss them."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from audits.core.stats import exceeds_control
from audits.text.normalise import is_ignorable, looks_latin

# a row is disguised if `rewritten` counts more than this share, and at least this number, of its characters
MIN_SHARE, MIN_CHARACTERS = 0.05, 8
FEW = 2  # if fewer real rows than this are disguised, a single disguised synthetic row is significant without a test
_JOINED = re.compile(r"(?<=[^\W_])_+(?=[^\W_])")  # underscores between letters or digits
_WORD = re.compile(r"[^\W\d_]+")
# emoji with invisible characters: a keycap (a digit, # or * with the combining keycap), or a character before a
# variation selector, a zero-width joiner, or both
_EMOJI_SELECTOR = re.compile("[0-9#*]\ufe0f?\u20e3|.(?:[\ufe0e\ufe0f]\u200d?|\u200d)")


@dataclass(frozen=True, slots=True)
class Disguise:
    """Which synthetic rows are disguised, and whether chance explains their number."""

    synthetic: tuple[int, ...]  # indices of the disguised synthetic rows
    real: int  # number of disguised rows in the real tables
    proven: bool  # whether the synthetic table has significantly more disguised rows than the real tables


def rewritten(text: str) -> int:
    """Return the number of characters that disguise words.

    These characters count:

    - combining marks that do not compose with a letter, and invisible characters outside emoji;
    - private-use characters;
    - digits of other scripts, and styled letters and digits (full width, circled, mathematical);
    - look-alike letters of another alphabet in a word with ASCII letters;
    - underscores between words.

    Normalisation keeps underscores and private-use characters, and removes or replaces the others in this list.
    """
    joined = sum(len(match[0]) for match in _JOINED.finditer(text))
    if text.isascii() and text.isprintable():
        return joined
    composed = unicodedata.normalize("NFC", _EMOJI_SELECTOR.sub(_without_selector, text))
    changed = sum(_is_rewritten(c) for c in composed if not ("\x20" <= c <= "\x7e" or c.isspace()))
    words = (word[0] for word in _WORD.finditer(composed) if not word[0].isascii())
    mixed = sum(looks_latin(c) for word in words if any(c.isascii() for c in word) for c in word)
    return joined + changed + mixed


def _without_selector(match: re.Match[str]) -> str:
    """Return the first character of an emoji (a symbol or a keycap), or the match unchanged if it is no emoji."""
    is_symbol = unicodedata.category(match[0][0]) in {"So", "Sk", "Sm"}
    return match[0][0] if is_symbol or match[0].endswith("\u20e3") else match[0]


def disguise(synthetic: Sequence[str], real: Sequence[str]) -> Disguise:
    """Return the disguised synthetic rows, and whether they are significantly more frequent than in the real tables.

    A row is disguised if `rewritten` counts at least 8, and more than 5 %, of its characters. If x of the n synthetic
    rows and y of the m real rows are disguised, the difference is

        proven  if  x > 0  and  (y < 2  or  P[Bin(x + y, n / (n + m)) >= x] <= .01)

    Privacy: reads all texts; returns indices of synthetic rows, a count and one bit.
    """
    n, m = len(synthetic), len(real)
    rows = tuple(i for i, text in enumerate(synthetic) if _is_disguised(text))
    y = sum(map(_is_disguised, real))
    return Disguise(rows, y, exceeds_control(len(rows), y, n / max(1, n + m), minimum=FEW))


def _is_disguised(text: str) -> bool:
    n = rewritten(text)
    return n >= MIN_CHARACTERS and n > MIN_SHARE * len(text)


def _is_rewritten(character: str) -> bool:
    category = unicodedata.category(character)
    if category[0] == "M" or category in {"Nd", "Co"} or is_ignorable(character):
        return True
    plain = unicodedata.normalize("NFKC", character)
    return plain != character and plain.isascii() and plain.isalnum()
