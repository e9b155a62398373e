"""Normalise text before audits compare words, so that trivial changes of spelling do not hide a copy.

For example, "Café  №5" and "CAFE No5" have the same normal form, "cafe no5". The normal form follows NFKC_Casefold
(The Unicode Standard, section 3.13, with UAX #15) and the list of look-alike characters of UTS #39.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from itertools import chain

import regex
from confusable_homoglyphs.confusables import confusables_data

from audits.text.layout import BLANKS
from audits.text.letters import pieces

LONGEST_WORD = 24  # in a longer sequence of characters without a space, invisible characters count as spaces
_IGNORABLE = regex.compile(r"[\p{Default_Ignorable_Code_Point}\p{Cf}\p{Cc}]")
_QUOTES = frozenset('"‘’‚‛“”„‟′″‴‵‶‷‹›«»`´〝〞〟＂＇')
_INVISIBLE = "\ue000"  # private-use placeholder for an invisible character

# key: General_Category of a character; value: replacement of the character
_PLAIN = {"Mn": "", "Mc": "", "Me": "", "Zs": " ", "Pd": "-", "Pc": "_", "Pi": "'", "Pf": "'"}

_TOKEN = re.compile(r"[^\W_]+")
_STRETCH = re.compile(r"\S+")
_WORD = re.compile(r"[^\W\d_]+")
_DIGITS = re.compile(r"\d+")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|\n\s*\n")
# three or more letters with one separator ("s p a c e d", "s.p.a.c.e.d"), or two letters between wider gaps
_SPACED = re.compile(r"(?<![^\W_])[^\W_](?:([^\w\n]|_)[^\W_])(?:\1[^\W_])+(?![^\W_])|(?<=\s\s)[^\W_] [^\W_](?=\s\s)")
_SHAPE = bytes(120 if chr(i).isalnum() and i < 128 else 32 for i in range(256))  # letters and digits become x
# Unicode names of letters that UAX #15 and UTS #39 do not map to plain letters ("LATIN LETTER SMALL CAPITAL A")
_NAMED = re.compile(
    r"(?:(?:NEGATIVE |SQUARED |CROSSED |CIRCLED )*LATIN (?:CAPITAL |SMALL )?LETTER|LATIN LETTER SMALL CAPITAL"
    r"|REGIONAL INDICATOR SYMBOL LETTER|MODIFIER LETTER (?:SMALL|CAPITAL)) ([A-Z])"
)
# Unicode blocks with letters that `_NAMED` matches: phonetic letters, Latin extended C, D and E, enclosed letters
_BLOCKS = ((0x250, 0x2B0), (0x1D00, 0x1DC0), (0x2C60, 0x2C80), (0xA720, 0xA800), (0xAB30, 0xAB70), (0x1F100, 0x1F200))
_MARKS_AROUND = "\u200e"  # confusable_homoglyphs surrounds letters of right-to-left scripts with this mark
_BAR = frozenset("lI1|")  # a character that looks like these becomes I if it is a capital, else l


def normalise(text: str) -> str:
    """Return the normal form of a text. The following steps are repeated until the text no longer changes.

    - Decompose compatibility characters (NFKD).
    - Remove invisible characters (Default_Ignorable_Code_Point, General_Category Cf and Cc). In a sequence of more
      than 24 visible characters without a space, replace invisible characters by spaces.
    - Remove combining marks (General_Category M).
    - Replace digits of all scripts (Nd) by 0 to 9, quotes by ', and dashes by -.
    - Replace letters that look Latin by Latin letters (UTS #39).
    - Fold case, and compose characters (NFC).
    - Join spaced letters (`s p a c e d`) to words, and reduce white space to single spaces.
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

    In a script without spaces, a token is one character (Chinese, Japanese) or a chunk of about three (`pieces`).
    """
    return split_words(normalise(text))


def split_words(normalised: str) -> list[str]:
    """Return the tokens of a normalised text."""
    words: list[str] = _TOKEN.findall(normalised)
    return words if normalised.isascii() else [piece for word in words for piece in pieces(word)]


def without_numbers(words: list[str]) -> list[str]:
    """Return the tokens with masked numbers, so that changed numbers do not hide a copy.

    Every sequence of digits becomes `0`, and adjacent `0` tokens are merged: ["120", "80", "b12"] -> ["0", "b0"].
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
    """Return the text after one round of the steps of `normalise`, without the last step."""
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
    """Return a text with spaced letters joined: "s p a c e d text" -> "spaced text"."""
    parts, done = [], 0
    for place in spaced_letters(text):
        parts += [text[done : place[0]], *(text[i] for i in place)]
        done = place[-1] + 1
    return "".join([*parts, text[done:]]) if parts else text


def spaced_letters(text: str) -> Iterator[range]:
    """Yield the positions of the letters of each word with spaced letters: "s p a c e d" -> range(0, 11, 2)."""
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
    """Return the positions in an ASCII text where spaced letters may begin, faster than a search for `_SPACED`."""
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
    # a word without ASCII letters: each letter is replaced like its capital, so that small letters match capitals
    return "".join(_LOOKALIKES.get(c.upper(), _LOOKALIKES.get(c, c)) for c in written.casefold())


class _Table(dict[int, str]):
    """Table for the non-letters of decomposed text, filled when needed. `_plain_word` replaces letters."""

    def __missing__(self, code: int) -> str:
        self[code] = plain = _plain_character(chr(code))
        return plain


def _plain_character(character: str) -> str:
    if character.isascii() or character in _QUOTES:
        return _ASCII.get(ord(character), character)
    if character in BLANKS:
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


def _lookalikes() -> dict[str, str]:
    """Return for each non-ASCII look-alike character the ASCII characters that replace it.

    Each character of a class (`_classes`) is replaced by the shortest ASCII string of the class. If the class has no
    ASCII string, the character is replaced by a Latin letter in the Unicode name of a member (`_by_name`). Letters
    of `_BLOCKS` in no class are replaced by the Latin letter in their own name. If a small letter still has no
    replacement, such as Cyrillic ve, it is replaced like its capital.

    Reference: Unicode Technical Standard #39, confusables.txt, from the package confusable-homoglyphs.
    """
    replacements: dict[str, str] = {}
    for members in _classes():
        named = {plain for member in members if (plain := _by_name(member))}
        for member in members:
            if len(member) == 1 and not member.isascii():
                plain = _shortest_ascii(member, members) or min(named, default="")
                if plain and (plain.isalnum() or not member.isalnum()):  # punctuation never replaces a letter
                    replacements[member] = plain
    for code in chain.from_iterable(range(*block) for block in _BLOCKS):
        if plain := _by_name(chr(code)):
            replacements.setdefault(chr(code), plain)
    for member in list(replacements):
        small = member.lower()
        if len(small) == 1 and small != member and small not in replacements and not small.isascii():
            replacements[small] = replacements[member].lower()
    return replacements


def _classes() -> list[set[str]]:
    """Return the classes of strings that look alike. If a looks like b, and b like c, the class has a, b and c."""
    classes: dict[str, set[str]] = {}
    for key, others in confusables_data.items():
        for other in others:
            a, b = key.strip(_MARKS_AROUND), other["c"].strip(_MARKS_AROUND)
            merged = classes.get(a, {a}) | classes.get(b, {b})
            classes.update(dict.fromkeys(merged, merged))
    return list({id(members): members for members in classes.values()}.values())


def _shortest_ascii(character: str, members: Iterable[str]) -> str:
    """Return the shortest ASCII string of a character's class, ignoring combining marks; "" if there is none."""
    stripped = {"".join(c for c in unicodedata.normalize("NFD", m) if not unicodedata.combining(c)) for m in members}
    plain = sorted((s for s in stripped if s.isascii() and s and not s.isspace()), key=lambda s: (len(s), s))
    if len(plain) > 1 and _BAR.issuperset(plain[:2]):
        return "I" if character.isupper() else "l"
    alike = [s for s in plain if len(s) == len(plain[0])]
    return next((s for s in alike if s.isalpha()), alike[0]) if alike else ""


def _by_name(character: str) -> str:
    """Return the Latin letter in a character's Unicode name (`_NAMED`), in lower case; "" if there is none."""
    if len(character) != 1 or character.isascii():
        return ""
    match = _NAMED.fullmatch(unicodedata.name(character, ""))
    return match[1].lower() if match else ""


_ASCII = {ord(c): "'" for c in _QUOTES} | {i: _INVISIBLE for i in range(128) if is_ignorable(chr(i))}
_LOOKALIKES = _lookalikes()
_TABLE = _Table()
