"""Find identifiers by regular expressions: contact data, numbers, codes, places, and ages over 89.

Each repetition in the expressions has an upper limit, or no other match can begin inside the repeated text.
Therefore, the search time is proportional to the text length. The library phonenumbers is not used, because it
needs a country and misses local numbers such as "tel 5550142".
"""

import ipaddress
import re
from itertools import pairwise

from stdnum import luhn
from stdnum.gb import nhs
from stdnum.iso7064 import mod_97_10

from audits.text import identifier_grammar as grammar
from audits.text.clinical_terms import is_ordinary
from audits.text.identifier_grammar import HIGH_AGE
from synthgen.deidentify.name_context import KIN
from synthgen.deidentify.places import PLACE_RULES
from synthgen.deidentify.spans import Span
from synthgen.deidentify.text_pattern import IGNORE, before, digits_of, has_unit
from synthgen.deidentify.text_pattern import TextPattern as P

_PHONE_CUE = re.compile(
    r"(?i)\b(?:phone|tel|telephone|call(?:ed)?|cell|mobile|mob|fax(?:ed)?|f|ph|p|t|m|text|reach(?:ed|able)?|whatsapp"
    r"|contact(?:able)?|facsimile|number|ring|rang|home|work|line|helpline|hotline|landline|dial|messages?"
    r"|answer(?:ing|s)?|registered|sms)\b\W{0,3}(?:\w{1,10} ){0,4}\W{0,2}$"
)
# words after which digits are measurements, not a telephone number
_MEASURE_CUE = re.compile(
    r"(?i)\b(?:i/?o|in(?:take)?|out(?:put)?|urine|vs|vitals?|bp|hr|rr|temp|spo2|cr|creat\w*|wbc|plt|platelets?|ck|bnp|hgb"
    r"|labs?|glucose|volumes?|ml|trop\w*|weights?|taper|doses?|counts?|range)\W{0,3}(?:[\d./]+ ?,? ?){0,6}$"
)
# words after which a number is a code of a terminology or a publication, not an identifier
_CODE_CUE = re.compile(
    r"(?i)\b(?:snomed(?:[ -]ct)?|loinc|icd|opcs|cpt|hcpcs|rxnorm|pmid|pubmed|doi|atc|umls|read)\b\W{0,3}(?:code )?$"
)
# telephone numbers of three kinds: North America; United Kingdom, Ireland or Australia; free of charge
_NANP = re.compile(r"(?:\+?1[ .-]?)?(?:\(\d{3}\) ?|\d{3}[ .-])\d{3}[ .-]\d{4}(?: ?(?:x|ext\.?) ?\d{1,5})?")
_UK_PHONE = re.compile(r"\(?0\d{1,4}\)?[ -]?\d{3,4}[ -]?\d{3,4}|0\d{4} ?\d{6}")
_FREE_PHONE = re.compile(r"(?:1[38]00|0800|0808|1850)[ -]\d{3}[ -]?\d{3,4}")
_EXTENSION = re.compile(r"\d{3}[ .-]\d{4} ?(?:x|ext\.?) ?\d{1,5}")  # local number with an extension
_IBAN = re.compile(rf"(?<!\w){grammar.IBAN}(?!\w)", re.IGNORECASE)
_TIME = re.compile(r"(?:[01]\d|2[0-3])[0-5]\d")  # a time of day without a colon, such as 0830
_DECIMAL = re.compile(r"\d{1,3}\.\d{1,2}")
_MAX_STEP = 20  # successive measurements, such as 131-133, differ by at most this number
_YEAR = re.compile(r"(?:19|20)\d\d")
# words before a number that is a rate or a temperature, not an age, even if "F" or "M" follows: "pulse 92 M"
_RATE_CUE = r"(?:\b(?:t|hr|rr|p|pulse|bp|map|sats?|rate)|temp\w*|°|max|fever\w*|\d)\W{0,3}(?:of |to )?$"


def _is_phone(match: re.Match[str]) -> bool:
    value, digits = match[0], digits_of(match[0])
    if _FREE_PHONE.fullmatch(value) or _EXTENSION.fullmatch(value):
        return True
    if not 7 <= len(digits) <= 16 or has_unit(match):
        return False
    if value.startswith("+"):
        return len(digits) >= 8
    has_cue = _PHONE_CUE.search(before(match)) is not None
    are_times = all(map(_TIME.fullmatch, value.split())) and " " in value
    if (_MEASURE_CUE.search(before(match)) or are_times) and not has_cue:
        return False
    is_shaped = _NANP.fullmatch(value) is not None or (len(digits) >= 10 and _UK_PHONE.fullmatch(value) is not None)
    return is_shaped or (has_cue and not any(map(_DECIMAL.fullmatch, value.split())))


def _is_ip4(match: re.Match[str]) -> bool:
    is_version = re.search(r"\b(?:version|v|firmware|release) ?$", before(match), IGNORE) is not None
    return not is_version and all(int(part) <= 255 for part in match[0].split("."))


def _is_ip6(match: re.Match[str]) -> bool:
    if re.search(r"[0-9a-f]{3}", match[0], re.IGNORECASE) is None:
        return False  # a time of day, such as 12:30:00
    try:
        ipaddress.IPv6Address(match[0])
    except ValueError:
        return False
    return True


def _is_card(match: re.Match[str]) -> bool:
    return bool(luhn.is_valid(digits_of(match[0])))


def _is_number_after_cue(match: re.Match[str]) -> bool:
    value = match["value"]
    n_digits = len(digits_of(value))
    is_year = _YEAR.fullmatch(value) is not None
    is_quantity = has_unit(match) or _DECIMAL.fullmatch(value) is not None
    return n_digits >= 3 and len(value) >= 4 and not is_year and not is_quantity


def _is_bare_number(match: re.Match[str]) -> bool:
    context = before(match)
    is_measured = match[0].endswith("00") or has_unit(match) or _MEASURE_CUE.search(context) is not None
    return not is_measured and _CODE_CUE.search(context) is None


def _is_code(match: re.Match[str]) -> bool:
    value = match[0]
    n_digits, n_letters = len(digits_of(value)), sum(map(str.isalpha, value))
    # "NCT" starts the public number of a clinical trial
    if value.startswith("NCT") or has_unit(match) or n_digits < 4 or n_digits + n_letters < 8:
        return False
    parts = value.split("-")
    if not n_letters and all(abs(int(a) - int(b)) <= _MAX_STEP for a, b in pairwise(parts) if a and b):
        return False  # a series of measurements, such as 131-133-135
    return n_letters > 0 or (max(map(len, parts)) >= 3 and not all(map(_YEAR.fullmatch, parts)))


def _has_no_common_word(match: re.Match[str]) -> bool:
    return not any(map(is_ordinary, re.findall(r"[^\W\d_]{2,}", match[0])))


_AGE_WORDS = (
    r"ninety(?:[ -](?:one|two|three|four|five|six|seven|eight|nine))?|(?:a|one) hundred(?: and)?"
    r"(?: (?:one|two|three|four|five|six|seven|eight|nine|ten))?"
)
_RULES = tuple(
    (p.kind, re.compile(p.regex), p.is_valid)
    for p in (
        *PLACE_RULES,
        # contact data
        P("email", r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,6}"),
        P(
            "email",
            r"(?i)(?<![\w.+-])[\w.+-]{2,64} ?(?:\[at\]|\(at\)) ?[\w-]{1,63}"
            r"(?: ?(?:\.|\[dot\]|\(dot\)) ?[\w-]{2,63}){1,4}",
        ),
        P("email", r"(?i)\b[\w-]{2,30}(?: dot [\w-]{2,30}){0,3} at [\w-]{2,30}(?: dot [\w-]{2,30}){1,3}\b"),
        P("other", r"(?i)(?<![\w@.])@[a-z_][\w.]{2,29}\w"),  # a user name in a social network
        P("url", r"(?i)(?<!\w)(?:https?://|www\.)[^\s<>\"')\]]{1,2000}"),
        P("url", rf"(?i)(?<![\w@.-]){grammar.HOST}" r"(?:/[^\s<>\"\])]{0,2000}[\w/]|(?!\w|\.\w))"),
        P("ip", r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w]|\.\d)", _is_ip4),
        P("ip", r"(?i)(?<![\w:])(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{1,4}(?![\w:])", _is_ip6),
        P("record_number", rf"(?i)(?<![\w:]){grammar.NETWORK_CARD}(?![\w:])"),
        P(
            "phone",
            r"(?<![\w./-])[+(]?\d(?:(?:[ .-]|\) ?|[ -]?\()?\d){6,15}(?: ?(?:x|ext\.?) ?\d{1,5})?(?![\w/]|[.-]\d)",
            _is_phone,
        ),
        P(
            "phone",
            r"(?i)\b(?:pager|bleep|beeper|ext|extension|(?<!\d )x|dect|vocera|ascom|voicemail|vm"
            r"|extn)\.?:? ?#? ?(?:no\.? )?"
            r"(?P<value>\d-\d{4}|\d{3,6}(?:[-. ]\d{4})?)(?!\w)",
        ),
        # numbers with check digits or a known form
        P(
            "card",
            r"(?<![\w-])(?<!\(01\))\d{4}(?:[ -]?\d{4}){2}(?:[ -]?\d{1,4}){0,2}(?![\w-])"
            r"|(?<![\w-])\d{4}[ -]\d{6}[ -]\d{5}(?!\w)",
            _is_card,
        ),
        P("card", rf"(?<![\w-]){grammar.CARD_PRINTED}(?![\w-])", _is_card),
        P("ssn", rf"(?<![\w-]){grammar.SSN}(?![\w-])"),
        P(
            "ssn",
            r"(?i)\b(?:ssn?|social security|soc\.? ?sec|social insurance|sin|tfn|pps)\b[^\d\n]{0,20}?"
            r"(?P<value>\d{3}[ -]?\d{2,3}[ -]?\d{3,4}|[x*#]{3}-?[x*#]{2}-?\d{4}|\d{7}[a-z]{1,2}|\d{4})(?![\w-])",
        ),
        P(
            "record_number",
            r"(?i)\b(?:last (?:4|four)(?: digits)?(?: of)?(?: (?:his|her|the|their))?(?: ss?n| social| card)?"
            r"|(?:card|account|acct|visa|mastercard) ending(?: in| with)?)\W{0,3}(?:is |are )?(?P<value>\d{4})(?!\w)",
        ),
        P(
            "nhs_number",
            rf"(?<![\w+-])(?<!\+\d )(?<!\+\d\d )(?<!1[ -]){grammar.NHS}(?![\w-])",
            # match[1] is the separator of the digit groups; with hyphens, the digits can also be a telephone number
            lambda match: (
                nhs.is_valid(digits_of(match[0])) and (match[1] != "-" or "nhs" in before(match, 15).lower())
            ),
        ),
        P("record_number", rf"(?<!\w)(?:{grammar.VIN}|{grammar.MEDICARE}|{grammar.UK_LICENCE})(?!\w)"),
        P(
            "record_number",
            r"(?<!\w)[A-Z]{2}\d\d ?[A-Z]{3}(?!\w)",
            lambda m: re.search(r"reg|plate|car|vehicle|van|tag|driv", before(m, 25), IGNORE) is not None,
        ),
        P(
            "record_number",
            rf"\b(?i:{grammar.PLATE_CUE})"
            r"(?P<value>(?=[A-Z -]{0,7}\d)(?=[\d -]{0,7}[A-Z])[A-Z\d]{1,4}[ -]?[A-Z\d]{2,5})(?![\w-])",
        ),
        P("record_number", r"(?<!\w)[A-CEGHJ-TW-Z]{2} ?\d\d ?\d\d ?\d\d ?[A-D](?!\w)"),  # national insurance number
        P("record_number", r"(?<!\w)\d{4} \d{5} \d(?:[ /]\d)?(?!\w)"),  # number of Australian Medicare
        P("record_number", r"\(01\)\d{14}(?:\(\d{2}\)[A-Z\d-]{1,20}){0,4}"),  # unique device identifier
        P("record_number", r"(?<!\w)[A-Z]\d{4} \d{2} \d{6}(?: \w)?(?!\w)"),  # number of a blood donation
        P("record_number", r"(?<![\w.-])\d{2}-\d{2}-\d{3}(?![\w-])"),
        P("record_number", r"(?<!\w)\d{7,8}[A-Z]{1,2}(?!\w)", lambda m: not has_unit(m)),
        P("record_number", r"(?i)(?<!\w)[\w-]{3,60}\.(?:jpe?g|png|heic|tiff?|dcm|bmp|gif|mp4|mov|avi|wav|m4a|pdf)\b"),
        # numbers and codes: first those after a cue (a word such as "MRN"), then those without a cue
        P(
            "record_number",
            r"(?i)"
            + grammar.number_cue()
            + r"(?P<value>(?=(?-i:[A-Z ]{0,5})(?:\d[ -]?){8})"  # groups of digits, optionally between capitals
            r"(?:(?-i:[A-Z]{1,4}) )?\d{2,6}(?:[ -]\d{1,6}){1,4}(?: (?-i:[A-Z]{1,2})(?![\w:]))?(?![\w-])"
            r"|(?=[A-Z/_-]{0,12}\d)[A-Z0-9](?:[A-Z0-9]|[-/._](?=[A-Z0-9])){2,24}"
            r"(?: \d{5,8}(?![\w/-]|[.,]\d))?(?![\w]|[.,]\d))",
            _is_number_after_cue,
        ),
        P(
            "record_number",
            r"(?i)\b(?:user ?name|user ?id|log-?in)(?: is|:)? (?P<value>(?=[\w.-]{0,30}[\d._])[a-z][\w.-]{2,30}\w)",
        ),
        P("record_number", r"\bIDs?[:# ]{1,2}(?P<value>[A-Z]{0,3}-?\d{4,12}[A-Z]?)(?![\w-])"),
        P(
            "record_number",
            r"\b[Nn]umbers?[:# ]{1,2}(?P<value>(?=[A-Z\d-]{0,12}[A-Z])[A-Z\d]{1,8}(?:-[A-Z\d]{2,8}){0,3})(?![\w/-])",
            lambda m: len(digits_of(m["value"])) >= 4,
        ),
        P("record_number", r"(?<![\w.])\d{9,40}(?!\w|\.\d)"),  # no clinical measurement has nine or more digits
        P("record_number", r"(?<![\w.,/+-])\d{7,8}(?![\w%/]|[.,-]\d)", _is_bare_number),
        P("record_number", r"(?<![\w-])[A-Z\d]{1,8}(?:-[A-Z\d]{1,8}){1,5}(?![\w-])", _is_code),
        P("record_number", r"(?<![\w.-])[A-Z]{1,4}\d{6,12}[A-Z]?(?![\w-])", _is_code),
        # ages over 89
        P("age", rf"(?<![\w./-])(?P<value>{HIGH_AGE})(?=[ -]?(?:years?|yrs?|y/?o|yo)\b|[ -]y\b|[MF]\b)"),
        P(
            "age",
            rf"(?<![\w./-])(?P<value>{HIGH_AGE})(?= (?:M|F|male|female|man|woman|lady|gentleman)\b)",
            lambda m: re.search(_RATE_CUE, before(m), IGNORE) is None,
        ),
        P(
            "age",
            r"(?i)\b(?:aged?|turn(?:ed|s|ing)|age of|age is|di(?:es|ed) at|(?:alive|living|well|diagnosed) at)"
            rf"[ :\n]{{1,2}}(?P<value>{HIGH_AGE})(?![\w%/]|\.\d)",
        ),
        P("age", rf"(?i)\b(?:pt|patient|she|he|who|resident|{KIN}) is (?P<value>{HIGH_AGE})(?=[,.;)])"),
        P(
            "age",
            rf"(?i)\b(?:{KIN}|man|woman|lady|gentleman|male|female)(?:,| \() ?"
            rf"(?P<value>{HIGH_AGE}|{_AGE_WORDS})(?=[,;)])",
        ),
        P("age", rf"(?<!\w)[A-Z][a-z'’-]+ [A-Z][a-z'’-]+, (?P<value>{HIGH_AGE})(?=[,;])", _has_no_common_word),
        P("age", rf"(?i)\bis (?P<value>{HIGH_AGE})(?= and\b|[.,;] (?:he|she|lives)| now\b| today\b)"),
        P("age", rf"(?i)\b(?P<value>{_AGE_WORDS})(?=[ -](?:years?|yrs?)[ -](?:old|of age))"),
        P(
            "age",
            rf"(?i)\b(?:aged?|age of|turn(?:ed|s|ing)|is|at) (?P<value>(?:{_AGE_WORDS}))\b"
            r"(?![ -](?:percent|per|minutes|days|mg|degrees|beats|over))",
        ),
        P(
            "age",
            r"(?i)\b(?:nonagenarian|centenarian|(?<=in her )nineties|(?<=in his )nineties|(?<=early )nineties"
            r"|(?<=late )nineties|(?<=mid[ -])nineties)\b",
        ),
    )
)


def _is_iban(value: str) -> bool:
    # checks an IBAN by ISO 13616; the IBAN check in python-stdnum accepts only some countries
    compact = "".join(str(int(c)) if c.isdecimal() else c for c in value if c not in " -")  # digits of any script
    return 15 <= len(compact) <= 34 and compact.isascii() and mod_97_10.is_valid(compact[4:] + compact[:4])


def _iban_length(value: str) -> int:
    # `value` can include words after the IBAN; they are removed from the end until an IBAN is left
    while value and not _is_iban(value):
        value = value[: max(value.rfind(" "), value.rfind("-"), 0)]
    return len(value)


def find_patterns(text: str) -> list[Span]:
    """Return the spans of all identifiers that match a rule; spans may overlap and are not sorted."""
    ibans = ((m.start(), _iban_length(m[0])) for m in _IBAN.finditer(text))
    found = [Span(start, start + length, "iban") for start, length in ibans if length > 0]
    for kind, regex, is_valid in _RULES:
        part = "value" if "value" in regex.groupindex else 0
        found += [Span(*m.span(part), kind) for m in regex.finditer(text) if is_valid(m)]
    return found
