"""Normalise text for all lexical audits, so that trivial changes of spelling do not hide a copy.

The normal form follows NFKC_Casefold (The Unicode Standard, section 3.13, with UAX #15 and the property
Default_Ignorable_Code_Point) and the confusables of UTS #39. In addition, all combining marks are removed and the
decimal digits of all scripts become 0 to 9.
"""

import re
import unicodedata
from collections.abc import Iterator

import regex

from audits.text.lookalikes import lookalikes

LONGEST_WORD = 24  # characters; in longer stretches without spaces, invisible characters count as spaces
_IGNORABLE = regex.compile(r"[\p{Default_Ignorable_Code_Point}\p{Cf}\p{Cc}]")
_BLANKS = frozenset("\u2800\u115f\u1160\u3164\uffa0")  # Braille and Hangul blanks, as wide as a letter
_QUOTES = frozenset('"‘’‚‛“”„‟′″‴‵‶‷‹›«»`´〝〞〟＂＇')
_INVISIBLE = "\ue000"  # private-use placeholder for an invisible character

# replacements by General_Category
_PLAIN = {"Mn": "", "Mc": "", "Me": "", "Zs": " ", "Pd": "-", "Pc": "_", "Pi": "'", "Pf": "'"}

_TOKEN = re.compile(r"[^\W_]+")
_STRETCH = re.compile(r"\S+")
_WORD = re.compile(r"[^\W\d_]+")
_DIGITS = re.compile(r"\d+")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|\n\s*\n")
# single letters with the same separator, as in "s p a c e d" or "s.p.a.c.e.d"; two letters only between wide gaps
_SPACED = re.compile(r"(?<![^\W_])[^\W_](?:([^\w\n]|_)[^\W_])(?:\1[^\W_])+(?![^\W_])|(?<=\s\s)[^\W_] [^\W_](?=\s\s)")
_SHAPE = bytes(120 if chr(i).isalnum() and i < 128 else 32 for i in range(256))  # x for letters and digits


def normalise(text: str) -> str:
    """Return the normal form: NFKC_Casefold, no combining marks, plain look-alikes, single spaces.

    The steps are: compatibility decomposition; removal of invisible characters (Default_Ignorable_Code_Point,
    General_Category Cf and Cc), or a space for them in a stretch longer than 24 characters; removal of marks
    (General_Category M); digits of all scripts (Nd) to 0 to 9; quotes to ' and dashes to -; letters that look Latin
    to Latin ones (UTS #39); case folding; composition; spaced letters (`s p a c e d`) to words. The function is
    idempotent.
    """
    while True:
        folded = fold(text)
        spaced = without_spacing(folded)
        found = " ".join(spaced.split())
        if found == text or (spaced is folded and text.isascii() and not _single_letters(found)):
            return found
        text = found


def tokens(text: str) -> list[str]:
    """Return the runs of letters and digits of the normalised text; an underscore separates them like a space."""
    return _TOKEN.findall(normalise(text))


def without_numbers(words: list[str]) -> list[str]:
    """Return the tokens with every run of digits as `0`, and adjacent `0` tokens merged.

    A copy with changed numbers becomes equal to its source, and a table of numbers leaves nothing to match.
    """
    masked: list[str] = []
    for word in words:
        new = word if word.isalpha() else _DIGITS.sub("0", word)
        if new != "0" or not masked or masked[-1] != "0":
            masked.append(new)
    return masked


def sentences(text: str) -> list[str]:
    """Return the normalised sentences of a text, split after `.`, `!`, `?` and at empty lines."""
    return [s for s in (normalise(part) for part in _SENTENCE_END.split(text)) if s]


def fold(text: str) -> str:
    """Return the text after all steps of `normalise` except those on spaced letters and spaces."""
    if text.isascii():
        plain = text.lower().translate(_ASCII)
        if plain.isascii():
            return plain
        text = plain
    text = unicodedata.normalize("NFKD", text).translate(_TABLE)
    if _INVISIBLE in text:
        text = _STRETCH.sub(_without_invisible, text)
    return unicodedata.normalize("NFC", _WORD.sub(_plain_word, text).casefold())


def without_spacing(text: str) -> str:
    """Return the folded text with spaced letters joined."""
    parts, done = [], 0
    for place in spaced_letters(text):
        parts += [text[done : place[0]], *(text[i] for i in place)]
        done = place[-1] + 1
    return "".join([*parts, text[done:]]) if parts else text


def spaced_letters(text: str) -> Iterator[range]:
    """Yield the positions of the letters of each word that is written with spaced letters."""
    done = 0
    for start in _single_letters(text) if text.isascii() else (m.start() for m in _SPACED.finditer(text)):
        match = _SPACED.match(text, start) if start >= done else None
        if match:
            done = match.end()
            if any(c.isalpha() for c in match[0]):
                yield range(start, done, 2)


def is_ignorable(character: str) -> bool:
    """Return whether a character is invisible and not a space."""
    return _IGNORABLE.match(character) is not None and not character.isspace()


def looks_latin(character: str) -> bool:
    """Return whether a letter of another alphabet looks like a Latin letter."""
    return character in _LOOKALIKES and not unicodedata.normalize("NFKD", character)[0].isascii()


def _single_letters(text: str) -> list[int]:
    """Return the positions in an ASCII text where spaced letters may begin; faster than the pattern."""
    shape = b"  %b  " % text.encode().translate(_SHAPE)
    if b" x x " not in shape:
        return []
    starts = []
    for pattern, letter in ((b" x x x ", 1), (b"  x x  ", 2)):
        found = shape.find(pattern)
        while found >= 0:
            starts.append(found + letter - 2)
            found = shape.find(pattern, found + 1)
    return sorted(starts)


def _without_invisible(stretch: re.Match[str]) -> str:
    parts = [part for part in stretch[0].split(_INVISIBLE) if part]
    return (" " if sum(map(len, parts)) > LONGEST_WORD else "").join(parts)


def _plain_word(word: re.Match[str]) -> str:
    """Return a word with letters that look Latin replaced by Latin letters.

    In a word with a Latin letter, each other letter is replaced by what it looks like. In a word without one, it is
    replaced by what its capital looks like, so that capitals and small letters of another alphabet stay comparable.
    """
    written = word[0]
    if written.isascii():
        return written
    if any(c.isascii() for c in written):
        return "".join(_LOOKALIKES.get(c, c) for c in written)
    return "".join(_LOOKALIKES.get(c.upper(), _LOOKALIKES.get(c, c)) for c in written.casefold())


class _Table(dict[int, str]):
    """Translation table of decomposed text; letters are kept, because their replacement depends on the word."""

    def __missing__(self, code: int) -> str:
        self[code] = plain = _plain_character(chr(code))
        return plain


def _plain_character(character: str) -> str:
    if character.isascii() or character in _QUOTES:
        return _ASCII.get(ord(character), character)
    if character in _BLANKS:
        return " "
    if is_ignorable(character) or character == _INVISIBLE:
        return _INVISIBLE
    category = unicodedata.category(character)
    if category in _PLAIN:
        return _PLAIN[category]
    if category in {"Nd", "No"}:
        number = unicodedata.numeric(character)
        return str(int(number)) if number == int(number) else character
    return character if character.isalpha() else _LOOKALIKES.get(character, character)


_ASCII = {ord(c): "'" for c in _QUOTES} | {i: _INVISIBLE for i in range(128) if is_ignorable(chr(i))}
_LOOKALIKES = lookalikes()
_TABLE = _Table()
