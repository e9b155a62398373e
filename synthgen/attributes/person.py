"""Find the age, sex and occupation that a text states about a person, with regular expressions."""

import re
from collections.abc import Callable, Iterator
from functools import cache

from synthgen.attributes.dictionaries import OCCUPATIONS
from synthgen.attributes.lexicon import AttributeFinding

MAX_AGE_YEARS = 120
# lowest age of each age band, in years
AGE_BANDS = {"infant": 0, "child": 2, "adolescent": 13, "young adult": 18, "middle-aged": 40, "older adult": 65}
_ONE_TO_NINE = "one two three four five six seven eight nine"
_TWENTY_TO_NINETY = "twenty thirty forty fifty sixty seventy eighty ninety"
_TEN_TO_NINETEEN = "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen"
_ONES, _TEENS, _TENS = _ONE_TO_NINE.split(), _TEN_TO_NINETEEN.split(), _TWENTY_TO_NINETY.split()
_NUMBERS = {
    **{word: n for n, word in enumerate([*_ONES, *_TEENS], start=1)},
    **{word: 10 * n for n, word in enumerate(_TENS, start=2)},
    **{f"{ten}-{one}": 10 * n + m for n, ten in enumerate(_TENS, start=2) for m, one in enumerate(_ONES, start=1)},
}
# a number in digits or, below a hundred, in words
_COUNT = rf"(?P<n>\d{{1,3}}|(?:{'|'.join(_TENS)})(?:[- ](?:{'|'.join(_ONES)}))?|{'|'.join([*_TEENS, *_ONES])})"
_TITLED = r"(?:Mr|Mrs|Ms|Miss)\.? [A-Z][\w'’-]+"
_AFTER_AGE = r"(?= (?:and|with|who)\b|\s*[.,;])"
_PAST = re.compile(r"(?i)\b(?:since|when|until|at)(?: \w+){0,3} ?$")  # words before a past age: "when she was"
# patterns of an age, each with its unit, most certain first; a match that overlaps an earlier match is skipped
_AGES = tuple(
    (re.compile(pattern, flags), unit)
    for pattern, flags, unit in (
        (rf"\b{_COUNT}[- ]?(?:years?|yrs?)[- ](?:of[- ]age|old)\b", re.IGNORECASE, "years"),
        (rf"\b{_COUNT}[- ]months?[- ](?:of[- ]age|old)\b", re.IGNORECASE, "months"),
        (rf"\b{_COUNT}[- ]weeks?[- ](?:of[- ]age|old)\b", re.IGNORECASE, "weeks"),
        (rf"\b{_COUNT}[- ]days?[- ](?:of[- ]age|old)\b", re.IGNORECASE, "days"),
        (r"\b(?P<n>\d{1,3})[- ]?(?:y/o|yo|y\.o\.?|yr|yrs)(?![\w/])", re.IGNORECASE, "years"),
        (rf"\bage(?:d|:| is| of)?:? {_COUNT}\b(?! ?(?:months?|weeks?|days?)\b)", re.IGNORECASE, "years"),
        (r"(?<![\d.,$£€-])\b(?P<n>\d{1,3})(?:[FM]| [FM](?=\s*[|,.;:)]| w/| with\b| who\b| here\b|$))\b", 0, "years"),
        (rf"\b(?:[Hh]e|[Ss]he|{_TITLED}|[Pp]atient) is (?:now )?(?P<n>\d{{1,3}}){_AFTER_AGE}", 0, "years"),
        (r"\b[A-Z][\w'’-]+ [A-Z][\w'’-]+, (?P<n>\d{1,3})(?: years?)?(?=[,.;)])", 0, "years"),
    )
)
_DECADE_WORDS = {f"{word.removesuffix('y')}ies": 10 * n for n, word in enumerate(_TENS, start=2)}
_DECADE = re.compile(
    rf"(?i)\bin (?:his|her|their|my) (?:early |mid[- ]?|late )?(?P<n>[2-9]0(?=['’]?s\b)|{'|'.join(_DECADE_WORDS)})"
)
_BAND_WORDS = {
    "infant": "infant|newborn|neonate",
    "child": "toddler|preschooler",
    "adolescent": "adolescent|teenager|teenaged?",
    "middle-aged": "middle[- ]aged",
    "older adult": "elderly|older adult|octogenarian|nonagenarian",
}
_FEMALE = r"woman|female|lady|girl|F\b"
_MALE = r"man|male|gentleman|boy|M\b"
# the end of an age, then at most three words before a noun such as "woman"
_BESIDE_AGE = r"(?:old|y/o|yo|y\.o\.?|yrs?|\d)[ ,-]{0,2}(?:[\w'’-]+[ ,]+){0,3}?"
# kinds of evidence for a sex, most certain first; for each kind, the pattern of each sex
_SEXES = tuple(
    {sex: re.compile(pattern, flags) for sex, pattern in kinds.items()}
    for kinds, flags in (
        ({"nonbinary": r"\bnon-?binary\b"}, re.IGNORECASE),
        ({"female": rf"{_BESIDE_AGE}(?:{_FEMALE})\b", "male": rf"{_BESIDE_AGE}(?:{_MALE})\b"}, 0),
        ({"female": r"\b(?:sex|gender): ?(?:f|female)\b", "male": r"\b(?:sex|gender): ?(?:m|male)\b"}, re.IGNORECASE),
        (
            {
                "female": r"\b(?:Mrs|Ms|Miss)\b|\b(?i:woman|female|lady|girl|pregnant)\b",
                "male": r"\bMr\b|\b(?i:man|male|gentleman|boy)\b(?! pattern)",
            },
            0,
        ),
        ({"female": r"\b(?:she|her|hers|herself)\b", "male": r"\b(?:he|him|his|himself)\b"}, re.IGNORECASE),
    )
)


def find_ages(text: str) -> Iterator[AttributeFinding]:
    """Yield each stated age, in years or as a decade, and its age band.

    The decade 60-69 gives no age band, because it is in two bands. A word such as "newborn" gives only an age band.
    Past ages ("at age 50") are skipped, but past decades ("when she was in her fifties") are not. Months, weeks and
    days are rounded down to years.
    """
    matched: list[tuple[int, int]] = []
    for pattern, unit in _AGES:
        for match in pattern.finditer(text):
            before = text[max(0, match.start() - 40) : match.start()]
            if any(a < match.end() and match.start() < b for a, b in matched) or _PAST.search(before):
                continue
            years = _years(match["n"], unit)
            if years <= MAX_AGE_YEARS:
                matched.append(match.span())
                yield from _age(years, years, match.span())
    for match in _DECADE.finditer(text):
        n = match["n"].casefold()
        low = _DECADE_WORDS[n] if n in _DECADE_WORDS else int(n)
        yield from _age(low, low + 9, match.span())
    for band, words in _BAND_WORDS.items():
        for match in re.finditer(rf"\b(?:{words})s?\b", text, re.IGNORECASE):
            yield AttributeFinding("age_band", band, *match.span())


def find_sex(text: str, is_of_person: Callable[[int, int], bool]) -> AttributeFinding | None:
    """Return the sex that the strongest kind of evidence in the text supports, or None.

    Kinds of evidence, from strong to weak: the word "non-binary"; a word such as "woman" beside an age; a value after
    "sex:" or "gender:"; titles and nouns; pronouns. Only the strongest kind that occurs is used. The result is None
    unless one sex has at least twice as many matches of this kind as the other sex. `is_of_person` takes the start
    and the end of a match, and returns whether the match is about the person.
    """
    for kinds in _SEXES:
        found = {sex: [match.span() for match in pattern.finditer(text)] for sex, pattern in kinds.items()}
        spans = {sex: [span for span in of_sex if is_of_person(*span)] for sex, of_sex in found.items()}
        ranked = sorted(spans.items(), key=lambda item: -len(item[1]))
        if not ranked[0][1]:
            continue
        if len(ranked) > 1 and len(ranked[0][1]) < 2 * len(ranked[1][1]):
            return None
        return AttributeFinding("sex", ranked[0][0], *ranked[0][1][0])
    return None


def band_of(years: int) -> str:
    """Return the age band of an age in years."""
    return next(band for band, first in reversed(AGE_BANDS.items()) if years >= first)


def years_of(value: str) -> tuple[int, int]:
    """Return the lowest and highest age in years of an age or decade: "54" -> (54, 54), "60-69" -> (60, 69)."""
    low, _, high = value.partition("-")
    return int(low), int(high or low)


def _age(low: int, high: int, span: tuple[int, int]) -> Iterator[AttributeFinding]:
    yield AttributeFinding("age", str(low) if low == high else f"{low}-{high}", *span)
    if band_of(low) == band_of(high):
        yield AttributeFinding("age_band", band_of(low), *span)


def _years(count: str, unit: str) -> int:
    number = int(count) if count.isdecimal() else _NUMBERS[count.casefold().replace(" ", "-")]
    return number // {"years": 1, "months": 12, "weeks": 52, "days": 365}[unit]


_ANY_JOB = r"(?P<job>[a-z][a-z'’-]*(?: [a-z][a-z'’-]*){0,3}?)"  # an occupation of one to four words
# words or punctuation after an occupation
_END = r"(?=\s+(?:and|who|whose|in|at|for|with|on|but|from|when|where|since|by|to|of|until|he|she)\b|\s*[.,;:()\n]|$)"
_MODIFIER = r"(?:retired |former |full[- ]time |part[- ]time |self[- ]employed )*"
_STATUS = re.compile(r"(?i)\b(?:retired|unemployed|on disability)\b")
_SUBJECT = r"\b(?:he|she|patient|pt|who|i|they)(?: is| was|'s|’s|'m| am| are| works as| has been)"


@cache
def occupations() -> tuple[str, ...]:
    """Return the names of occupations, longest first."""
    names = " ".join(OCCUPATIONS.split()).split(";")
    return tuple(sorted((name.strip() for name in names), key=lambda name: (-len(name), name)))


@cache
def _patterns() -> tuple[re.Pattern[str], ...]:
    listed = rf"(?P<job>(?:[a-z-]+ ){{0,2}}?(?:{'|'.join(occupations())}))\b"
    return tuple(
        re.compile(pattern, re.IGNORECASE)
        for pattern in (
            rf"\b(?:works?|worked|working|employed)(?: (?:part|full)[- ]time)? as an? {_MODIFIER}{_ANY_JOB}{_END}",
            rf"\b(?:occupation|profession|job): ?(?:an? )?{_MODIFIER}{_ANY_JOB}{_END}",
            rf"{_SUBJECT} (?:an? |currently an? ){_MODIFIER}{listed}",
            rf"\bretired {listed}",
            rf"(?:old|y/o|yo) {_MODIFIER}{listed}",
            rf"\b(?:soc|sh|social|social history)\s*: ?{_MODIFIER}{listed}(?=\s*[.,;])",
        )
    )


def find_work(text: str) -> Iterator[AttributeFinding]:
    """Yield occupations and work statuses ("retired"), in lower case.

    A phrase that ends with a name in `OCCUPATIONS` gives only this name: "senior bus driver" -> "bus driver".
    """
    matched: list[tuple[int, int]] = []
    for pattern in _patterns():
        for match in pattern.finditer(text):
            start, end = match.span("job")
            if any(a < end and start < b for a, b in matched):
                continue
            matched.append((start, end))
            yield AttributeFinding("occupation", _occupation_name(match["job"]), start, end)
    for match in _STATUS.finditer(text):
        yield AttributeFinding("occupation", match[0].casefold(), *match.span())


def _occupation_name(job: str) -> str:
    plain = " ".join(job.casefold().split())
    return next((name for name in occupations() if plain == name or plain.endswith(f" {name}")), plain)
