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


def mask_numbers(words: list[str]) -> list[str]:
    """Return the words with every run of digits as 0, and neighbouring bare 0s as one.

    A copy with its figures changed equals its source, and a table of figures is nothing to match.
    """
    masked: list[str] = []
    for word in words:
        new = _NUMBER.sub("0", word)
        if new != "0" or not masked or masked[-1] != "0":
            masked.append(new)
    return masked
