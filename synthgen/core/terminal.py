"""Print on a terminal, with invisible characters replaced and private folders replaced by names such as `${HOME}`."""

import os
import re
import sys
from typing import TextIO

from audits.core.errors import printable

_SPELLINGS: dict[str, str] = {}  # key: absolute folder; value: its spelling in the configuration, `${VARIABLE}`


def show_as_written(variable: str, folder: str) -> None:
    """Make `as_written` replace a folder and, if the folder is a link, its target by `${variable}`."""
    for place in {os.path.normpath(folder), os.path.realpath(folder)} - {os.sep}:
        _SPELLINGS[place] = f"${{{variable}}}"


def as_written(text: str) -> str:
    """Return a message in which `${VARIABLE}` replaces each folder that was passed to `show_as_written`.

    For example, "/home/ann/a.csv" becomes "${HOME}/a.csv".
    """
    for folder in sorted(_SPELLINGS, reverse=True):  # a folder is replaced before the folder that contains it
        parts = re.split(rf"(?<![\w/.-]){re.escape(folder)}(?![\w-]|\.\w)", text)
        text = _SPELLINGS[folder].join(parts)
    return text


def say(text: str) -> None:
    """Print progress, warnings and errors on standard error, with invisible characters replaced in each line."""
    _print(text, sys.stderr)


def show(text: str) -> None:
    """Print a result on standard output, with invisible characters replaced in each line."""
    _print(text, sys.stdout)


def _print(text: str, stream: TextIO) -> None:
    for line in as_written(text).split("\n"):
        print(printable(line), file=stream)
