"""One way of reading text for every lexical audit: what a copier may change for free does not count as a change.

The standards are Unicode's: NFKC_Casefold (The Unicode Standard, section 3.13, with UAX #15 and the property
Default_Ignorable_Code_Point) and the confusables of UTS #39. Beyond them all marks are dropped, so that an accent
neither hides a copy nor tells two spellings of a language apart, and decimal digits of all scripts are 0 to 9.
"""

import re
import unicodedata
from collections.abc import Iterator

import regex

from audits.text.lookalikes import lookalikes

LONGEST_WORD = 24  # characters; a longer stretch without spaces has something invisible in their place
_IGNORABLE = regex.compile(r"[\p{Default_Ignorable_Code_Point}\p{Cf}\p{Cc}]")
_BLANKS = frozenset("\u2800\u115f\u1160\u3164\uffa0")  # Braille and Hangul: drawn as nothing, as wide as a letter
_QUOTES = frozenset('"‘’‚‛“”„‟′″‴‵‶‷‹›«»`´〝〞〟＂＇')
_INVISIBLE = "\ue000"  # stands for one while a stretch is looked at; private, so no character of a language

# what characters of these General_Categories become
_PLAIN = {"Mn": "", "Mc": "", "Me": "", "Zs": " ", "Pd": "-", "Pc": "_", "Pi": "'", "Pf": "'"}

_TOKEN = re.compile(r"[^\W_]+")
_STRETCH = re.compile(r"\S+")
_WORD = re.compile(r"[^\W\d_]+")
_DIGITS = re.compile(r"\d+")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|\n\s*\n")
# letters one by one with the same character between: s p a c e d, s.p.a.c.e.d; two of them only between wide gaps
_SPACED = re.compile(r"(?<![^\W_])[^\W_](?:([^\w\n]|_)[^\W_])(?:\1[^\W_])+(?![^\W_])|(?<=\s\s)[^\W_] [^\W_](?=\s\s)")
_SHAPE = bytes(120 if chr(i).isalnum() and i < 128 else 32 for i in range(256))  # x for letters and digits


def normalise(text: str) -> str:
    """Return the text as it is compared: NFKC_Casefold, no marks, look-alike letters plain, one space between words.

    In this order: compatibility decomposition; nothing invisible (Default_Ignorable_Code_Point, General_Category
    Cf and Cc), or a space for it in a stretch longer than 24 characters; no marks (General_Category M); digits of all
    scripts (Nd) as 0 to 9; quotes as ' and dashes as -; letters drawn like Latin ones as these (UTS #39), casefold,
    composition. Then letters one by one (`s p a c e d`) are a word. Applying it twice changes nothing.
    """
    while True:
        folded = fold(text)
        spaced = without_spacing(folded)
        found = " ".join(spaced.split())
        if found == text or (spaced is folded and text.isascii() and not _single_letters(found)):
            return found
        text = found


def tokens(text: str) -> list[str]:
    r"""Return the runs of letters and digits of the normalised text; an underscore parts them like a space."""
    return _TOKEN.findall(normalise(text))


def without_numbers(words: list[str]) -> list[str]:
    """Return the tokens with every run of digits as `0`, and neighbouring bare `0` tokens as one.

    A copy whose numbers were changed becomes equal to its source; a table of numbers becomes nothing to match.
    """
    masked: list[str] = []
    for word in words:
        new = word if word.isalpha() else _DIGITS.sub("0", word)
        if new != "0" or not masked or masked[-1] != "0":
            masked.append(new)
    return masked


def sentences(text: str) -> list[str]:
    """Return the sentences of a text, each normalised; cut after `.`, `!`, `?` and at empty lines."""
    return [s for s in (normalise(part) for part in _SENTENCE_END.split(text)) if s]


def fold(text: str) -> str:
    """Return the text with each stretch between spaces folded, all but the spacing of letters and words."""
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
    """Return the folded text with letters that stand one by one put together."""
    parts, done = [], 0
    for place in spaced_letters(text):
        parts += [text[done : place[0]], text[place[0]]]
        done = place[-1] + 1
        parts += [text[i] for i in place[1:]]
    return "".join([*parts, text[done:]]) if parts else text


def spaced_letters(text: str) -> Iterator[range]:
    """Yield where the letters stand of words that are written letter by letter."""
    done = 0
    for start in _single_letters(text) if text.isascii() else (m.start() for m in _SPACED.finditer(text)):
        match = _SPACED.match(text, start) if start >= done else None
        if match:
            done = match.end()
            if any(c.isalpha() for c in match[0]):
                yield range(start, done, 2)


def is_ignorable(character: str) -> bool:
    """Return whether a character is drawn as nothing at all, and is no space."""
    return _IGNORABLE.match(character) is not None and not character.isspace()


def _single_letters(text: str) -> list[int]:
    """Return where in an ASCII text a word may begin that is written letter by letter; quicker than the pattern."""
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
    """Return a word with letters drawn like Latin ones as these.

    In a word that has a Latin letter each other letter is what it looks like. In a word of another alphabet alone it
    is what its capital looks like, so that a language's own words stay comparable in capitals.
    """
    written = word[0]
    if written.isascii():
        return written
    if any(c.isascii() for c in written):
        return "".join(_LOOKALIKES.get(c, c) for c in written)
    return "".join(_LOOKALIKES.get(c.upper(), _LOOKALIKES.get(c, c)) for c in written.casefold())


class _Table(dict[int, str]):
    """What a character of a decomposed text becomes, letters excepted, which depend on their word."""

    def __missing__(self, code: int) -> str:
        self[code] = plain = _plain_character(chr(code))
        return plain


def _plain_character(character: str) -> str:
    category = unicodedata.category(character)
    if character.isascii():
        return _ASCII.get(ord(character), character)
    if character in _BLANKS:
        return " "
    if is_ignorable(character) or character == _INVISIBLE:
        return _INVISIBLE
    if category in _PLAIN:
        return _PLAIN[category]
    if category in {"Nd", "No"}:
        return _plain_number(character)
    return (
        "'" if character in _QUOTES else character if character.isalpha() else _LOOKALIKES.get(character, character)
    )


def _plain_number(character: str) -> str:
    number = unicodedata.numeric(character)
    return str(int(number)) if number == int(number) else character


_ASCII = {ord(c): "'" for c in _QUOTES} | {i: _INVISIBLE for i in range(128) if is_ignorable(chr(i))}
_LOOKALIKES = lookalikes()
_TABLE = _Table()
