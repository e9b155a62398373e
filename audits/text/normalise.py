"""Normalise texts and split them into tokens for the audits, so that trivial changes of spelling do not hide a copy.

For example, "Café  №5" and "CAFE No5" have the same normal form, "cafe no5". The steps (`normalise`) extend
NFKC_Casefold (The Unicode Standard, section 3.13, with UAX #15): marks are removed, look-alikes are replaced, and
spaced letters are joined. A look-alike is a non-ASCII character that looks like ASCII characters according to UTS #39
or to its Unicode name. Spaced letters are a word with the same separator between all its letters: "s p a c e d".
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from itertools import chain

import regex
from confusable_homoglyphs.confusables import confusables_data

from audits.text.layout import BLANKS
from audits.text.letters import pieces

LONGEST_WORD = 24  # invisible characters become spaces in a word with more visible characters than this
_IGNORABLE = regex.compile(r"[\p{Default_Ignorable_Code_Point}\p{Cf}\p{Cc}]")
_QUOTES = frozenset('"‘’‚‛“”„‟′″‴‵‶‷‹›«»`´〝〞〟＂＇')
_INVISIBLE = "\ue000"  # private-use placeholder for an invisible character

# key: General_Category of a character; value: replacement of the character
_PLAIN_BY_CATEGORY = {"Mn": "", "Mc": "", "Me": "", "Zs": " ", "Pd": "-", "Pc": "_", "Pi": "'", "Pf": "'"}

_TOKEN = re.compile(r"[^\W_]+")
_NON_BLANKS = re.compile(r"\S+")
_WORD = re.compile(r"[^\W\d_]+")
_DIGITS = re.compile(r"\d+")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|\n\s*\n")
# spaced letters (or digits): at least three with the same separator ("s p a c e d", "s.p.a.c.e.d"), or two with a
# space between them and at least two blanks on both sides
_SPACED = re.compile(r"(?<![^\W_])[^\W_](?:([^\w\n]|_)[^\W_])(?:\1[^\W_])+(?![^\W_])|(?<=\s\s)[^\W_] [^\W_](?=\s\s)")
_SHAPE = bytes(120 if chr(i).isalnum() and i < 128 else 32 for i in range(256))  # letters, digits: x; others: space
# matches the Unicode name of a character that looks like a Latin letter according to its name only, and not according
# to UAX #15 or UTS #39: "LATIN LETTER SMALL CAPITAL A"
_LETTER_NAME = re.compile(
    r"(?:(?:NEGATIVE |SQUARED |CROSSED |CIRCLED )*LATIN (?:CAPITAL |SMALL )?LETTER|LATIN LETTER SMALL CAPITAL"
    r"|REGIONAL INDICATOR SYMBOL LETTER|MODIFIER LETTER (?:SMALL|CAPITAL)) ([A-Z])"
)
# ranges of code points with names that `_LETTER_NAME` matches: phonetic letters, Latin extended C, D and E, and
# enclosed letters
_BLOCKS = ((0x250, 0x2B0), (0x1D00, 0x1DC0), (0x2C60, 0x2C80), (0xA720, 0xA800), (0xAB30, 0xAB70), (0x1F100, 0x1F200))
_DIRECTION_MARK = "\u200e"  # left-to-right mark, with which confusable_homoglyphs surrounds right-to-left letters
_BAR = frozenset("lI1|")  # characters that look alike; a look-alike of them becomes I if it is a capital, else l


def normalise(text: str) -> str:
    """Return the normal form of a text. The following steps are repeated until the text no longer changes.

    1. Decompose compatibility characters (NFKD).
    2. Remove invisible characters (Default_Ignorable_Code_Point, General_Category Cf and Cc, but not white space). In
       a word of more than `LONGEST_WORD` visible characters, replace them by spaces, because they may separate words.
    3. Remove combining marks (General_Category M).
    4. Replace digits and whole numbers of all scripts (Nd, No) by digits 0 to 9, quotes by ', dashes by -, connectors
       (Pc) by _, and spaces (Zs) and blanks as wide as a letter (`BLANKS`) by a space.
    5. Replace look-alikes by the ASCII characters that they look like.
    6. Fold case, and compose characters (NFC).
    7. Join spaced letters to words, and reduce white space to single spaces, with none at the start or end.
    """
    while True:
        folded = fold(text)
        spaced = without_spacing(folded)
        joined = " ".join(spaced.split())
        if joined == text or (spaced is folded and text.isascii() and not _single_letters(joined)):
            return joined
        text = joined


def tokens(text: str) -> list[str]:
    """Return the tokens of a text: the sequences of letters and digits in its normal form.

    In scripts without spaces, a token is one character (such as Chinese) or about three (such as Thai); see `pieces`.
    """
    return split_words(normalise(text))


def split_words(normalised: str) -> list[str]:
    """Return the tokens of a normalised text."""
    words: list[str] = _TOKEN.findall(normalised)
    return words if normalised.isascii() else [piece for word in words for piece in pieces(word)]


def without_numbers(words: list[str]) -> list[str]:
    """Return the tokens with masked numbers, so that changed numbers do not hide a copy.

    Every sequence of digits becomes `0`, and adjacent tokens `0` are merged: ["120", "80", "b12"] -> ["0", "b0"].
    """
    masked: list[str] = []
    for word in words:
        new = word if word.isalpha() else _DIGITS.sub("0", word)
        if new != "0" or not masked or masked[-1] != "0":
            masked.append(new)
    return masked


def sentences(text: str) -> list[str]:
    """Return the normalised sentences of a text, split at white space after `.`, `!` or `?` and at empty lines."""
    return [s for s in (normalise(part) for part in _SENTENCE_END.split(text)) if s]


def fold(text: str) -> str:
    """Return the text after one round of steps 1 to 6 of `normalise`."""
    if text.isascii():
        plain = text.lower().translate(_ASCII)
        if plain.isascii():
            return plain
        text = plain
    text = unicodedata.normalize("NFKD", text).translate(_PLAIN_CHARACTERS)
    if _INVISIBLE in text:
        text = _NON_BLANKS.sub(_without_invisible, text)
    return unicodedata.normalize("NFC", _WORD.sub(_plain_word, text).casefold())


def without_spacing(text: str) -> str:
    """Return a text with spaced letters joined: "s p a c e d text" -> "spaced text"."""
    parts, done = [], 0
    for place in spaced_letters(text):
        parts += [text[done : place[0]], *(text[i] for i in place)]
        done = place[-1] + 1
    return "".join([*parts, text[done:]]) if parts else text


def spaced_letters(text: str) -> Iterator[range]:
    """Yield, for each word with spaced letters, the positions of its letters: "s p a c e d" -> range(0, 11, 2)."""
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
    """Return whether a character is a look-alike whose NFKD form does not begin with ASCII, such as Cyrillic а."""
    return character in _LOOKALIKES and not unicodedata.normalize("NFKD", character)[0].isascii()


def _single_letters(text: str) -> list[int]:
    """Return the positions in an ASCII text at which `_SPACED` can match, without the slower search for `_SPACED`."""
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
    written = word[0]
    if written.isascii():
        return written
    if any(c.isascii() for c in written):
        return "".join(_LOOKALIKES.get(c, c) for c in written)
    # in a word without ASCII letters, a small letter whose capital is a look-alike is replaced like its capital
    return "".join(_LOOKALIKES.get(c.upper(), _LOOKALIKES.get(c, c)) for c in written.casefold())


class _PlainCharacters(dict[int, str]):
    """A cache of `_plain_character` by code point; an entry is added when a text first contains the character."""

    def __missing__(self, code: int) -> str:
        self[code] = plain = _plain_character(chr(code))
        return plain


def _plain_character(character: str) -> str:
    # returns the replacement of a character of decomposed text in steps 2 to 5; `_plain_word` replaces letters later
    if character.isascii() or character in _QUOTES:
        return _ASCII.get(ord(character), character)
    if character in BLANKS:
        return " "
    if is_ignorable(character) or character == _INVISIBLE:
        return _INVISIBLE
    category = unicodedata.category(character)
    if category in _PLAIN_BY_CATEGORY:
        return _PLAIN_BY_CATEGORY[category]
    if category in {"Nd", "No"}:
        number = unicodedata.numeric(character)
        return str(int(number)) if number == int(number) else character
    return character if character.isalpha() else _LOOKALIKES.get(character, character)


def _lookalikes() -> dict[str, str]:
    """Return for each look-alike the ASCII characters that replace it, by the first rule that gives a result.

    1. The shortest ASCII string (`_shortest_ascii`) that looks like the character (`_classes`). If there is none, the
       alphabetically first Latin letter in the Unicode names of all characters that look like it (`_letter_in_name`).
       In both cases, punctuation never replaces a letter or digit.
    2. For a character of `_BLOCKS`, the Latin letter in its own Unicode name.
    3. For a small letter, such as Cyrillic ve, the lower case of the replacement of its capital.

    Reference: Unicode Technical Standard #39, confusables.txt, from the package confusable-homoglyphs.
    """
    replacements: dict[str, str] = {}
    for members in _classes():
        letters_in_names = {plain for member in members if (plain := _letter_in_name(member))}
        for member in members:
            if len(member) == 1 and not member.isascii():
                plain = _shortest_ascii(member, members) or min(letters_in_names, default="")
                if plain and (plain.isalnum() or not member.isalnum()):
                    replacements[member] = plain
    for code in chain.from_iterable(range(*block) for block in _BLOCKS):
        if plain := _letter_in_name(chr(code)):
            replacements.setdefault(chr(code), plain)
    for member in list(replacements):
        small = member.lower()
        if len(small) == 1 and small != member and small not in replacements and not small.isascii():
            replacements[small] = replacements[member].lower()
    return replacements


def _classes() -> list[set[str]]:
    """Return the classes of strings that look alike: if a looks like b, and b like c, the class has a, b and c."""
    classes: dict[str, set[str]] = {}
    for key, others in confusables_data.items():
        for other in others:
            a, b = key.strip(_DIRECTION_MARK), other["c"].strip(_DIRECTION_MARK)
            merged = classes.get(a, {a}) | classes.get(b, {b})
            classes.update(dict.fromkeys(merged, merged))
    return list({id(members): members for members in classes.values()}.values())


def _shortest_ascii(character: str, members: Iterable[str]) -> str:
    """Return the shortest ASCII string of a character's class, without combining marks; "" if there is none."""
    stripped = {"".join(c for c in unicodedata.normalize("NFD", m) if not unicodedata.combining(c)) for m in members}
    plain = sorted((s for s in stripped if s.isascii() and s and not s.isspace()), key=lambda s: (len(s), s))
    if len(plain) > 1 and _BAR.issuperset(plain[:2]):
        return "I" if character.isupper() else "l"
    alike = [s for s in plain if len(s) == len(plain[0])]
    return next((s for s in alike if s.isalpha()), alike[0]) if alike else ""


def _letter_in_name(character: str) -> str:
    """Return the Latin letter in the Unicode name of a non-ASCII character, in lower case; "" if there is none."""
    if len(character) != 1 or character.isascii():
        return ""
    match = _LETTER_NAME.fullmatch(unicodedata.name(character, ""))
    return match[1].lower() if match else ""


_ASCII = {ord(c): "'" for c in _QUOTES} | {i: _INVISIBLE for i in range(128) if is_ignorable(chr(i))}
_LOOKALIKES = _lookalikes()
_PLAIN_CHARACTERS = _PlainCharacters()
