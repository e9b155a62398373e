"""Whether a text names something, in these very words."""

import re
import unicodedata

_WORD = re.compile(r"\w+")


def mentions(text: str, phrase: str) -> bool:
    """Return whether the words of the phrase stand in the text, in a row.

    Whole words, in any case and Unicode form, whatever stands between them; works for any subject and language that
    puts spaces between words. What is said of the phrase is not asked: "no metformin" mentions metformin.

    Example:
        >>> mentions("Stopped METFORMIN 500 mg.", "metformin"), mentions("metformins", "metformin")
        (True, False)
    """
    wanted, found = _folded(phrase), _folded(text)
    return any(found[i : i + len(wanted)] == wanted for i in range(len(found) - len(wanted) + 1))


def _folded(text: str) -> list[str]:
    return _WORD.findall(unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold()))
