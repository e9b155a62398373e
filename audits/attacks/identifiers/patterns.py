"""Identifiers that a pattern can find in text, with a checksum where they have one.

Phone numbers are found by a pattern of ours: phonenumbers finds national numbers of one country that must be named
(three of the nine in our tests without one), and does not know the numbers kept for fiction.
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from typing import NamedTuple

from stdnum import luhn
from stdnum.gb import nhs
from stdnum.iso7064 import mod_97_10

from audits.text.normalise import normalise, tokens

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
_IBAN = re.compile(r"(?<!\w)[a-z]{2}[ -]?\d{2}(?:[ -]?[a-z0-9]{4}){2,7}(?:[ -]?[a-z0-9]{1,3})?(?!\w)")
_CARD = re.compile(r"(?<![\w-])\d(?:[ -]?\d){12,18}(?![\w-])")
# as printed on cards, where the pattern above takes the expiry date or code behind it along
_CARD_PRINTED = re.compile(r"(?<![\w-])(?:\d{4}([ -]?)\d{4}\1\d{4}\1\d{4}|\d{4}([ -]?)\d{6}\2\d{5})(?![\w-])")
_NHS = re.compile(r"(?<![\w-])\d{3}([ -]?)\d{3}\1\d{4}(?![\w-])")
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


class Match(NamedTuple):
    """An identifier and the characters at which it stands."""

    entity: Entity
    start: int
    end: int


class RowContent(NamedTuple):
    """What one text holds: patterned identifiers, bare numbers as entities of the kind "number", and tokens."""

    entities: set[Entity]
    numbers: set[Entity]
    words: list[str]


def read_content(text: str) -> RowContent:
    """Return what a text holds."""
    normalised = normalise(text)
    return RowContent(
        {match.entity for match in find_entities(normalised)},
        {match.entity for match in find_numbers(normalised)},
        tokens(normalised),
    )


def entities(text: str) -> set[Entity]:
    """Return the identifiers in a text, each in a form that does not depend on how it is written."""
    return {match.entity for match in find_entities(normalise(text))}


def numbers(text: str) -> set[str]:
    """Return the digits of every number of six digits or more, however it is grouped, and its last nine digits."""
    return {match.entity.key for match in find_numbers(normalise(text))}


def find_numbers(normalised: str) -> Iterator[Match]:
    """Yield the numbers in a normalised text, as `numbers` does, each as an entity of the kind "number"."""
    for match in _NUMBER.finditer(_plain(normalised)):
        digits = _digits(match[0])
        yield Match(Entity("number", digits), *match.span())
        if len(digits) > PHONE_DIGITS:
            yield Match(Entity("number", digits[-PHONE_DIGITS:]), *match.span())


def find_entities(normalised: str) -> Iterator[Match]:
    """Yield the identifiers in a normalised text and where they stand in it."""
    if "@" in normalised:
        for match in _EMAIL.finditer(normalised):
            yield _within(match, "email", match[0].strip(".-"))
    for match in _URL.finditer(normalised):
        yield _within(match, "url", re.sub(r"^\w+://|^www\.", "", match[0]).rstrip(".,;:!?/"))
    if _DIGIT.search(normalised) is None:
        return
    shortened = _near_digits(_plain(normalised))
    for entity, start, end in _with_digits(shortened.text):
        shift = shortened.shift(start)
        yield Match(entity, start + shift, end + shift)


def number_key(entity: Entity) -> str | None:
    """Return the digits by which an identifier may also stand as a bare number, or None if it has too few."""
    if entity.kind in QUASI or not entity.key.isdecimal() or len(entity.key) < MIN_NUMBER_DIGITS:
        return None
    return entity.key


def only_digits(normalised: str) -> Entity | None:
    """Return the digits of a whole identifier as the bare number it may also stand as, or None if it has too few."""
    digits = _digits(_plain(normalised))
    return Entity("number", digits) if len(digits) >= MIN_NUMBER_DIGITS else None


class _Shortened(NamedTuple):
    """A text with what is far from digits cut to a line break: where each piece begins, and how much went before."""

    text: str
    starts: list[int]
    shifts: list[int]

    def shift(self, place: int) -> int:
        return self.shifts[bisect_right(self.starts, place) - 1]


def _near_digits(text: str) -> _Shortened:
    pieces, starts, shifts, done, length = [], [0], [0], 0, 0
    for far in _FAR_FROM_DIGITS.finditer(text):
        pieces.append(text[done : far.end(1)] + "\n")
        done = far.start(2)
        length += len(pieces[-1])
        starts.append(length)
        shifts.append(done - length)
    return _Shortened("".join([*pieces, text[done:]]), starts, shifts)


def _within(match: re.Match[str], kind: str, key: str) -> Match:
    """Return what stands in a match as its key, without what was taken along before and behind it."""
    start = match.start() + match[0].index(key)
    return Match(Entity(kind, key), start, start + len(key))


def _with_digits(text: str) -> Iterator[Match]:
    for kind, pattern, group, key_of in _SHAPES:
        for match in pattern.finditer(text):
            key = key_of(match[group])
            if key:
                start = match.start(group) + len(match[group]) - len(match[group].lstrip(" -"))
                yield Match(Entity(kind, key), start, match.end(group))
    for match in _IBAN.finditer(text):
        written = _iban(match[0])
        if written:
            yield Match(Entity("iban", _compact(written)), match.start(), match.start() + len(written))
    yield from _dates(text)


def _card(written: str) -> str:
    digits = _digits(written)
    return digits if luhn.is_valid(digits) and len(set(digits)) > 1 else ""


def _nhs(written: str) -> str:
    digits = _digits(written)
    return digits if nhs.is_valid(digits) and len(set(digits)) > 1 else ""


def _phone(written: str) -> str:
    digits = _digits(written)
    return digits[-PHONE_DIGITS:] if len(digits) >= PHONE_DIGITS else ""


def _iban(match: str) -> str:
    """Return the IBAN a match starts with, or an empty string: the pattern may have taken words behind it along."""
    while len(key := _compact(match)) >= MIN_IBAN_CHARACTERS:
        if mod_97_10.is_valid(key[4:] + key[:4]):  # ISO 13616; what a country asks besides is not asked of a copy
            return match
        match = match[: max(match.rfind(" "), match.rfind("-"), 0)]
    return ""


def _dates(text: str) -> Iterator[Match]:
    for match in _ISO.finditer(text):
        yield from _date(match, int(match[1]), int(match[2]), int(match[3]))
    for match in _NUMERIC.finditer(text):
        yield from _date(match, int(match[3]), int(match[1]), int(match[2]))
    for match in _DAY_MONTH.finditer(text):
        yield from _date(match, int(match[3]), _MONTHS.index(match[2]) + 1, int(match[1]))
    for match in _MONTH_DAY.finditer(text):
        yield from _date(match, int(match[3]), _MONTHS.index(match[1]) + 1, int(match[2]))


def _date(match: re.Match[str], year: int, a: int, b: int) -> Iterator[Match]:
    """Yield a date by the last two digits of its year and its day and month in either order."""
    low, high = min(a, b), max(a, b)
    if 1 <= low <= 12 and high <= 31:
        yield Match(Entity("date", f"{year % 100:02d}-{low:02d}-{high:02d}"), *match.span())


def _digits(text: str) -> str:
    return "".join(c for c in text if c in "0123456789")


def _compact(text: str) -> str:
    return text.replace(" ", "").replace("-", "")


def _plain(text: str) -> str:
    """Return a text with the digits of any script as ASCII's and underscores as blanks; every place stays."""
    text = text.replace("_", " ")
    return text if text.isascii() else "".join(str(int(c)) if c.isdecimal() else c for c in text)


# kind, pattern, the group that holds the identifier, and its key; no key where it is none after all
_SHAPES: tuple[tuple[str, re.Pattern[str], int, Callable[[str], str]], ...] = (
    ("mrn", _MRN, 1, lambda written: re.sub(r"[^a-z0-9]", "", written)),
    ("ssn", _SSN, 0, _digits),
    ("card", _CARD, 0, _card),
    ("card", _CARD_PRINTED, 0, _card),
    ("nhs", _NHS, 0, _nhs),
    ("phone", _PHONE, 0, _phone),
    ("postal", _POSTAL, 0, _compact),
    ("age", _AGE, 1, str),
)
