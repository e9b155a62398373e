"""Words from data and files, made safe to print."""

import sys
import unicodedata

_UNSEEN = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}  # control, format (bidi marks among them), surrogate, private, breaks


def printable(text: str) -> str:
    r"""Return `text` with every control, escape, direction and other unseen character replaced by one mark.

    A label or path with an escape sequence could retitle a window or hide a line; a direction mark could make
    a path read as another one.

    Example:
        >>> printable("a\x1b[2Jb")
        'a�[2Jb'
    """
    return "".join("\N{REPLACEMENT CHARACTER}" if unicodedata.category(c) in _UNSEEN else c for c in text)


def say(text: str) -> None:
    """Print text for people on standard error, what cannot be seen taken out of each line."""
    for line in text.splitlines():
        print(printable(line), file=sys.stderr)  # noqa: T201 - the one place that does
