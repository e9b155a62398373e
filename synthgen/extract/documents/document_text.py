"""Tidy the line ends and blank lines of a text."""

import re

_LINE_END = re.compile(r"\r\n?|[\x0b\x0c\x85\u2028\u2029]")
_BLANK_LINES = re.compile(r"\n{3,}")


def tidy(text: str) -> str:
    """Return a text with line feeds, without spaces at line ends, and with at most one blank line in a row."""
    lines = _LINE_END.sub("\n", text).split("\n")
    return _BLANK_LINES.sub("\n\n", "\n".join(line.rstrip(" \t\xa0") for line in lines)).strip()
