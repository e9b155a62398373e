"""Split text at places that do not depend on spaces, so that copies with joined or split words are found."""

import re
from itertools import pairwise

import numpy as np
import regex

# scripts without spaces between words: each character of _CHARACTER_SCRIPTS is a token, and each sequence of
# characters of _CHUNKED_SCRIPTS is split into tokens by `chunks`
_CHARACTER_SCRIPTS = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Bopomofo}\p{Yi}\u30fc"
_CHUNKED_SCRIPTS = (
    r"\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Tibetan}\p{Javanese}\p{Balinese}\p{Tai_Tham}\p{New_Tai_Lue}"
)
_PIECE = regex.compile(rf"[{_CHARACTER_SCRIPTS}]|([{_CHUNKED_SCRIPTS}]+)|[^{_CHARACTER_SCRIPTS}{_CHUNKED_SCRIPTS}]+")
_VOWELS = "aeiouаеёиоуыэюяαεηιουω"
_DROPPED = re.compile(rf"[\W\d_{_VOWELS}]+")
_DROPPED_ASCII = {code: None for code in range(128) if chr(code) in _VOWELS or not chr(code).isalpha()}
_NUMBER = re.compile(r"\d+")
_TOKEN_WITH_DIGIT = re.compile(r"(?<![^\W_])[^\W_]*?\d[^\W_]*")
_REPEATED = re.compile(r"(.)\1+")
LEET = str.maketrans("01345789", "oieastbg")  # replaces digits by the letters that they look like


def pieces(token: str) -> list[str]:
    """Return the parts of a normalised token; only scripts without spaces between words are split.

    Depending on the script, a part is one character or one of the `chunks`. A token without characters of such
    scripts is returned whole.
    """
    if token.isascii():
        return [token]
    parts: list[str] = []
    for match in _PIECE.finditer(token):
        parts += chunks(match[0]) if match[1] else [match[0]]
    return parts


def chunks(letters: str) -> list[str]:
    """Return the string cut into chunks of three characters on average.

    The cuts are at the local minima of a hash of two adjacent characters, so a cut depends only on the four
    characters around it. Therefore, a copied passage has the same chunks wherever it occurs, and a changed character
    changes at most three chunks.

    Reference: content-defined chunking, Muthitacharoen, Chen and Mazières, SOSP 2001.
    """
    code = np.frombuffer(letters.encode("utf-32-le"), dtype="<u4")
    key = (code[:-1] * np.uint32(0x9E3779B1) + code[1:]) * np.uint32(0x85EBCA6B)
    cuts = (np.flatnonzero((key[1:-1] < key[:-2]) & (key[1:-1] <= key[2:])) + 2).tolist()
    ends = pairwise([0, *cuts, len(letters)])
    return [letters[a:b] for a, b in ends] if letters else []


def consonant_chunks(normalised: str) -> list[str]:
    """Return the `chunks` of the `consonants` of a normalised text.

    Joined or split words, doubled letters, and changed or removed vowels do not change the result. Digits in a word
    with letters are read as the letters that they look like (`LEET`). All letters except the Latin, Cyrillic and
    Greek vowels count as consonants.
    """
    text = normalised
    if any(
        text[m.start() - 1 : m.start()].isalpha() or text[m.end() : m.end() + 1].isalpha()
        for m in _NUMBER.finditer(text)
    ):
        text = _TOKEN_WITH_DIGIT.sub(lambda match: match[0] if match[0].isdigit() else match[0].translate(LEET), text)
    return chunks(consonants(text))


def consonants(normalised: str) -> str:
    """Return the consonants of a normalised text, with equal neighbours reduced to one: "no 3 apples" -> "npls"."""
    kept = normalised.translate(_DROPPED_ASCII) if normalised.isascii() else _DROPPED.sub("", normalised)
    return _REPEATED.sub(r"\1", kept)


def without_digits_and_doubles(word: str) -> str:
    """Return `word` without digits and with repeated letters reduced to one: "b12ill" -> "bil".

    `word` may be several tokens joined without spaces.
    """
    return _REPEATED.sub(r"\1", _NUMBER.sub("", word))
