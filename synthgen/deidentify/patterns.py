"""Find identifiers other than names by patterns, and shift dates.

Every repetition is bounded, so the time is linear in the text. python-stdnum verifies check digits. Telephone numbers
have their own patterns, because the library phonenumbers requires a country and misses local numbers such as "tel
5550142".
"""

import re
from collections.abc import Callable
from datetime import date, timedelta
from typing import NamedTuple

from stdnum import luhn
from stdnum.gb import nhs
from stdnum.iso7064 import mod_97_10

from audits.text.name_lists import words
from synthgen.deidentify.spans import Span

_STATES = (
    "AL|AK|AZ|AR|CA|CO|CT|DE|DC|FL|GA|HI|ID|IL|IN|IA|KS|KY|LA|ME|MD|MA|MI|MN|MS|MO|MT|NE|NV|NH|NJ|NM|NY|NC|ND|OH|OK"
    "|OR|PA|RI|SC|SD|TN|TX|UT|VT|VA|WA|WV|WI|WY"
)
_STREETS = (
    "Street|St|Avenue|Ave|Road|Rd|Lane|Ln|Drive|Dr|Court|Ct|Place|Pl|Boulevard|Blvd|Terrace|Way|Row|Close|Crescent"
    "|Square|Parkway|Pkwy|Highway|Hwy|Circle|Trail"
)
_CAPITAL = r"[^\W\d_a-z][\w'’.-]{0,24}"
_NUMBER_OF = (
    r"\b(?:MRN?|medical record|records?|charts?|patient|case|account|acct|accession|policy|member|specimen|device"
    r"|serial|licen[cs]e|passport|hospital|NHS|encounter)"
    r"(?: (?:no|number|id|identifier|code|nr))?\.?[ \t_]{0,2}(?:[:#=]|is|no\.?)?[ \t_]{0,2}#?[ \t]{0,1}"
)
_PHONE_CUE = re.compile(
    r"(?:phone|tel|telephone|call|cell|mobile|fax|ph|text|reach|contact|number)\W{0,3}(?:\w{1,8} ){0,3}\W{0,2}$",
    re.IGNORECASE,
)
_PHONE_SHAPE = re.compile(r"(?:\+?1[ .-]?)?(?:\(\d{3}\) ?|\d{3}[ .-])\d{3}[ .-]\d{4}|\d{3}[-.]\d{4}")
_UNIT = re.compile(r" ?(?:mg|mcg|g|kg|ml|units?|iu|mmhg|bpm|%|pg|ng|cells|thousand)\b", re.IGNORECASE)
_IBAN = re.compile(r"(?<!\w)[A-Z]{2}[ -]?\d{2}(?:[ -]?[A-Z\d]{4}){2,7}(?:[ -]?[A-Z\d]{1,3})?(?!\w)", re.IGNORECASE)


def _digits(value: str) -> str:
    return "".join(str(int(c)) for c in value if c.isdecimal())


def _is_phone(match: re.Match[str]) -> bool:
    """Return whether digits are a telephone number, by a cue before, a plus, a known shape or three groups."""
    value, digits = match[0], _digits(match[0])
    if not 7 <= len(digits) <= 15 or _UNIT.match(match.string, match.end()):
        return False
    if value.startswith("+") or _PHONE_SHAPE.fullmatch(value):
        return True
    has_cue = _PHONE_CUE.search(match.string[max(0, match.start() - 40) : match.start()]) is not None
    return has_cue or (len(digits) >= 8 and len(re.findall(r"[^ ().-]+", value)) >= 3)


def _is_ip(match: re.Match[str]) -> bool:
    return all(int(part) <= 255 for part in match[0].split("."))


def _is_card(match: re.Match[str]) -> bool:
    return bool(luhn.is_valid(_digits(match[0])))


class _Pattern(NamedTuple):
    kind: str
    regex: str
    is_valid: Callable[[re.Match[str]], bool] = lambda _: True
    flags: int = 0


_PATTERNS = tuple(
    (p.kind, re.compile(p.regex, p.flags), p.is_valid)
    for p in (
        _Pattern("email", r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,6}"),
        _Pattern("url", r"(?<!\w)(?:https?://|www\.)[^\s<>\"')\]]{1,2000}", flags=re.IGNORECASE),
        _Pattern(
            "card",
            r"(?<![\w-])\d{4}(?:[ -]?\d{4}){2}(?:[ -]?\d{1,4}){0,2}(?![\w-])|(?<![\w-])\d{4}[ -]\d{6}[ -]\d{5}(?!\w)",
            _is_card,
        ),
        # as printed on cards; the pattern above would include a following expiry date or code
        _Pattern(
            "card", r"(?<![\w-])(?:\d{4}([ -]?)\d{4}\1\d{4}\1\d{4}|\d{4}([ -]?)\d{6}\2\d{5})(?![\w-])", _is_card
        ),
        _Pattern("ssn", r"(?<![\w-])\d{3}-\d{2}-\d{4}(?![\w-])"),
        _Pattern(
            "nhs_number",
            r"(?<![\w+-])(?<!\+\d )(?<!\+\d\d )\d{3}([ -]?)\d{3}\1\d{4}(?![\w-])",
            lambda match: nhs.is_valid(_digits(match[0])),
        ),
        _Pattern("ip", r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w]|\.\d)", _is_ip),
        _Pattern("ip", r"(?<![\w:])(?:[0-9a-f]{1,4}:){7}[0-9a-f]{1,4}(?![\w:])", flags=re.IGNORECASE),
        _Pattern(
            "record_number",
            _NUMBER_OF + r"(?P<value>[A-Z0-9](?:[A-Z0-9]|[-/](?=[A-Z0-9])){3,24})(?!\w)",
            lambda match: len(_digits(match["value"])) >= 3,
            re.IGNORECASE,
        ),
        _Pattern("record_number", r"(?<![\w.])\d{9,40}(?!\w|\.\d)"),  # no clinical measurement has nine digits
        _Pattern(
            "phone", r"(?<![\w.-])(?:\+|\()?\d[\d ().-]{4,18}\d(?: ?(?:x|ext\.?) ?\d{1,5})?(?![\w]|[.-]\d)", _is_phone
        ),
        _Pattern(
            "street",
            rf"(?<!\w)\d{{1,5}} (?:{_CAPITAL} ){{1,4}}(?:{_STREETS})\b\.?(?:,? (?:Apt|Unit|Suite|#)\.? ?\w{{1,6}})?",
        ),
        _Pattern("place", rf"(?<!\w)(?:{_CAPITAL} ){{0,2}}{_CAPITAL},? (?:{_STATES}),? \d{{5}}(?:-\d{{4}})?(?!\w)"),
        _Pattern("postal_code", rf"(?<!\w)(?:{_STATES}),? (?P<value>\d{{5}}(?:-\d{{4}})?)(?!\w)"),
        _Pattern(
            "postal_code",
            r"\b(?:zip(?:[ -]?code)?|post(?:al)?[ -]?code)[: ]{1,2}(?P<value>[A-Z0-9][A-Z0-9 -]{2,8}\d[A-Z]{0,2})\b",
            flags=re.IGNORECASE,
        ),
        _Pattern("postal_code", r"(?<!\w)[A-Z]{1,2}\d[A-Z\d]? \d[A-Z]{2}(?!\w)"),
        _Pattern("age", r"(?<![\w./-])(?P<value>9\d|1[0-2]\d)(?=[ -]?(?:years?|yrs?|y/?o|yo)\b|[ -]y\b| ?[MF]\b)"),
        _Pattern(
            "age", r"\b(?:aged?|turned|age of)[ :]{1,2}(?P<value>9\d|1[0-2]\d)(?![\w%/]|\.\d)", flags=re.IGNORECASE
        ),
        _Pattern("age", r"\bis (?P<value>9\d|1[0-2]\d) and\b"),
    )
)


def _is_iban(value: str) -> bool:
    """Return whether a value is an IBAN of any country (ISO 13616), also of countries unknown to the library."""
    compact = "".join(str(int(c)) if c.isdecimal() else c for c in value if c not in " -")  # digits of any script
    return 15 <= len(compact) <= 34 and compact.isascii() and mod_97_10.is_valid(compact[4:] + compact[:4])


def _iban_length(value: str) -> int:
    """Return the length of the IBAN at the start of a match, which can include following words; 0 if none."""
    while value and not _is_iban(value):
        value = value[: max(value.rfind(" "), value.rfind("-"), 0)]
    return len(value)


def find_patterns(text: str) -> list[Span]:
    """Return all identifiers that a pattern finds, including overlapping ones.

    If a pattern has a group `value`, only that group is the identifier; the words before it are context.
    """
    ibans = ((m.start(), _iban_length(m[0])) for m in _IBAN.finditer(text))
    found = [Span(start, start + length, "iban") for start, length in ibans if length > 0]
    for kind, regex, is_valid in _PATTERNS:
        part = "value" if "value" in regex.groupindex else 0
        found += [Span(*m.span(part), kind) for m in regex.finditer(text) if is_valid(m)]
    return found


MONTHS = words("january february march april may june july august september october november december")
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
_CENTURY_PIVOT = 40  # two-digit years up to this one belong to the 2000s
_LEAP_YEAR = 2000  # used if a date has no year
_MIDDLE = 15  # used if a date has no day


def find_dates(text: str) -> list[tuple[int, int]]:
    """Return start and end of every valid calendar date, including overlapping ones."""
    return [m.span() for form in _FORMS for m in form.finditer(text) if _day_of(m) is not None]


def shift_date(value: str, days: int) -> str:
    """Return the date moved by a number of days in its format; raise ValueError if `find_dates` does not find it."""
    for form in _FORMS:
        if (match := form.fullmatch(value)) and (day := _day_of(match)):
            return _rewrite(match, day + timedelta(days=days))
    raise ValueError("not a date in a known form")


def _day_of(match: re.Match[str]) -> date | None:
    """Return the date of a match, or None if invalid; month first unless impossible."""
    parts = match.groupdict()
    if parts.get("a"):
        a, b = int(parts["a"]), int(parts["b"])
        month, day = (a, b) if a <= 12 else (b, a)
    else:
        month = int(parts["m"]) if parts.get("m") else _month_number(parts["mon"])
        day = int(parts["d"]) if parts.get("d") else _MIDDLE
    try:
        return date(_year(parts.get("y")), month, day)
    except ValueError:
        return None


def _month_number(name: str) -> int:
    return next(i for i, month in enumerate(MONTHS, 1) if month.startswith(name[:3].lower()))


def _year(written: str | None) -> int:
    if written is None:
        return _LEAP_YEAR
    year = int(written)
    return year if len(written) > 2 else year + (2000 if year <= _CENTURY_PIVOT else 1900)


def _rewrite(match: re.Match[str], day: date) -> str:
    """Return the matched text with each part of the date replaced."""
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
    """Return a month name that is abbreviated or in capitals like the original."""
    is_full = written.lower() in MONTHS and written.lower() != "may"
    name = MONTHS[month - 1].capitalize()[: None if is_full else 3]
    return name.upper() if written.isupper() else name


def _ordinal(day: int) -> str:
    return "th" if 11 <= day <= 13 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
