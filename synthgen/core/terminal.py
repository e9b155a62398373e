"""Print text from data and files safely on a terminal."""

import os
import re
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


_WRITTEN: dict[str, str] = {}  # by folder: the variable that a path of the configuration names it with


def show_as_written(variable: str, folder: str) -> None:
    """Show a folder, and the folder that it links to, by the name of an environment variable from now on."""
    for place in {os.path.normpath(folder), os.path.realpath(folder)} - {os.sep}:
        _WRITTEN[place] = f"${{{variable}}}"


def as_written(text: str) -> str:
    """Return a message in which folders from environment variables are shown by the names of the variables."""
    for folder in sorted(_WRITTEN, reverse=True):  # a longer folder before the folder that contains it
        parts = re.split(rf"(?<![\w/.-]){re.escape(folder)}(?![\w-]|\.\w)", text)
        text = _WRITTEN[folder].join(parts)
    return text


def say(text: str) -> None:
    """Print text on standard error, with invisible characters replaced in each line."""
    for line in as_written(text).splitlines():
        print(printable(line), file=sys.stderr)  # noqa: T201 - the only place that prints for people
