"""Find identifiers other than names and dates by patterns: contact data, numbers, codes, places and high ages.

The rules are rows of `_RULES`: kind, pattern, and a check of the context. Every repetition is bounded, so the time is
linear in the text. python-stdnum verifies check digits. Telephone numbers have their own patterns, because the
library phonenumbers requires a country and misses local numbers such as "tel 5550142".
"""

import ipaddress
import re
from collections.abc import Callable
from typing import NamedTuple

from stdnum import luhn
from stdnum.gb import nhs
from stdnum.iso7064 import mod_97_10

from audits.text.clinical_terms import is_ordinary, is_vetoed
from audits.text.identifier_grammar import STATES, number_cue
from audits.text.name_lists import words
from synthgen.deidentify.spans import Span

_STREETS = (
    "Street|St|Avenue|Ave|Road|Rd|Lane|Ln|Drive|Dr|Court|Ct|Place|Pl|Boulevard|Blvd|Terrace|Way|Row|Close|Crescent"
    "|Square|Parkway|Pkwy|Highway|Hwy|Circle|Trail|Gardens|Grove|Hill|Mews|Walk"
)
_FACILITIES = (
    "(?:(?:General|Memorial|Regional|Community|University|District|Royal|County|Children's|Teaching|Medical|Health"
    "|Family|Care|Nursing|Retirement|Assisted|Rehabilitation|Primary|Elementary|High|Group) "
    "){0,3}(?:Hospital|Infirmary"
    "|Surgery|Clinic|Practice|Cent(?:er|re)|Hospice|Home|School|College|University|Church|Manor|Lodge"
    "|Prison|Pharmacy)"
)
_CAPITAL = r"[^\W\d_a-z][\w'’.-]{0,24}"
_PROPER = r"[^\W\d_a-z][\w'’-]{0,24}"
_UNIT = re.compile(
    r" ?(?:mg|mcg|ug|g|kg|ml|cc|l|units?|iu|mmhg|bpm|%|pg|ng|cells|thousand|mmol|meq|steps|feet|ft"
    r"|calories|kcal|hours?"
    r"|days?|weeks?|mins?|minutes)\b|%",
    re.IGNORECASE,
)
_PHONE_CUE = re.compile(
    r"\b(?:phone|tel|telephone|call(?:ed)?|cell|mobile|mob|fax(?:ed)?|f|ph|p|t|m|text|reach(?:ed|able)?"
    r"|contact(?:able)?"
    r"|number|ring|rang|home|work|line|landline|dial|messages?|answer(?:ing|s)?|registered|sms"
    r"|whatsapp)\b\W{0,3}(?:\w{1,10} ){0,4}\W{0,2}$",
    re.IGNORECASE,
)
# words before lists of measurements, which have the shape of telephone numbers
_MEASURE = re.compile(
    r"\b(?:i/?o|in(?:take)?|out(?:put)?|urine|vs|vitals?|bp|hr|rr|temp|spo2|cr|creat\w*|wbc|plt|platelets?|ck|bnp|hgb"
    r"|labs?|glucose|volumes?|ml|trop\w*|weights?|taper|doses?|counts?|range)\W{0,3}(?:[\d./]+ ?,? ?){0,6}$",
    re.IGNORECASE,
)
_NANP = re.compile(r"(?:\+?1[ .-]?)?(?:\(\d{3}\) ?|\d{3}[ .-])\d{3}[ .-]\d{4}(?: ?(?:x|ext\.?) ?\d{1,5})?")
_UK_PHONE = re.compile(r"\(?0\d{2,4}\)?[ -]?\d{3,4}[ -]?\d{3,4}|0\d{4} ?\d{6}")
_IBAN = re.compile(r"(?<!\w)[A-Z]{2}[ -]?\d{2}(?:[ -]?[A-Z\d]{4}){2,7}(?:[ -]?[A-Z\d]{1,3})?(?!\w)", re.IGNORECASE)
_DECIMAL = re.compile(r"\d{1,3}\.\d{1,2}")
_YEAR = re.compile(r"(?:19|20)\d\d")


def _digits(value: str) -> str:
    return "".join(str(int(c)) for c in value if c.isdecimal())


def _before(match: re.Match[str], n: int = 40) -> str:
    return match.string[max(0, match.start() - n) : match.start()]


def _has_unit(match: re.Match[str]) -> bool:
    return _UNIT.match(match.string, match.end()) is not None


def _is_phone(match: re.Match[str]) -> bool:
    """Return whether digits are a telephone number, by a plus, a known shape, or a cue before them."""
    value, digits = match[0], _digits(match[0])
    if not 7 <= len(digits) <= 16 or _has_unit(match):
        return False
    if value.startswith("+"):
        return len(digits) >= 8
    has_cue = _PHONE_CUE.search(_before(match)) is not None
    if _MEASURE.search(_before(match)) and not has_cue:
        return False
    is_shaped = _NANP.fullmatch(value) is not None or (len(digits) >= 10 and _UK_PHONE.fullmatch(value) is not None)
    return is_shaped or (has_cue and not any(map(_DECIMAL.fullmatch, value.split())))


def _is_ip4(match: re.Match[str]) -> bool:
    return all(int(part) <= 255 for part in match[0].split("."))


def _is_ip6(match: re.Match[str]) -> bool:
    if re.search(r"[0-9a-f]{3}", match[0], re.IGNORECASE) is None:
        return False  # a time of day
    try:
        ipaddress.IPv6Address(match[0])
    except ValueError:
        return False
    return True


def _is_card(match: re.Match[str]) -> bool:
    return bool(luhn.is_valid(_digits(match[0])))


def _is_numbered(match: re.Match[str]) -> bool:
    """Return whether what follows a cue is a number or code and neither a quantity nor a year."""
    value = match["value"]
    n_digits = len(_digits(value))
    is_year = _YEAR.fullmatch(value) is not None
    return n_digits >= 3 and len(value) >= 4 and not is_year and not _UNIT.match(match.string, match.end())


def _is_code(match: re.Match[str]) -> bool:
    """Return whether an unannounced group of letters and digits is a code: at least 8 characters with 4 digits."""
    value = match[0]
    n_digits, n_letters = len(_digits(value)), sum(map(str.isalpha, value))
    if value.startswith("NCT") or _has_unit(match) or n_digits < 4 or n_digits + n_letters < 8:
        return False
    return n_letters > 0 or max(map(len, value.split("-"))) >= 3


def _is_us_code(match: re.Match[str]) -> bool:
    """Return whether five digits after a state are its postal code: OR, IN and ME are words, too."""
    before = match.string[max(0, match.start() - 25) : match.start()].rstrip()
    word = re.search(r"[^\W\d_][\w'.-]*$", before)
    is_after_place = before.endswith(",") or (word is not None and word[0][0].isupper())
    return (is_after_place or not before) and not _has_unit(match)


def _is_named(match: re.Match[str]) -> bool:
    """Return whether the words before a kind of place name one: at least one is neither ordinary nor clinical."""
    parts = re.findall(r"[^\W\d_]{3,}", match["name"])
    return any(not is_ordinary(p) for p in parts) and not any(map(is_vetoed, parts))


def _is_town(match: re.Match[str]) -> bool:
    return _is_named(match) and match["name"] not in _REGIONS and not match["name"].isupper()


_REGIONS = frozenset(  # as large as a state, which HIPAA Safe Harbor keeps
    words("""
Alabama Alaska Arizona Arkansas California Colorado Connecticut Delaware Florida Georgia Hawaii Idaho Illinois
Indiana Iowa Kansas Kentucky Louisiana Maine Maryland Massachusetts Michigan Minnesota Mississippi Missouri
Montana Nebraska Nevada Ohio Oklahoma Oregon Pennsylvania Tennessee Texas Utah Vermont Virginia Washington
Wisconsin Wyoming England Scotland Wales Ireland Europe Africa Asia America Canada Mexico India China Japan
Germany France Spain Italy Poland Ukraine Brazil Nigeria Kenya Ghana Pakistan Bangladesh Vietnam Korea Australia
Turkey Greece Portugal
""")
)


class _Rule(NamedTuple):
    kind: str
    regex: str
    is_valid: Callable[[re.Match[str]], bool] = lambda _: True
    flags: int = 0


_I = re.IGNORECASE
_OLD = r"9\d|1[0-2]\d"
_OLD_WORDS = (
    r"ninety(?:[ -](?:one|two|three|four|five|six|seven|eight|nine))?|(?:a|one) hundred(?: and)?"
    r"(?: (?:one|two|three|four|five|six|seven|eight|nine|ten))?"
)
# a town behind a street, with its postal code
_TAIL = (
    rf"(?:, {_PROPER}(?: {_PROPER})?(?:,? (?:{STATES}),? \d{{5}}(?:-\d{{4}})?"
    rf"|,? [A-Z]{{1,2}}\d[A-Z\d]? \d[A-Z]{{2}})(?!\w)"
    rf"|, {_PROPER}(?: {_PROPER})?(?=,|\.|;| \d| (?:{STATES})\b|\n|$))?"
)
_RULES = tuple(
    (p.kind, re.compile(p.regex, p.flags), p.is_valid)
    for p in (
        # contact data
        _Rule("email", r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,6}"),
        _Rule(
            "email",
            r"(?<![\w.+-])[\w.+-]{2,64} ?(?:\[at\]|\(at\)) ?[\w-]{1,63}(?: ?(?:\.|\[dot\]"
            r"|\(dot\)) ?[\w-]{2,63}){1,4}",
            flags=_I,
        ),
        _Rule("email", r"\b[\w-]{2,30}(?: dot [\w-]{2,30}){0,3} at [\w-]{2,30}(?: dot [\w-]{2,30}){1,3}\b", flags=_I),
        _Rule("other", r"(?<![\w@.])@[a-z_][\w.]{2,29}\w", flags=_I),  # a name in a social network
        _Rule("url", r"(?<!\w)(?:https?://|www\.)[^\s<>\"')\]]{1,2000}", flags=_I),
        _Rule(
            "url",
            r"(?<![\w@.-])(?:[a-z\d-]{2,63}\.){1,4}(?:com|org|net|edu|gov|uk|io|info|health|care|eu|de|fr|ca|au|ie)"
            r"(?:/[^\s<>\"\])]{0,2000}[\w/]|(?![\w.]))",
            flags=_I,
        ),
        _Rule("ip", r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w]|\.\d)", _is_ip4),
        _Rule("ip", r"(?<![\w:])(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{1,4}(?![\w:])", _is_ip6, _I),
        _Rule(
            "record_number", r"(?<![\w:])(?:[0-9a-f]{2}[:-]){5}[0-9a-f]{2}(?![\w:])", flags=_I
        ),  # of a network card
        _Rule(
            "phone",
            r"(?<![\w./-])[+(]?\d(?:(?:[ .-]|\) ?|[ -]?\()?\d){6,15}(?: ?(?:x|ext\.?) ?\d{1,5})?(?![\w/]|[.-]\d)",
            _is_phone,
        ),
        _Rule(
            "phone", r"\b(?:pager|bleep|beeper|ext|extension|x)\.?:?#? ?(?:no\.? )?(?P<value>\d{3,6})(?!\w)", flags=_I
        ),
        # numbers with check digits or a known form
        _Rule(
            "card",
            r"(?<![\w-])\d{4}(?:[ -]?\d{4}){2}(?:[ -]?\d{1,4}){0,2}(?![\w-])|(?<![\w-])\d{4}[ -]\d{6}[ -]\d{5}(?!\w)",
            _is_card,
        ),
        # as printed on cards; the pattern above would include a following expiry date or code
        _Rule("card", r"(?<![\w-])(?:\d{4}([ -]?)\d{4}\1\d{4}\1\d{4}|\d{4}([ -]?)\d{6}\2\d{5})(?![\w-])", _is_card),
        _Rule("ssn", r"(?<![\w-])\d{3}-\d{2}-\d{4}(?![\w-])"),
        _Rule(
            "ssn", r"\b(?:ssn|social security)[^\d\n]{0,20}(?P<value>\d{3} ?\d{2} ?\d{4}|\d{4})(?![\w-])", flags=_I
        ),
        _Rule(
            "nhs_number",
            r"(?<![\w+-])(?<!\+\d )(?<!\+\d\d )\d{3}([ -]?)\d{3}\1\d{4}(?![\w-])",
            lambda match: (
                nhs.is_valid(_digits(match[0])) and (match[1] != "-" or "nhs" in _before(match, 15).lower())
            ),
        ),
        _Rule("record_number", r"(?<!\w)[1-9][A-Z][A-Z\d]\d[ -]?[A-Z][A-Z\d]\d[ -]?[A-Z]{2}\d\d(?!\w)"),  # Medicare
        _Rule("record_number", r"(?<!\w)(?=[A-Z\d]{0,16}\d)(?=[A-Z\d]{0,16}[A-Z])[A-HJ-NPR-Z\d]{17}(?!\w)"),  # VIN
        _Rule("record_number", r"(?<!\w)[A-Z]{2}\d\d ?[A-Z]{3}(?!\w)", lambda m: "reg" in _before(m, 20).lower()),
        # numbers and codes after a cue, then those without one
        _Rule(
            "record_number",
            number_cue()
            + r"(?=[A-Z/-]{0,12}\d)(?P<value>[A-Z0-9](?:[A-Z0-9]|[-/.](?=[A-Z0-9])){2,24})(?![\w]|[.,]\d)",
            _is_numbered,
            _I,
        ),
        _Rule("record_number", r"(?<![\w.])\d{9,40}(?!\w|\.\d)"),  # no clinical measurement has nine digits
        _Rule("record_number", r"(?<![\w-])[A-Z\d]{1,8}(?:-[A-Z\d]{1,8}){1,5}(?![\w-])", _is_code),
        _Rule("record_number", r"(?<![\w.-])[A-Z]{1,4}\d{6,12}[A-Z]?(?![\w-])", _is_code),
        # places
        _Rule(
            "street",
            rf"(?<!\w)\d{{1,5}}[A-Z]? (?:{_CAPITAL} ){{1,4}}(?:{_STREETS})\b\.?"
            rf"(?:,? (?:Apt|Apartment|Unit|Suite|Ste|Flat|#)\.? ?\w{{1,6}})?{_TAIL}",
        ),
        _Rule(
            "street",
            rf"(?<!\w)(?P<name>(?:{_CAPITAL} ){{1,2}})(?:Street|Road|Lane|Avenue|Boulevard|Crescent|Terrace)\b",
            _is_named,
        ),
        _Rule("street", r"\bP\.?O\.? Box \d{1,6}", flags=_I),
        _Rule(
            "place",
            rf"(?<!\w)(?:{_CAPITAL} ){{0,2}}{_CAPITAL},? (?:{STATES}),? \d{{5}}(?:-\d{{4}})?(?!\w)",
            lambda m: not _has_unit(m),
        ),
        _Rule("place", rf"(?<!\w)(?P<name>(?:St\.? |{_CAPITAL} ){{1,3}}?){_FACILITIES}\b", _is_named),
        _Rule(
            "place", rf"(?<!\w)(?P<name>{_CAPITAL}(?: {_CAPITAL})?) (?:Borough|Parish|Township|Village)\b", _is_named
        ),
        _Rule("place", rf"(?<=[a-z,] )(?!The\b){_CAPITAL} County\b|\bCounty (?!Council|Hospital|Court){_PROPER}"),
        _Rule("place", rf"(?<!\w)(?:Mount|Mt\.?|Saint|San|Santa|Fort|Ft\.) (?P<name>{_PROPER})", _is_named),
        _Rule("place", r"(?<!\w)(?P<name>[A-Z][a-z]{2,12}shire)\b", _is_named),
        _Rule(
            "place",
            r"\b(?i:lives?|living|resides?|residing|born|raised|works?|working|grew up|resident|moved(?: here)?"
            r"|relocated|transferred|transfer|visiting|travell?ed|flew|drove|trip|visit) (?:in|near|at|of|from|to"
            r"|outside) "
            r"(?P<value>(?P<name>[A-Z][a-z'’-]{2,20}(?: [A-Z][a-z'’-]{2,20}){0,2}))(?![\w])",
            _is_town,
        ),
        _Rule("place", r"(?<!\w)(?P<value>(?P<name>[A-Z][a-z]{2,20})),(?= [A-Z]{1,2}\d{1,2}[A-Z]? \d[A-Z]{2}\b)"),
        _Rule("postal_code", rf"(?<!\w)(?:{STATES}),? (?P<value>\d{{5}}(?:-\d{{4}})?)(?!\w)", _is_us_code),
        _Rule(
            "postal_code",
            r"\b(?:zip(?:[ -]?code)?"
            r"|post(?:al)?[ -]?code)(?: is)?:? (?P<value>[A-Z0-9][A-Z0-9 -]{2,8}\d[A-Z]{0,2})\b",
            flags=_I,
        ),
        _Rule("postal_code", r"(?<!\w)[A-Z]{1,2}\d[A-Z\d]? \d[A-Z]{2}(?!\w)"),
        # ages over 89
        _Rule("age", rf"(?<![\w./-])(?P<value>{_OLD})(?=[ -]?(?:years?|yrs?|y/?o|yo)\b|[ -]y\b|[MF]\b)"),
        _Rule(
            "age",
            rf"(?<![\w./-])(?P<value>{_OLD})(?= (?:M|F|male|female|man|woman|lady|gentleman)\b)",
            lambda m: (
                re.search(
                    r"(?:\b(?:t|hr|rr|p|pulse|bp|map|sats?|rate)|temp\w*|°|max|fever\w*|\d)\W{0,3}(?:of |to )?$",
                    _before(m),
                    _I,
                )
                is None
            ),
        ),
        _Rule(
            "age",
            rf"\b(?:aged?|turned|age of|age is|dies at|died at)[ :\n]{{1,2}}(?P<value>{_OLD})(?![\w%/]|\.\d)",
            flags=_I,
        ),
        _Rule("age", rf"\bis (?P<value>{_OLD})(?= and\b|[.,;] (?:he|she|lives)| now\b| today\b)", flags=_I),
        _Rule("age", rf"\b(?P<value>{_OLD_WORDS})(?=[ -](?:years?|yrs?)[ -](?:old|of age))", flags=_I),
        _Rule(
            "age",
            rf"\b(?:aged?|age of|turned|is) (?P<value>(?:{_OLD_WORDS}))\b(?! (?:percent|minutes|days|mg|degrees))",
            flags=_I,
        ),
        _Rule("age", r"\b(?:nonagenarian|centenarian|(?<=in her )nineties|(?<=in his )nineties)\b", flags=_I),
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
    for kind, regex, is_valid in _RULES:
        part = "value" if "value" in regex.groupindex else 0
        found += [Span(*m.span(part), kind) for m in regex.finditer(text) if is_valid(m)]
    return found
