"""Find dates in the wrong order: a discharge before the admission, or any date before the birth."""

import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import date

from synthgen.coherence.contradiction import Contradiction

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = rf"(?:{'|'.join(_MONTHS)})[a-z]*"
# Four forms of a date: "2020-04-03", "3/4/2020", "3 April 2020" and "April 3, 2020". The name of a group is y, m, d
# or n (year, month, day or name of the month), followed by the number of the form. In the second form, the groups a
# and b are the day and the month, in either order.
_DATE = (
    r"(?:(?P<y1>\d{4})-(?P<m1>\d{1,2})-(?P<d1>\d{1,2})"
    r"|(?P<a>\d{1,2})[/.](?P<b>\d{1,2})[/.](?P<y2>\d{4})"
    rf"|(?P<d3>\d{{1,2}})(?:st|nd|rd|th)? (?:of )?(?P<n3>{_MONTH})\.?,? (?P<y3>\d{{4}})"
    rf"|(?P<n4>{_MONTH})\.? (?P<d4>\d{{1,2}})(?:st|nd|rd|th)?,? (?P<y4>\d{{4}}))"
)
_ANY_DATE = re.compile(rf"(?i)\b{_DATE}\b")
_BORN, _ADMITTED, _DISCHARGED = (
    re.compile(rf"(?i)\b(?:{words})\b[^.\n]{{0,25}}?\b(?P<date>{_DATE})\b")
    for words in (
        r"date of birth|dob",
        r"admitted|admission date|date of admission",
        r"discharged|discharge date|date of discharge",
    )
)
_READMITTED = re.compile(r"(?i)\bre-?admi\w+|\b(?:admitted|admission) again\b")  # signs of a second hospital stay


def out_of_order(text: str) -> Iterator[Contradiction]:
    """Yield at most one pair of dates in the wrong order: discharge before admission, or any date before birth.

    If a text states several dates of birth, all of them are ignored; the same applies to admissions and discharges.
    If a date can mean two days, such as 03/04/2020, the order must be wrong for both days.
    """
    born, admitted, discharged = (_single_match(pattern, text) for pattern in (_BORN, _ADMITTED, _DISCHARGED))
    is_one_stay = _READMITTED.search(text) is None
    if is_one_stay and admitted is not None and discharged is not None and _is_before(discharged, admitted):
        yield Contradiction("dates", discharged.span("date"), admitted.span("date"))
        return
    if born is None:
        return
    for match in _ANY_DATE.finditer(text):
        if match.span() != born.span("date") and _is_before(match, born):
            yield Contradiction("dates", match.span(), born.span("date"))
            return


def _single_match(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    matches = list(pattern.finditer(text))
    return matches[0] if len(matches) == 1 else None


def _is_before(a: re.Match[str], b: re.Match[str]) -> bool:
    """Return whether all days that `a` can mean are before all days that `b` can mean; False for an invalid date."""
    return max(_possible_dates(a), default=date.max) < min(_possible_dates(b), default=date.min)


def _possible_dates(match: re.Match[str]) -> list[date]:
    if match["y1"]:
        numbers = [(match["y1"], match["m1"], match["d1"])]
    elif match["y2"]:
        numbers = [(match["y2"], match["a"], match["b"]), (match["y2"], match["b"], match["a"])]
    else:
        form = "3" if match["y3"] else "4"
        month = str(_MONTHS.index(match[f"n{form}"][:3].casefold()) + 1)
        numbers = [(match[f"y{form}"], month, match[f"d{form}"])]
    dates = []
    for year, month, day in numbers:
        with suppress(ValueError):
            dates.append(date(int(year), int(month), int(day)))
    return dates
