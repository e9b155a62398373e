"""Find dates in clinical notes for de-identification, and move them by days: "March 3rd" + 31 -> "April 3rd".

`find_dates` searches for whole dates, holidays, and partial dates after certain words. `shift_date` reads the parts
of a date, adds the days, and writes each part in its original format. `date_order` infers the order of day and month
in dates such as 5/11/2023 from the unambiguous dates of the same person.
"""

import re
from collections.abc import Iterable
from datetime import date, timedelta
from typing import Literal

from audits.text.clinical_terms import is_eponym
from audits.text.identifier_grammar import MONTHS as _SHORT_MONTHS
from audits.text.name_lists import split_list

Order = Literal["day-first", "month-first"]
MONTHS = split_list("january february march april may june july august september october november december")
_WEEKDAYS = split_list("monday tuesday wednesday thursday friday saturday sunday")
_MON = rf"(?P<mon>(?:{'|'.join(MONTHS)})(?![^\W\d_])|(?:{'|'.join(_SHORT_MONTHS)}|sept)(?![^\W\d_])\.?)"
_D = r"(?P<d>[0-3]?\d)(?P<ord>st|nd|rd|th)?(?!\d)"  # day of the month
_Y4 = r"(?P<y>(?:1[89]|20|21)\d\d)"  # year of four digits, 1800 to 2199
_Y = r"(?P<y>(?:1[89]|20|21)\d\d|'\d\d)"  # year, or an apostrophe and two digits
_WEEKDAY = r"(?:(?P<wd>mon|tues?|wed(?:nes|s)?|thu(?:rs?)?|fri|sat(?:ur)?|sun)(?P<day>day)?\.?,? (?:the )?)?"
_TIME = r"(?:T\d\d:\d\d(?::\d\d(?:\.\d+)?)?Z?)?"  # time of day in ISO 8601, after a date
_ORDINALS = split_list(
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth "
    "fifteenth sixteenth seventeenth eighteenth nineteenth twentieth twenty-first twenty-second twenty-third "
    "twenty-fourth twenty-fifth twenty-sixth twenty-seventh twenty-eighth twenty-ninth thirtieth thirty-first"
)
_WORD_DAY = rf"(?P<dw>{'|'.join(sorted(_ORDINALS, key=len, reverse=True))})"
# Patterns for the text before and after a date. A date cannot be part of a longer code, but "mid-", "early-" or
# "late-" can precede it, and it can be in a range such as 3/4-5/4.
_EDGE = r"(?<![\w/.])(?<!(?<!mid)(?<!early)(?<!late)(?<!\d/\d\d)-)", r"(?![\w/]|\.\d|-\d(?!\d?/\d))"
# Forms of dates. Their groups: `y` year; `m` number of the month; `mon` name of the month; `d` day as a number; `dw`
# day as a word; `a` and `b` day and month in either order; `d2` the second day, as in "3-5 May"; `ord` and `ord2` the
# endings of `d` and `d2`, such as "rd"; `wd` weekday; `day` the ending "day" of a weekday; `sep` the separator. If a
# pattern below this list has a group `value`, the date is only the text of this group.
_FORMS = tuple(
    re.compile(_EDGE[0] + _WEEKDAY + form + _EDGE[1], re.IGNORECASE)
    for form in (
        _Y4 + r"(?P<sep>[-/.])(?P<m>\d{1,2})(?P=sep)(?P<d>\d{1,2})" + _TIME,
        _Y4 + r"(?P<sep>[-/ ])" + _MON + r"(?P=sep)(?P<d>\d{1,2})",
        r"(?P<a>\d{1,2})(?P<sep>[-/.]| / )(?P<b>\d{1,2})(?P=sep)" + _Y4,
        r"(?P<a>\d{1,2})(?P<sep>[-/.])(?P<b>\d{1,2})(?P=sep)(?P<y>\d\d)",
        _MON + r" (?:the )?" + _D + r"(?:,| of)? " + _Y,
        # `_Y[:-1]` omits the closing bracket of `_Y`, to add two digits as an alternative
        _D + r"(?: day)?(?: of)?[ /-]?" + _MON + r"(?:,? |[/-])" + _Y[:-1] + r"|\d\d(?! ?(?:mg|ml|mcg|:)))",
        _MON + r"(?:,? |-|/| of )" + _Y,
        _MON + r" (?:the )?" + _D + r"(?:-(?P<d2>[0-3]?\d)(?:,? " + _Y4 + r")?)?",
        _D + r"(?: of)?[ -]" + _MON,
        r"(?P<m>0?[1-9]|1[0-2])/" + _Y4,
        _D[:-6] + _MON + _Y4,  # 05Jun2019; [:-6] removes (?!\d) from the end of _D
        rf"{_D} ?(?:and|&|to|or|-) ?(?P<d2>[0-3]?\d)(?P<ord2>st|nd|rd|th)?(?: of)?[ -]{_MON}(?:,? {_Y4})?",
        _WORD_DAY + r"(?: day)?(?: of)? " + _MON + r"(?:,? " + _Y4 + r")?",
        r"(?P<y>(?:19[2-9]|20[0-3])\d)(?P<m>0[1-9]|1[0-2])(?P<d>[0-2]\d|3[01])",  # 20230415
    )
)
# name of a holiday -> (month, day); for a holiday without a fixed date, the date that it had in some year
_HOLIDAYS = {
    name: (int(month), int(day))
    for month, day, name in re.findall(
        r"(\d+) (\d+) ([A-Za-z ]+)",
        "12 25 Christmas Day, 12 24 Christmas Eve, 12 26 Boxing Day, 1 1 New Years Day, 12 31 New Years Eve, "
        "2 14 Valentines Day, 3 17 Patricks Day, 4 7 Good Friday, 4 9 Easter Sunday, 4 10 Easter Monday, "
        "5 10 Mothers Day, 5 28 Memorial Day, 6 18 Fathers Day, 7 1 Canada Day, 7 4 Independence Day, 9 4 Labor Day, "
        "9 4 Labour Day, 10 31 Halloween, 11 11 Veterans Day, 11 11 Remembrance Day, 11 25 Thanksgiving, "
        "1 26 Australia Day, 4 25 Anzac Day",
    )
}
# "Years Day" in the list also stands for "Year's Day" in a text
_NAMED_DAYS = "|".join(_HOLIDAYS).replace("s ", "['’]?s ")
_HOLIDAY = re.compile(rf"(?<!\w)(?:St\.? )?(?P<name>{_NAMED_DAYS})(?: {_Y4})?(?!\w)")
# `_IN_MONTH`: a month without a day after certain words, as in "since May"; `_ON_DAY`: a day alone, "on the 3rd"
_IN_MONTH = re.compile(
    r"(?i)\b(?:in|early|late|mid|since|until|till|last|next|by|during|this|from|before|after|through|end of"
    r"|(?:start|beginning|middle) of)(?: the)?(?: month of)?[ -]" + _MON + r"(?![\w/'’]|-\w| \d)"
)
_ON_DAY = re.compile(
    r"(?i)\b(?:on|by|for|until|till|before|after|from|since) the "
    r"(?P<value>(?P<d>[0-3]?\d)(?P<ord>st|nd|rd|th))(?=[,.;)]|$|\n| (?:at|and|with|to|she|he|they|pt|for)\b)"
)
# A short date has a day and a month, but no year, as in "3/7". Such text can also be a score or a duration ("3/7" for
# three days). `_is_short_date` decides by the text before and after the match.
_SHORT_DATE = re.compile(_EDGE[0] + _WEEKDAY + r"(?P<a>\d{1,2})(?P<sep>/)(?P<b>\d{1,2})" + _EDGE[1], re.IGNORECASE)
_DASHED = re.compile(  # a short date with a hyphen or a full stop after certain words, as in "labs of 5-11"
    r"(?i)\b(?:labs?|bloods?|notes?|results?|films?|scans?|cultures?|visit|seen|letter|clinic|ct|mri|echo|x-?ray)"
    r" (?:of|from|on|dated) (?P<value>(?P<a>\d{1,2})(?P<sep>[-.])(?P<b>\d{1,2}))(?![\w/-]|\.\d)"
)
_TIME_AFTER = re.compile(r" (?:at )?(?:[0-2]\d[0-5]\d(?!\d)|\d{1,2}:\d\d|\d{1,2} ?[ap]m\b)", re.IGNORECASE)
_SCORE_BEFORE = re.compile(
    r"(?i)\b(?:pain|scor(?:e[sd]?|ing)|scale|index|gcs|apgars?|mmse|moca|phq(?:-?\d)?|gad(?:-?\d)?|nihss|epds|power"
    r"|strength|murmur|rated|va|od|os|vision|acuity|y?p?n[0-3][a-c]?)\W{0,3}(?:of |is |was |at |now |today )?$"
)
_COUNTED_AFTER = re.compile(r" (?:nodes?|lymph|positive|joints|cores|samples|sections|criteria|points)\b")
_LINE_START = re.compile(r"(?:^|\n|[;|] )$")  # text before the first word of a line or list item
# a cue before a short date: certain words, or another short date, as in "3/4 and" before "4/4"
_CUE = re.compile(
    r"(?i)(?:\b(?:admitted|admission|discharged?|dc'?d|seen|dated?|visit|on|since|surgery|operated|born|dob"
    r"|until|till|due|lmp|lnmp|edd|edc|wk of|week of|w/e|w/c|repeat|recheck|by|exp|expir(?:es|y)|taken|done|given"
    r"|received|placed|removed|completed|sent|collected|drawn|reported|onset|d/c|adm|booked|(?:re)?scheduled|arrived"
    r"|out|readmitted|called|noted|course|resulted|performed|reviewed|updated|signed"
    r"|f/u|follow[ -]?up|appointment|appt|starting|started|stopped|scan|returned|last|next|from|through|between)"
    r"(?: (?:on|from|for|was|is))?:? ?|\d/\d{1,2}(?: and | to | ?- ?|, ?(?:and )?))$"
)
# a strong cue: after these words, even text such as 3/7 (see `_SCORE_DENOMINATORS`) is a short date
_STRONG_CUE = re.compile(
    r"(?i)\b(?:(?:re)?admitted|discharged|d/c'?d|seen|dated?|visit|on|operated|born|dob|due|follow[ -]?up(?: on)?"
    r"|appt|appointment|surgery|f/u)(?: on| was)?:? ?$"
)
# denominators that no common score or count has
_DATE_DENOMINATORS = {17, 18, 19, 22, 23, 26, 29, 31}
# denominators of scores and durations: /5 power, /6 murmur, /7 days, /10 pain, /12 months
_SCORE_DENOMINATORS = {5, 6, 7, 10, 12}
_QUANTITY = re.compile(
    r"(?i) ?(?:pain|strength|power|murmur|days?|weeks?|months?|hx|history|ago|mg|tabs?|units?|iu|in severity)\b"
)
# lower-case names of months and weekdays that are also ordinary words
_ORDINARY_WORDS = re.compile(r"(?:may|march|mar|dec|sep|sun|sat|wed|fri|mon)\b")
_CENTURY_PIVOT = 40  # two-digit years 00 to 40 mean 2000 to 2040; 41 to 99 mean 1941 to 1999
_DASHED_ALONE = re.compile(r"(?P<a>\d{1,2})(?P<sep>[-.])(?P<b>\d{1,2})")
_MONTH_ALONE = re.compile(_MON, re.IGNORECASE)
_DAY_ALONE = re.compile(r"(?P<d>[0-3]?\d)(?P<ord>st|nd|rd|th)", re.IGNORECASE)
_LEAP_YEAR = 2000  # assumed year of a date without a year; the year 2000 has a 29 February
_MIDDLE = 15  # assumed day of a date without a day; also the additional days if a shift would not change a date


def find_dates(text: str) -> list[tuple[int, int]]:
    """Return the spans of dates, holidays, and months or days after words such as "since"; spans may overlap."""
    matches = [m for form in _FORMS for m in form.finditer(text) if _is_date(m)]
    spans = [m.span() for m in matches]
    spans_of_forms = set(spans)
    for match in _SHORT_DATE.finditer(text):
        inside = any(start <= match.start() and match.end() <= end for start, end in spans_of_forms)
        if not inside and _is_short_date(match, spans):
            spans.append(match.span())
    spans += [m.span("mon") for m in _IN_MONTH.finditer(text) if not _ORDINARY_WORDS.match(m["mon"])]
    spans += [m.span() for m in _HOLIDAY.finditer(text)]
    spans += [m.span("value") for m in _DASHED.finditer(text) if _day_of(m, "month-first")]
    return spans + [m.span("value") for m in _ON_DAY.finditer(text) if 1 <= int(m["d"]) <= 31]


def _is_date(match: re.Match[str]) -> bool:
    # False in three cases: a lower-case word such as "may" without a day or without a year; a quantity such as "dec 5
    # mg" (no year, or a hyphen as the separator); a day that does not exist, such as "31 April"
    parts = match.groupdict()
    month = (parts.get("mon") or "").rstrip(".")
    is_word = month in {"may", "march", "mar", "dec", "sep"} and not (parts.get("y") and parts.get("d"))
    can_be_quantity = parts.get("y") is None or parts.get("sep") == "-"
    is_quantity = can_be_quantity and _QUANTITY.match(match.string, match.end()) is not None
    return not is_word and not is_quantity and _day_of(match, "month-first") is not None


def _is_short_date(match: re.Match[str], dates: list[tuple[int, int]]) -> bool:
    if _day_of(match, "month-first") is None or _QUANTITY.match(match.string, match.end()):
        return False
    text = match.string[max(0, match.start() - 30) : match.start()]
    follows_cue, near = _CUE.search(text) is not None, range(match.start() - 6, match.start())
    # True after a weekday; also after a cue, if one of `dates` has a slash and ends at most six characters before the
    # short date
    if match["wd"] or (follows_cue and any(end in near and "/" in match.string[start:end] for start, end in dates)):
        return True
    if _has_shape_of_date(match):
        return True
    # a first number above 12 can only be a day; 20/x (vision), x/5 (power) and x/7 (days) require a cue, see below
    is_day_first = int(match["a"]) > 12 and int(match["a"]) != 20 and int(match["b"]) not in {5, 7}
    if is_day_first and (_LINE_START.search(text) or _is_listed(match)):
        return True
    if int(match["b"]) in _SCORE_DENOMINATORS or match[0] == "24/7":
        return _STRONG_CUE.search(text) is not None
    return follows_cue


def _has_shape_of_date(match: re.Match[str]) -> bool:
    # False after the name of a score or an eponym. Otherwise, True in three cases: a number starts with 0; no score
    # has this denominator, and no counted thing ("nodes") follows; a time of day follows, and the text cannot be a
    # score such as 3/7.
    text = match.string[max(0, match.start() - 30) : match.start()]
    word = re.search(r"([^\W\d_]+)['’s:,]* $", text)
    if _SCORE_BEFORE.search(text) or (word is not None and is_eponym(word[1])):
        return False
    denominator = int(match["b"])
    is_padded = match["a"].startswith("0") or match["b"].startswith("0")
    is_no_score = denominator in _DATE_DENOMINATORS and not _COUNTED_AFTER.match(match.string, match.end())
    can_be_date = denominator not in _SCORE_DENOMINATORS or int(match["a"]) > denominator
    has_time = can_be_date and _TIME_AFTER.match(match.string, match.end()) is not None
    return is_padded or is_no_score or has_time


def _is_listed(match: re.Match[str]) -> bool:
    # returns whether the line of a short date such as 23/9 starts with a date of the same month, such as 21/9
    line = match.string[match.string.rfind("\n", 0, match.start()) + 1 : match.start()]
    first = re.match(r"\d{1,2}/(\d{1,2})(?!\d|/)", line)
    return first is not None and first[1] == match["b"]


def date_order(texts: Iterable[str]) -> Order:
    """Return the more frequent order of day and month in dates such as 25/11/2023, or month-first in a tie."""
    votes = 0
    for text in texts:
        for form in (_FORMS[2], _FORMS[3]):  # the forms with the groups a, b and y
            for match in form.finditer(text):
                a, b = int(match["a"]), int(match["b"])
                votes += (a > 12 >= b) - (b > 12 >= a)
    return "day-first" if votes > 0 else "month-first"


def shift_date(value: str, days: int, order: Order = "month-first") -> str:
    """Return the date `value` moved by a number of days, in the format of `value`: "3 March" + 31 -> "3 April".

    - "May" is treated as an abbreviation, so the new month is abbreviated too: "3 May" + 31 -> "3 Jun".
    - A holiday becomes a day and a month, followed by a year if `value` has a year.
    - A day without a month, such as "21st", is moved by 15 more days if the result would equal `value`.

    Raises:
        ValueError: `value` is in no known form, or the date does not exist.
    """
    for form in (*_FORMS, _SHORT_DATE, _DASHED_ALONE, _MONTH_ALONE, _DAY_ALONE):
        if (match := form.fullmatch(value)) and (day := _day_of(match, order)):
            new = _rewrite(match, day, days, order)
            is_same = (
                new == value and form is _DAY_ALONE
            )  # January is assumed, and has 31 days: "21st" + 31 -> "21st"
            return _rewrite(match, day, days + _MIDDLE, order) if is_same else new
    if holiday := _HOLIDAY.fullmatch(value):
        month, day_of_month = _HOLIDAYS[re.sub("['’]", "", holiday["name"])]
        day = date(_year(holiday["y"]), month, day_of_month) + timedelta(days=days)
        return f"{day.day} {MONTHS[day.month - 1].capitalize()}" + (f" {day.year}" if holiday["y"] else "")
    raise ValueError("not a date in a known form")


def _is_day_first(parts: dict[str, str | None], order: Order) -> bool:
    a, b = int(parts["a"] or 0), int(parts["b"] or 0)
    if a > 12 or b > 12:
        return a > 12
    return order == "day-first" or parts["sep"] == "."  # dates with full stops are written day first


def _day_of(match: re.Match[str], order: Order) -> date | None:
    # returns the date of a match, or None if the date does not exist; a missing year, month or day becomes
    # `_LEAP_YEAR`, January or `_MIDDLE`
    parts = match.groupdict()
    if parts.get("a"):
        a, b = int(match["a"]), int(match["b"])
        day, month = (a, b) if _is_day_first(parts, order) else (b, a)
    else:
        month = int(match["m"]) if parts.get("m") else _month_number(parts.get("mon") or "jan")
        day = int(match["d"]) if parts.get("d") else _MIDDLE
        if parts.get("dw"):
            day = _ORDINALS.index(match["dw"].lower()) + 1
    try:
        return date(_year(parts.get("y")), month, day)
    except ValueError:
        return None


def _month_number(name: str) -> int:
    return _SHORT_MONTHS.index(name[:3].lower()) + 1


def _year(written: str | None) -> int:
    if written is None:
        return _LEAP_YEAR
    year = int(written.lstrip("'"))
    return year if year > 99 else year + (2000 if year <= _CENTURY_PIVOT else 1900)


def _rewrite(match: re.Match[str], old: date, days: int, order: Order) -> str:
    # Returns the text of a match whose date `old` is moved by `days`. Day and month get two digits if one of them
    # starts with 0, or if both have two digits.
    moved = old + timedelta(days=days)
    parts = {name: value for name, value in match.groupdict().items() if value is not None}
    numbers = [parts[name] for name in ("a", "b", "m", "d") if name in parts]
    is_padded = any(n.startswith("0") for n in numbers) or (len(numbers) > 1 and all(len(n) == 2 for n in numbers))
    width = 2 if is_padded else 1
    is_day_first = "a" in parts and _is_day_first(match.groupdict(), order)
    year = parts.get("y", "")
    new = {
        "y": ("'" if year.startswith("'") else "") + str(moved.year)[-len(year.lstrip("'")) :],
        "m": f"{moved.month:0{width}d}",
        "d": f"{moved.day:0{width}d}",
        "dw": _cased(_ORDINALS[moved.day - 1], parts.get("dw", "")),
        "d2": f"{(moved + timedelta(days=int(parts.get('d2', 0)) - old.day)).day:0{width}d}",
        "ord2": _ordinal((moved + timedelta(days=int(parts.get("d2", 0)) - old.day)).day),
        "a": f"{moved.day if is_day_first else moved.month:0{width}d}",
        "b": f"{moved.month if is_day_first else moved.day:0{width}d}",
        "mon": _month_name(parts.get("mon", ""), moved.month),
        "ord": _ordinal(moved.day),
        "wd": _weekday(parts, days),
        "day": "",  # the new text of `wd` contains this ending
    }
    value, shift = match[0], match.start()
    for name in sorted((n for n in parts if n in new), key=match.start, reverse=True):
        value = value[: match.start(name) - shift] + new[name] + value[match.end(name) - shift :]
    return value


def _ordinal(day: int) -> str:
    return "th" if 11 <= day <= 13 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")


def _month_name(written: str, month: int) -> str:
    is_full = written.lower() in MONTHS and written.lower() != "may"
    dot = "." if written.endswith(".") else ""
    return _cased(MONTHS[month - 1].capitalize()[: None if is_full else 3] + dot, written)


def _weekday(parts: dict[str, str], days: int) -> str:
    written = parts.get("wd", "mon")
    number = next(i for i, name in enumerate(_WEEKDAYS) if name[:3] == written[:3].lower())
    name = _WEEKDAYS[(number + days) % 7].capitalize()
    return _cased(name if "day" in parts else name[:3], written + parts.get("day", ""))


def _cased(name: str, like: str) -> str:
    return name.upper() if like.isupper() else name.lower() if like.islower() else name
