"""Find identifiers such as dates, phone numbers and record numbers in text, by patterns and checksums.

Repetitions in the patterns are bounded or start at a rare character, so the time is linear in the text length. The
library phonenumbers is not used, because it needs the country to find national phone numbers.
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from typing import NamedTuple

from stdnum import luhn
from stdnum.gb import nhs
from stdnum.iso7064 import mod_97_10

from audits.attacks.identifiers.spelled_dates import spelled_dates
from audits.text import identifier_grammar as grammar
from audits.text.normalise import normalise, tokens

# Kinds of identifiers, with their names in reports. A direct identifier belongs to one person. A contact may also
# belong to an institution. A quasi-identifier is shared by many persons.
DIRECT = {
    "mrn": "record number",
    "ssn": "national id",
    "iban": "bank account",
    "card": "card number",
    "nhs": "NHS number",
}
CONTACT = {"email": "e-mail address", "phone": "phone number", "url": "URL"}
QUASI = {"date": "date", "postal": "postal code", "age": "age"}
MIN_NUMBER_DIGITS = 6  # numbers with fewer digits are ignored
MIN_IBAN_CHARACTERS = 15  # length of the shortest IBAN, that of Norway
PHONE_DIGITS = 9  # phone numbers are compared by their last nine digits, so that a country code does not matter
_MONTH = rf"(?P<month>{'|'.join(grammar.MONTHS)})[a-z]*\.?"
_DIGIT = re.compile(r"\d")
# more than 80 characters without a digit; `_with_digits` needs only the first 40 and the last 40 (the two groups)
_FAR_FROM_DIGITS = re.compile(r"(\D{40})\D+(\D{40})")
_NUMBER = re.compile(r"(?<![\w])\d(?:[ ./-]?\d){5,24}(?!\w)")
_EMAIL = re.compile(r"[\w.+%-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,9}")
_AT = r"(?: ?[(\[{<] ?(?:at|a|@) ?[)\]}>] ?| @ ?| ?@ | at |&#0*64;?|&#x0*40;?|&commat;|%40)"
_DOT = r"(?: ?[(\[{<] ?(?:dot|\.) ?[)\]}>] ?| dot | \. ?|\.|&#0*46;?|&#x0*2e;?|&period;|%2e)"
# an e-mail address with the words "at" and "dot", with spaces around "@" and ".", or with "@" and "." escaped
_SPELT_EMAIL = re.compile(
    rf"(?<![\w@])([\w.+%-]{{1,64}}(?: dot [\w+%-]{{1,64}}){{0,3}})({_AT})"
    rf"([\w-]{{1,63}}(?:{_DOT}[\w-]{{1,63}}){{0,3}})({_DOT})([a-z]{{2,12}})(?!\w)"
)
_TOP_DOMAINS = frozenset(("com", "org", "net", "edu", "gov", "mil", "int", "info", "biz", "io", "co", "example"))
_SPELT_DOT = re.compile(_DOT)
_URL = re.compile(rf"(?:(?:(?:https?|ftp)://|www\.)|(?<![\w@./-]){grammar.HOST}/)[^\s'<>()\[\]]{{1,2000}}")
_PHONE = re.compile(
    r"(?<![\w./-])(?:\+\d{1,3}[ .-]?)?(?:\(\d{2,5}\)[ .-]?|\d{2,5}[ .-])\d{3,4}[ .-]?\d{3,4}(?![\w-])"
)
_SSN = re.compile(rf"(?<![\w-])(?!000|666|9\d\d|\d{{3}}-00|\d{{3}}-\d\d-0000){grammar.SSN}(?![\w-])")
_IBAN = re.compile(rf"(?<!\w){grammar.IBAN}(?!\w)", re.IGNORECASE)
_CARD = re.compile(r"(?<![\w-])\d(?:[ -]?\d){12,18}(?![\w-])")
_CARD_PRINTED = re.compile(rf"(?<![\w-]){grammar.CARD_PRINTED}(?![\w-])")
_NHS = re.compile(rf"(?<![\w-]){grammar.NHS}(?![\w-])")
# a record number after a cue such as "MRN", with at most 15 letters, spaces or signs in between
_MRN = re.compile(
    r"(?<!\w)(?:mrn|mr no|medical record|patient (?:id|no|number)|hospital (?:id|no|number)|record (?:id|no|number)"
    r"|accession|chart(?: no| number)?|case (?:no|number)|device|serial)[ .:#a-z]{0,14}?[ .:#]"
    r"([a-z]{0,4}[- ]?\d(?:[- /]?\d){4,13})(?!\w)"
)
_CUED_NUMBER = re.compile(rf"{grammar.number_cue()}([a-z]{{0,4}}-?\d(?:[-/]?\d){{4,13}})(?![\w,]|\.\d)")
# a date, or a range of years
_DATE_SHAPE = re.compile(
    r"\d{1,2}[-/]\d{1,2}[-/](?:\d{4}|\d{2})|\d{4}[-/]\d{1,2}[-/]\d{1,2}|(?:19|20)\d\d[-/](?:19|20)\d\d"
)
_FIXED_FORMAT = re.compile(rf"(?<!\w)(?:{grammar.VIN}|{grammar.MEDICARE}|{grammar.UK_LICENCE})(?!\w)", re.IGNORECASE)
_NETWORK_CARD = re.compile(rf"(?<![\w:]){grammar.NETWORK_CARD}(?![\w:])")
_PLATE = re.compile(
    rf"(?<!\w){grammar.PLATE_CUE}([a-z]{{2}}\d\d ?[a-z]{{3}}|[a-z]{{3}}-?\d{{3,4}}|\d[a-z]{{3}}\d{{3}})(?![\w-])"
)
_DATES = (  # numeric dates may have day and month in either order
    re.compile(r"(?<!\d)(?P<year>\d{4})[-/.](?P<month>\d{1,2})[-/.](?P<day>\d{1,2})(?!\d)"),
    # a date, but not a part of a longer number such as 06.12.84.59.71
    re.compile(r"(?<!\d)(?<!\d\.)(?P<month>\d{1,2})[-/.](?P<day>\d{1,2})[-/.](?P<year>\d{4}|\d{2})(?!\d|\.\d)"),
    re.compile(rf"(?<!\d)(?P<day>\d{{1,2}})(?:st|nd|rd|th)?[ -](?:of )?{_MONTH},?[ -](?P<year>\d{{4}})(?!\d)"),
    re.compile(rf"(?<!\d)(?P<year>\d{{4}})[ -]{_MONTH}[ -](?P<day>\d{{1,2}})(?!\d)"),
    re.compile(rf"(?<![a-z]){_MONTH} (?:the )?(?P<day>\d{{1,2}})(?:st|nd|rd|th)?,? (?P<year>\d{{4}})(?!\d)"),
)
_POSTAL = re.compile(
    rf"(?<!\w)(?:{grammar.UK_POSTAL}|{grammar.CANADIAN_POSTAL}|[A-Z]{{2}} \d{{5}}(?:-\d{{4}})?)(?!\w)", re.IGNORECASE
)
_AGE = re.compile(rf"(?<!\d)({grammar.HIGH_AGE})[ -]?(?:years?|yrs?|y)[ -]?(?:old|o)?(?!\w)")
_AGED = re.compile(rf"(?<!\w)(?:aged?:?|turn(?:ed|s|ing)|age of) ({grammar.HIGH_AGE})(?![\w%/]|\.\d)")


class Entity(NamedTuple):
    """An identifier: its kind, and a key that is the same in every notation, such as its digits."""

    kind: str
    key: str


class Match(NamedTuple):
    """An identifier and its position in the normalised text."""

    entity: Entity
    start: int
    end: int


class RowContent(NamedTuple):
    """The contents of one text."""

    entities: set[Entity]  # identifiers found by pattern
    numbers: set[Entity]  # numbers (`find_numbers`), as entities of the kind "number"
    words: list[str]  # tokens of the normalised text
    text: str  # the text as written
    normalised: str
    matches: list[Match]  # identifiers found by pattern, with their positions in the normalised text


def read_content(text: str) -> RowContent:
    """Return the contents of a text."""
    normalised = normalise(text)
    matches = list(find_entities(normalised))
    return RowContent(
        {match.entity for match in matches},
        {match.entity for match in find_numbers(normalised)},
        tokens(normalised),
        text,
        normalised,
        matches,
    )


def entities(text: str) -> set[Entity]:
    """Return the identifiers in a text."""
    return {match.entity for match in find_entities(normalise(text))}


def numbers(text: str) -> set[str]:
    """Return the digits of each number of at least six digits: "482-133" -> {"482133"}.

    If a number has more than nine digits, the last nine digits are also returned.
    """
    return {match.entity.key for match in find_numbers(normalise(text))}


def find_numbers(normalised: str) -> Iterator[Match]:
    """Yield the numbers of a normalised text (see `numbers`) as entities of the kind "number"."""
    for match in _NUMBER.finditer(_plain(normalised)):
        digits = _digits(match[0])
        yield Match(Entity("number", digits), *match.span())
        if len(digits) > PHONE_DIGITS:
            yield Match(Entity("number", digits[-PHONE_DIGITS:]), *match.span())


def find_entities(normalised: str) -> Iterator[Match]:
    """Yield the identifiers in a normalised text."""
    if "@" in normalised:
        for match in _EMAIL.finditer(normalised):
            address = _within(match, "email", match[0].strip(".-"))
            yield address._replace(entity=Entity("email", _mailbox(address.entity.key)))
    for match in _SPELT_EMAIL.finditer(normalised):
        local, at, host, dot, top = match.groups()
        # "seen at home. later" is no address: a top domain that is not in `_TOP_DOMAINS` requires the word "dot" or a
        # sign such as "@"
        if top in _TOP_DOMAINS or "dot" in dot or (at != " at " and dot == "."):
            local, host = (_SPELT_DOT.sub(".", part) for part in (local, host))
            yield Match(Entity("email", _mailbox(f"{local}@{host}.{top}")), *match.span())
    for match in _URL.finditer(normalised):
        yield _within(match, "url", re.sub(r"^(?:\w+://)?(?:www\.)?", "", match[0]).rstrip(".,;:!?/"))
    for year, month, day, start, end in spelled_dates(normalised):
        yield Match(_date(year, month, day), start, end)
    if _DIGIT.search(normalised) is None:
        return
    shortened = _near_digits(_plain(normalised))
    for entity, start, end in _with_digits(shortened.text):
        shift = shortened.shifts[bisect_right(shortened.starts, start) - 1]
        yield Match(entity, start + shift, end + shift)


def number_key(entity: Entity) -> str | None:
    """Return the key of a direct identifier or contact if the key consists of at least six digits, else None."""
    if entity.kind in QUASI or not entity.key.isdecimal() or len(entity.key) < MIN_NUMBER_DIGITS:
        return None
    return entity.key


def only_digits(normalised: str) -> Entity | None:
    """Return all digits of a normalised text as one number, or None if there are fewer than six."""
    digits = _digits(_plain(normalised))
    return Entity("number", digits) if len(digits) >= MIN_NUMBER_DIGITS else None


class _Shortened(NamedTuple):
    """A text without the parts that are far from every digit."""

    text: str  # the pieces of a text that are near digits, joined by line breaks
    starts: list[int]  # first character of each piece in `text`
    shifts: list[int]  # for each piece: what to add to a position in `text` to get the position in the whole text


def _near_digits(text: str) -> _Shortened:
    pieces, starts, shifts, done, length = [], [0], [0], 0, 0
    for far in _FAR_FROM_DIGITS.finditer(text):
        pieces.append(text[done : far.end(1)] + "\n")
        done = far.start(2)
        length += len(pieces[-1])
        starts.append(length)
        shifts.append(done - length)
    return _Shortened("".join([*pieces, text[done:]]), starts, shifts)


def _mailbox(address: str) -> str:
    """Return an e-mail address without a tag: ann+news@post.example is delivered to ann@post.example."""
    return re.sub(r"(?<=[^+])\+[^@]*", "", address, count=1)


def _within(match: re.Match[str], kind: str, key: str) -> Match:
    """Return the identifier `key`, with its position inside the text of `match`."""
    start = match.start() + match[0].index(key)
    return Match(Entity(kind, key), start, start + len(key))


def _with_digits(text: str) -> Iterator[Match]:
    """Yield the identifiers that contain a digit, such as record numbers, phone numbers and dates."""
    for kind, pattern, group, key_of in _SHAPES:
        for match in pattern.finditer(text):
            key = key_of(match[group])
            if key:
                start = match.start(group) + len(match[group]) - len(match[group].lstrip(" -"))
                yield Match(Entity(kind, key), start, match.end(group))
    for match in _IBAN.finditer(text):
        iban = _iban(match[0])
        if iban:
            yield Match(Entity("iban", _compact(iban)), match.start(), match.start() + len(iban))
    yield from _dates(text)


def _checked(written: str, is_valid: Callable[[str], bool]) -> str:
    """Return the digits of a number if its check digit is valid and the digits are not all equal; else ""."""
    digits = _digits(written)
    return digits if is_valid(digits) and len(set(digits)) > 1 else ""


def _phone(written: str) -> str:
    digits = _digits(written)
    return digits[-PHONE_DIGITS:] if len(digits) >= PHONE_DIGITS else ""


def _iban(match: str) -> str:
    """Return the IBAN at the start of a match, or "" if there is none."""
    while len(key := _compact(match)) >= MIN_IBAN_CHARACTERS:
        if mod_97_10.is_valid(key[4:] + key[:4]):  # ISO 13616; additional rules of single countries are not checked
            return match
        match = match[: max(match.rfind(" "), match.rfind("-"), 0)]
    return ""


def _dates(text: str) -> Iterator[Match]:
    """Yield each date. The key is the year, then day and month in ascending order: 31.12.2024 -> "24-12-31"."""
    for match in (match for pattern in _DATES for match in pattern.finditer(text)):
        month = grammar.MONTHS.index(match["month"]) + 1 if match["month"] in grammar.MONTHS else int(match["month"])
        day = int(match["day"])
        if 1 <= min(month, day) <= 12 and max(month, day) <= 31:
            yield Match(_date(int(match["year"]), month, day), *match.span())


def _date(year: int, month: int, day: int) -> Entity:
    low, high = sorted((month, day))
    return Entity("date", f"{year % 100:02d}-{low:02d}-{high:02d}")


def _digits(text: str) -> str:
    return "".join(c for c in text if c in "0123456789")


def _compact(text: str) -> str:
    """Return the text without spaces and hyphens."""
    return text.replace(" ", "").replace("-", "")


def _compact_code(text: str) -> str:
    """Return only the ASCII letters and digits of a normalised text."""
    return re.sub(r"[^a-z0-9]", "", text)


def _plain(text: str) -> str:
    """Return the text with ASCII digits, and with spaces for underscores; no character changes position."""
    text = text.replace("_", " ")
    return text if text.isascii() else "".join(str(int(c)) if c.isdecimal() else c for c in text)


# kind; pattern; group of the pattern that contains the identifier; function that returns the key for the text of this
# group, or "" if it is no identifier
_SHAPES: tuple[tuple[str, re.Pattern[str], int, Callable[[str], str]], ...] = (
    ("mrn", _MRN, 1, _compact_code),
    ("mrn", _CUED_NUMBER, 1, lambda written: "" if _DATE_SHAPE.fullmatch(written) else _compact_code(written)),
    ("mrn", _FIXED_FORMAT, 0, _compact),
    ("mrn", _NETWORK_CARD, 0, _compact_code),
    ("mrn", _PLATE, 1, _compact_code),
    ("ssn", _SSN, 0, _digits),
    ("card", _CARD, 0, lambda written: _checked(written, luhn.is_valid)),
    ("card", _CARD_PRINTED, 0, lambda written: _checked(written, luhn.is_valid)),
    ("nhs", _NHS, 0, lambda written: _checked(written, nhs.is_valid)),
    ("phone", _PHONE, 0, _phone),
    ("postal", _POSTAL, 0, _compact),
    ("age", _AGE, 1, str),
    ("age", _AGED, 1, str),
)
