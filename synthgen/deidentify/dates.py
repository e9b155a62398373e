"""Finds dates in the forms people write, and moves them by a number of days without changing their form."""

import re
from datetime import date, timedelta

MONTHS = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)
_MONTH = (
    r"(?P<mon>January|February|March|April|May|June|July|August|September|October|November|December"
    r"|(?:Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec|JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC)(?!\w))\.?"
)
_DAY = r"(?P<d>\d{1,2})(?P<ord>st|nd|rd|th)?"
_YEAR = r"(?P<y>(?:1[89]|20|21)\d\d)"
_EDGE = r"(?<![\w/.-])", r"(?![\w/]|[.-]\d)"
_FORMS = tuple(
    re.compile(_EDGE[0] + form + _EDGE[1])
    for form in (
        _YEAR + r"(?P<sep>[-/.])(?P<m>\d{1,2})(?P=sep)(?P<d>\d{1,2})(?:(?=T\d)|\b)",
        r"(?P<a>\d{1,2})(?P<sep>[-/.])(?P<b>\d{1,2})(?P=sep)" + _YEAR,
        r"(?P<a>\d{1,2})(?P<sep>[-/])(?P<b>\d{1,2})(?P=sep)(?P<y>\d\d)",
        _MONTH + r" {1,2}" + _DAY + r",? {1,2}" + _YEAR,
        _DAY + r"(?: of)?[ -]" + _MONTH + r",?[ -](?:" + _YEAR[:-1] + r"|\d\d))",
        _MONTH + r",? " + _YEAR,
        _MONTH + r" " + _DAY,
        _DAY + r"(?: of)? " + _MONTH,
    )
)
_CENTURY_PIVOT = 40  # two-digit years up to this one are of the 2000s
_LEAP_YEAR = 2000  # stands in where a date names no year
_MIDDLE = 15  # stands in where a date names no day


def find_dates(text: str) -> list[tuple[int, int]]:
    """Return start and end of every date that the calendar has; overlapping ones are all returned."""
    return [m.span() for form in _FORMS for m in form.finditer(text) if _day_of(m) is not None]


def shift_date(value: str, days: int) -> str:
    """Return the date moved by so many days, written as it was: order, separators, padding, names, year's length.

    Raises:
        ValueError: if the value is not a date that `find_dates` finds.
    """
    for form in _FORMS:
        match = form.fullmatch(value)
        day = _day_of(match) if match else None
        if match and day:
            return _rewrite(match, day + timedelta(days=days))
    raise ValueError("not a date in a known form")


def _day_of(match: re.Match[str]) -> date | None:
    """Return the day a match names, or None where there is no such day. Month first, unless it cannot be."""
    month, day = _month_and_day(match)
    try:
        return date(_year(match.groupdict().get("y")), month, day)
    except ValueError:
        return None


def _month_and_day(match: re.Match[str]) -> tuple[int, int]:
    parts = match.groupdict()
    if parts.get("a"):
        a, b = int(parts["a"]), int(parts["b"])
        return (a, b) if a <= 12 else (b, a)
    month = int(parts["m"]) if parts.get("m") else _month_number(parts["mon"])
    return month, int(parts["d"]) if parts.get("d") else _MIDDLE


def _month_number(name: str) -> int:
    return next(i for i, month in enumerate(MONTHS, 1) if month.startswith(name[:3].lower()))


def _year(written: str | None) -> int:
    if written is None:
        return _LEAP_YEAR
    year = int(written)
    if len(written) > 2:
        return year
    return year + (2000 if year <= _CENTURY_PIVOT else 1900)


def _rewrite(match: re.Match[str], day: date) -> str:
    """Return the matched words with each part of the date replaced in its place."""
    parts = {name: value for name, value in match.groupdict().items() if value is not None}
    numbers = [parts[name] for name in ("a", "b", "m", "d") if name in parts]
    is_padded = any(n.startswith("0") for n in numbers) or (len(numbers) > 1 and all(len(n) == 2 for n in numbers))
    width = 2 if is_padded else 1
    is_month_first = "a" in parts and int(parts["a"]) <= 12
    new = {
        "y": str(day.year)[-len(parts.get("y", "0000")) :],
        "m": f"{day.month:0{width}d}",
        "d": f"{day.day:0{width}d}",
        "a": f"{day.month if is_month_first else day.day:0{width}d}",
        "b": f"{day.day if is_month_first else day.month:0{width}d}",
        "mon": _month_name(parts.get("mon", ""), day.month),
        "ord": _ordinal(day.day),
    }
    value, shift = match[0], match.start()
    for name in sorted((n for n in parts if n in new), key=match.start, reverse=True):
        value = value[: match.start(name) - shift] + new[name] + value[match.end(name) - shift :]
    return value


def _month_name(written: str, month: int) -> str:
    """Return a month's name, short where the written one was short, in capitals where it was."""
    is_full = written.lower() in MONTHS and written.lower() != "may"
    name = MONTHS[month - 1].capitalize()
    name = name if is_full else name[:3]
    return name.upper() if written.isupper() else name


def _ordinal(day: int) -> str:
    return "th" if 11 <= day <= 13 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
