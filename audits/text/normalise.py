"""One way of reading text for every lexical audit: what a copier may change for free does not count as a change."""

import re
import unicodedata

_INVISIBLE = dict.fromkeys(
    [
        0x00AD,
        0x034F,
        0x061C,
        0x180E,
        0x2060,
        0xFEFF,
        *range(0x200B, 0x2010),
        *range(0x202A, 0x202F),
        *range(0xFE00, 0xFE10),
    ]
)
_QUOTES = dict.fromkeys(map(ord, "‘’‚‛“”„‟′″‹›«»`´"), "'") | {ord('"'): "'"}
_DASHES = dict.fromkeys(map(ord, "‐‑‒–—―−﹘﹣－"), "-")
# Cyrillic and Greek letters drawn like Latin ones (a subset of Unicode TR 39), after casefolding
_HOMOGLYPHS = dict(
    zip(map(ord, "аеорсухіјѕԁһкмтвнαοριυνκτ"), "aeopcyxijsdhkmtbhaopiuvkt", strict=True),
)
_TABLE = _INVISIBLE | _QUOTES | _DASHES | _HOMOGLYPHS

_TOKEN = re.compile(r"\w+")
_DIGITS = re.compile(r"\d+")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|\n\s*\n")


def normalise(text: str) -> str:
    """Return the text casefolded, NFKC, without invisible characters, with plain quotes, dashes and spaces.

    Letters of other scripts that look Latin become Latin. Applying it twice changes nothing.
    """
    if text.isascii():
        return " ".join(text.lower().replace('"', "'").replace("`", "'").split())
    while True:
        folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold()).translate(_TABLE)
        folded = " ".join(folded.split())
        if folded == text:
            return folded
        text = folded


def tokens(text: str) -> list[str]:
    r"""Return the `\w+` tokens of the normalised text."""
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
