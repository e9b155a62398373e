"""Words as the filters compare them: what a writer changes for free does not count as a change."""

import re
import unicodedata

_WORD = re.compile(r"\w+")
_NUMBER = re.compile(r"\d+")


def normalised_words(text: str) -> list[str]:
    r"""Return the `\w+` words of the text, NFKC, casefolded, without invisible format characters."""
    if not text.isascii():
        plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
        text = "".join(c for c in plain if unicodedata.category(c) != "Cf")
    return _WORD.findall(text.lower())


def without_numbers(words: list[str]) -> list[str]:
    """Return the words with every run of digits as 0, so that a copy with its figures changed equals its source."""
    return [_NUMBER.sub("0", word) for word in words]
