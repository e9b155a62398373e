"""Find dates whose day or year is written in words, such as "the fourteenth of March nineteen fifty-two"."""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from audits.text.identifier_grammar import MONTHS
from audits.text.name_lists import words

_UNITS = words("one two three four five six seven eight nine")
_TEENS = words("ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen")
_TENS = words("twenty thirty forty fifty sixty seventy eighty ninety")
_ORDINALS = words("""
first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth
sixteenth seventeenth eighteenth nineteenth twentieth
""")
_DAYS = {word: i for i, word in enumerate(_ORDINALS, start=1)} | {
    "thirtieth": 30,
    "thirty first": 31,
    **{f"twenty {word}": 21 + i for i, word in enumerate(_ORDINALS[:9])},
}
_BELOW_HUNDRED = (
    {word: i for i, word in enumerate((*_UNITS, *_TEENS), start=1)}
    | {word: 10 * i for i, word in enumerate(_TENS, start=2)}
    | {f"{ten} {unit}": 10 * i + j for i, ten in enumerate(_TENS, start=2) for j, unit in enumerate(_UNITS, start=1)}
)


def _any_of(phrases: Iterable[str]) -> str:
    return "|".join(sorted(phrases, key=len, reverse=True)).replace(" ", "[ -]")


_NUMBER = _any_of(_BELOW_HUNDRED)
_DAY = rf"(?:(?P<day>\d{{1,2}})(?:st|nd|rd|th)?|(?P<day_word>{_any_of(_DAYS)}))"
_YEAR = (
    r"(?:(?P<year>\d{4})|(?P<century>nineteen|twenty)[ -](?:hundred[ -](?:and[ -])?)?(?:oh?[ -])?"
    rf"(?P<tail>{_NUMBER})|two[ -]thousand(?:[ -](?:and[ -])?(?P<after>{_NUMBER}))?)"
)
_MONTH = rf"(?P<month>{'|'.join(MONTHS)})[a-z]*"
_BETWEEN = r",?(?: in| of)?(?: the year)?[ -]"
_DATES = (
    re.compile(rf"(?<![\w-]){_DAY} (?:day )?(?:of )?{_MONTH}{_BETWEEN}{_YEAR}(?!\w)"),
    re.compile(rf"(?<!\w){_MONTH} (?:the )?{_DAY}{_BETWEEN}{_YEAR}(?!\w)"),
)


class SpelledDate(NamedTuple):
    """A date, and its characters in the normalised text."""

    year: int  # the last two digits
    month: int
    day: int
    start: int
    end: int


def spelled_dates(normalised: str) -> Iterator[SpelledDate]:
    """Yield the dates of a normalised text whose day or year, or both, are English words."""
    for match in (match for pattern in _DATES for match in pattern.finditer(normalised)):
        if match["day"] is None or match["year"] is None:
            day = _DAYS[match["day_word"].replace("-", " ")] if match["day"] is None else int(match["day"])
            tail = match["tail"] or match["after"]
            year = (
                int(match["year"]) % 100 if match["year"] else _BELOW_HUNDRED[tail.replace("-", " ")] if tail else 0
            )
            yield SpelledDate(year, MONTHS.index(match["month"]) + 1, day, *match.span())
