"""Contradictions between dates: a discharge before the admission, and any date before the birth."""

import re
from collections.abc import Iterator
from datetime import date

from synthgen.coherence.contradiction import Contradiction

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = rf"(?:{'|'.join(_MONTHS)})[a-z]*"
_DATE = (
    r"(?:(?P<y1>\d{4})-(?P<m1>\d{1,2})-(?P<d1>\d{1,2})"
    r"|(?P<a>\d{1,2})[/.](?P<b>\d{1,2})[/.](?P<y2>\d{4})"
    rf"|(?P<d3>\d{{1,2}})(?:st|nd|rd|th)? (?:of )?(?P<n3>{_MONTH})\.?,? (?P<y3>\d{{4}})"
    rf"|(?P<n4>{_MONTH})\.? (?P<d4>\d{{1,2}})(?:st|nd|rd|th)?,? (?P<y4>\d{{4}}))"
)
_ANY = re.compile(rf"\b{_DATE}\b", re.IGNORECASE)
_EVENT = {
    name: re.compile(rf"\b(?:{words})\b[^.\n]{{0,25}}?\b(?P<date>{_DATE})\b", re.IGNORECASE)
    for name, words in (
        ("born", r"date of birth|dob"),
        ("admitted", r"admitted|admission date|date of admission"),
        ("discharged", r"discharged|discharge date|date of discharge"),
    )
}


_AGAIN = re.compile(r"\bre-?admi\w+|\b(?:admitted|admission) again\b", re.IGNORECASE)


def out_of_order(text: str) -> Iterator[Contradiction]:
    """Yield at most one pair of dates in the wrong order: discharge before admission, or any date before birth.

    An event whose date the text states several times does not count. If a date can be read as two days, such as
    03/04/2020, both readings must be in the wrong order.
    """
    events = {name: _only(pattern, text) for name, pattern in _EVENT.items()}
    born, admitted, discharged = events["born"], events["admitted"], events["discharged"]
    is_one_stay = _AGAIN.search(text) is None
    if is_one_stay and admitted is not None and discharged is not None and _last(discharged) < _first(admitted):
        yield Contradiction("dates", discharged.span("date"), admitted.span("date"))
        return
    if born is None:
        return
    for match in _ANY.finditer(text):
        if match.span() != born.span("date") and _last(match) < _first(born):
            yield Contradiction("dates", match.span(), born.span("date"))
            return


def _only(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    matches = list(pattern.finditer(text))
    return matches[0] if len(matches) == 1 else None


def _first(match: re.Match[str]) -> date:
    return min(_readings(match), default=date.min)


def _last(match: re.Match[str]) -> date:
    return max(_readings(match), default=date.max)


def _readings(match: re.Match[str]) -> list[date]:
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
        try:
            dates.append(date(int(year), int(month), int(day)))
        except ValueError:
            continue
    return dates
