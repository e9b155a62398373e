"""Define `TextPattern`, a rule that finds identifiers by a regular expression, and functions that rules call."""

import re
from collections.abc import Callable
from typing import NamedTuple

IGNORE = re.IGNORECASE
# words that start with a capital or with a letter outside ASCII; only the words of `CAPITAL` can contain full stops
CAPITAL = r"[^\W\d_a-z][\w'’.-]{0,24}"
PROPER = r"[^\W\d_a-z][\w'’-]{0,24}"
_UNIT = re.compile(
    r"(?i) ?(?:mg|mcg|ug|g|kg|ml|cc|l|units?|iu|mmhg|bpm|%|pg|ng|cells|thousand|mmol|meq|steps|feet|ft|calories|kcal"
    r"|hours?|days?|weeks?|mins?|minutes)\b|%"
)


class TextPattern(NamedTuple):
    """A rule: a kind of identifier, a regular expression for this kind, and a check of each match.

    If the expression has a group `value`, only the text of this group is the identifier; the rest is context.
    """

    kind: str
    regex: str
    is_valid: Callable[[re.Match[str]], bool] = lambda _: True


def digits_of(value: str) -> str:
    """Return all decimal digits of a text as ASCII digits; the digits can be from any script."""
    return "".join(str(int(c)) for c in value if c.isdecimal())


def before(match: re.Match[str], n: int = 40) -> str:
    """Return the `n` characters before a match, or fewer near the start of the text."""
    return match.string[max(0, match.start() - n) : match.start()]


def has_unit(match: re.Match[str]) -> bool:
    """Return whether a unit of a measurement follows a match."""
    return _UNIT.match(match.string, match.end()) is not None
