"""Format numbers, counts, names and lists for the page of the report.

A bucket is a range of counts, such as `500-1k`, that is published in place of an exact count.
"""

import math
from collections.abc import Sequence
from typing import Any

from audits.core.errors import printable

MAX_LABEL_CHARACTERS, MAX_EXCERPT_CHARACTERS = 60, 600


def number(value: Any) -> str:
    """Format a number, a list of numbers or a text; words replace a number that is missing or not finite."""
    if value is None:
        return "not measured"
    if isinstance(value, list | tuple):
        return " to ".join(number(v) for v in value)
    if isinstance(value, str):
        return printable(value)
    if not math.isfinite(value):
        return "not a finite number"
    if float(value).is_integer():
        return count(int(value))
    decimals = 3 if abs(value) < 10 else 2 if abs(value) < 100 else 1
    return f"{value:,.{decimals}f}" if abs(value) >= 0.001 else small(value)


def small(value: float) -> str:
    """Format a number below 0.001 with all decimals if there are at most six, else with two significant digits."""
    plain = f"{value:.6f}".rstrip("0")
    return plain if float(plain) == value else f"{value:.1e}"


def percent(share: float) -> str:
    """Return a share in percent with at most one decimal."""
    return f"{100 * share:.1f}".removesuffix(".0") + "%"


def at_most(share: float) -> str:
    """Return a share as "N of 100", or as "N of 1,000" if the share is below 1 %; N is rounded up."""
    out_of = 1000 if 0 < share < 0.01 else 100
    return f"{math.ceil(round(share * out_of, 6))} of {count(out_of)}"


def several(n: int, singular: str, plural: str = "") -> str:
    """Return a number and a noun, for example "1 rule" or "3 rules"; pass `plural` if the plural is irregular."""
    return f"{count(n)} {singular if n == 1 else plural or f'{singular}s'}"


def count(value: int | str) -> str:
    """Return a whole number with thousands separators; return a bucket unchanged."""
    return value if isinstance(value, str) else f"{value:,d}"


def spoken(value: int | str) -> str:
    """Return a count or a bucket for a sentence, for example "500 to 1,000" for `500-1k`."""
    if isinstance(value, int):
        return count(value)
    return " to ".join(count(int(end.replace("k", "000"))) for end in value.split("-"))


def least_of(value: int | str) -> int:
    """Return a count unchanged, or the smallest count in a bucket, for example 1000 for `1k-2k`."""
    return value if isinstance(value, int) else int(value.split("-")[0].replace("k", "000"))


def listed(items: Sequence[str], between: str = ", ") -> str:
    """Return items as a list in a sentence, with "and" before the last item."""
    *rest, last = items
    return f"{between.join(rest)}{between.rstrip() if between == '; ' else ''} and {last}" if rest else last


def label(value: str) -> str:
    """Return a name from the data, shortened to the maximum length, with invisible characters replaced by U+FFFD."""
    shown = printable(value)
    return shown if len(shown) <= MAX_LABEL_CHARACTERS else shown[: MAX_LABEL_CHARACTERS - 1] + "…"


def excerpt(text: str) -> str:
    """Return the beginning of a text; invisible characters except line breaks become U+FFFD."""
    shown = text if len(text) <= MAX_EXCERPT_CHARACTERS else text[: MAX_EXCERPT_CHARACTERS - 1] + "…"
    return "\n".join(printable(line) for line in shown.splitlines())
