"""Print text from data and files safely on a terminal."""

import sys
import unicodedata

# control, format (including direction marks), surrogate, private use, line and paragraph separators
_INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}


def printable(text: str) -> str:
    r"""Return `text` with each control, escape, direction and other invisible character replaced by one mark.

    An escape sequence in a label or path could change the window title or hide a line, and a direction mark could
    make a path look like another one.

    Example:
        >>> printable("a\x1b[2Jb")
        'a�[2Jb'
    """
    return "".join("\N{REPLACEMENT CHARACTER}" if unicodedata.category(c) in _INVISIBLE else c for c in text)


def say(text: str) -> None:
    """Print text on standard error, with invisible characters replaced in each line."""
    for line in text.splitlines():
        print(printable(line), file=sys.stderr)  # noqa: T201 - the only place that prints for people
