"""Identifiers that a pattern can find in text, with a checksum where they have one."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from audits.normalise import normalise

DIRECT = ("mrn", "ssn", "iban", "card", "nhs")  # given to one person, never published
CONTACT = ("email", "phone", "url")  # may belong to one person or to a desk that everybody quotes
QUASI = ("date", "postal", "age")  # many people share them

MIN_NUMBER_DIGITS = 6
MIN_IBAN_CHARACTERS = 15  # Norway's
PHONE_DIGITS = 9  # compared from the right, so that a country code does not matter

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = rf"({'|'.join(_MONTHS)})[a-z]*\.?"
_DIGIT = re.compile(r"\d")
_FAR_FROM_DIGITS = re.compile(
    r"(\D{40})\D+(\D{40})"
)  # every pattern below the URL has its digits within 40 characters
_NUMBER = re.compile(r"(?<![\w])\d(?:[ ./-]?\d){5,24}(?!\w)")
_EMAIL = re.compile(r"[\w.+%-]+@[\w-]+(?:\.[\w-]+)+")
_URL = re.compile(r"(?:(?:https?|ftp)://|www\.)[^\s'<>()\[\]]+")
_PHONE = re.compile(
    r"(?<![\w./-])(?:\+\d{1,3}[ .-]?)?(?:\(\d{2,5}\)[ .-]?|\d{2,5}[ .-])\d{3,4}[ .-]?\d{3,4}(?![\w-])"
)
_SSN = re.compile(r"(?<![\w-])(?!000|666|9\d\d)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?![\w-])")
_IBAN = re.compile(r"(?<!\w)[a-z]{2}\d{2}(?: ?[a-z0-9]{4}){2,7}(?: ?[a-z0-9]{1,3})?(?!\w)")
_CARD = re.compile(r"(?<![\w-])\d(?:[ -]?\d){12,18}(?![\w-])")
# as printed on cards, where the pattern above takes the expiry date or code behind it along
_CARD_PRINTED = re.compile(r"(?<![\w-])(?:\d{4}([ -]?)\d{4}\1\d{4}\1\d{4}|\d{4}([ -]?)\d{6}\2\d{5})(?![\w-])")
_NHS = re.compile(r"(?<![\w-])\d{3} ?\d{3} ?\d{4}(?![\w-])")
_MRN = re.compile(
    r"(?<!\w)(?:mrn|mr no|medical record|patient (?:id|no|number)|hospital (?:id|no|number)|record (?:id|no|number)"
    r"|accession|chart(?: no| number)?|case (?:no|number)|device|serial)[ .:#a-z]{0,14}?[ .:#]"
    r"([a-z]{0,4}[- ]?\d(?:[- /]?\d){4,13})(?!\w)"
)
_ISO = re.compile(r"(?<!\d)(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?!\d)")
_NUMERIC = re.compile(r"(?<!\d)(\d{1,2})[-/.](\d{1,2})[-/.](\d{4}|\d{2})(?![\d])")
_DAY_MONTH = re.compile(rf"(?<!\d)(\d{{1,2}})(?:st|nd|rd|th)?[ -](?:of )?{_MONTH},?[ -](\d{{4}})(?!\d)")
_MONTH_DAY = re.compile(rf"(?<![a-z]){_MONTH} (\d{{1,2}})(?:st|nd|rd|th)?,? (\d{{4}})(?!\d)")
_POSTAL = re.compile(r"(?<!\w)(?:[a-z]{1,2}\d[a-z\d]? \d[a-z]{2}|[a-z]{2} \d{5}(?:-\d{4})?)(?!\w)")
_AGE = re.compile(r"(?<!\d)(9\d|1[01]\d)[ -]?(?:years?|yrs?|y)[ -]?(?:old|o)?(?!\w)")


class Entity(NamedTuple):
    """One identifier: its kind and its form-free key (digits only, order-free dates, no spaces)."""

    kind: str
    key: str


def entities(text: str) -> set[Entity]:
    """Return the identifiers in a text, each in a form that does not depend on how it is written."""
    return set(_found(normalise(text)))


def numbers(text: str) -> set[str]:
    """Return the digits of every number of six digits or more, however it is grouped, and its last nine digits."""
    found = {_digits(match) for match in _NUMBER.findall(normalise(text))}
    return found | {digits[-PHONE_DIGITS:] for digits in found if len(digits) > PHONE_DIGITS}


def number_key(entity: Entity) -> str | None:
    """Return the digits by which an identifier may also stand as a bare number, or None if it has too few."""
    if entity.kind in QUASI or not entity.key.isdecimal() or len(entity.key) < MIN_NUMBER_DIGITS:
        return None
    return entity.key


def luhn(digits: str) -> bool:
    """Return whether the check digit of a card number is right (ISO/IEC 7812-1)."""
    doubled = [int(d) * (1 + i % 2) for i, d in enumerate(reversed(digits))]
    return sum(d - 9 * (d > 9) for d in doubled) % 10 == 0


def mod97(iban: str) -> bool:
    """Return whether the check digits of an IBAN are right (ISO 13616): its rearranged number mod 97 is 1."""
    moved = iban[4:] + iban[:4]
    return int("".join(str(int(c, 36)) for c in moved)) % 97 == 1


def mod11(digits: str) -> bool:
    """Return whether the check digit of an NHS number is right: weights 10 to 2, 11 minus the sum mod 11."""
    check = 11 - sum(int(d) * w for d, w in zip(digits[:9], range(10, 1, -1), strict=True)) % 11
    return check % 11 == int(digits[9]) and check != 10


def _found(text: str) -> Iterator[Entity]:
    if "@" in text:
        yield from (Entity("email", m.strip(".-")) for m in _EMAIL.findall(text))
    yield from (Entity("url", re.sub(r"^\w+://|^www\.", "", m).rstrip(".,;:!?/")) for m in _URL.findall(text))
    if _DIGIT.search(text) is None:
        return
    text = _FAR_FROM_DIGITS.sub(r"\1\n\2", _ascii_digits(text))
    yield from (Entity("mrn", re.sub(r"[^a-z0-9]", "", m)) for m in _MRN.findall(text))
    yield from (Entity("ssn", _digits(m)) for m in _SSN.findall(text))
    yield from (Entity("iban", k) for k in map(_iban, _IBAN.findall(text)) if k)
    cards = [*_CARD.findall(text), *(m[0] for m in _CARD_PRINTED.finditer(text))]
    yield from (Entity("card", k) for k in map(_digits, cards) if luhn(k) and len(set(k)) > 1)
    yield from (Entity("nhs", k) for k in map(_digits, _NHS.findall(text)) if mod11(k) and len(set(k)) > 1)
    for match in _PHONE.findall(text):
        digits = _digits(match)
        if len(digits) >= PHONE_DIGITS:
            yield Entity("phone", digits[-PHONE_DIGITS:])
    yield from _dates(text)
    yield from (Entity("postal", _compact(m)) for m in _POSTAL.findall(text))
    yield from (Entity("age", m) for m in _AGE.findall(text))


def _iban(match: str) -> str:
    """Return the IBAN a match starts with, or an empty string: the pattern may have taken words behind it along."""
    while len(key := _compact(match)) >= MIN_IBAN_CHARACTERS:
        if mod97(key):
            return key
        match = match.rpartition(" ")[0]
    return ""


def _dates(text: str) -> Iterator[Entity]:
    for year, month, day in _ISO.findall(text):
        yield from _date(int(year), int(month), int(day))
    for first, second, year in _NUMERIC.findall(text):
        yield from _date(int(year), int(first), int(second))
    for day, month, year in _DAY_MONTH.findall(text):
        yield from _date(int(year), _MONTHS.index(month) + 1, int(day))
    for month, day, year in _MONTH_DAY.findall(text):
        yield from _date(int(year), _MONTHS.index(month) + 1, int(day))


def _date(year: int, a: int, b: int) -> Iterator[Entity]:
    """Yield a date by the last two digits of its year and its day and month in either order."""
    low, high = min(a, b), max(a, b)
    if 1 <= low <= 12 and high <= 31:
        yield Entity("date", f"{year % 100:02d}-{low:02d}-{high:02d}")


def _digits(text: str) -> str:
    return "".join(c for c in text if c in "0123456789")


def _compact(text: str) -> str:
    return text.replace(" ", "")


def _ascii_digits(text: str) -> str:
    return text if text.isascii() else "".join(str(int(c)) if c.isdecimal() else c for c in text)
