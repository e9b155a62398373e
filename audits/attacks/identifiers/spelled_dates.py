"""Find dates whose day or year is written in words, such as "the fourteenth of March nineteen fifty-two"."""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from audits.attacks.identifiers.digits import TEENS, TENS, UNITS
from audits.text.identifier_grammar import MONTHS
from audits.text.name_lists import split_list

_ORDINALS = split_list("""
first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth
sixteenth seventeenth eighteenth nineteenth twentieth
""")
_DAYS = {word: i for i, word in enumerate(_ORDINALS, start=1)} | {
    "thirtieth": 30,
    "thirty first": 31,
    **{f"twenty {word}": 21 + i for i, word in enumerate(_ORDINALS[:9])},
}
BELOW_HUNDRED = {  # key: a number in words, separated by spaces; value: the number, 1 to 99
    **{word: i for i, word in enumerate((*UNITS, *TEENS)) if i > 0},
    **{word: 10 * i for i, word in enumerate(TENS, start=2)},
    **{f"{ten} {unit}": 10 * i + j for i, ten in enumerate(TENS, 2) for j, unit in enumerate(UNITS[1:], 1)},
}


def any_of(phrases: Iterable[str]) -> str:
    """Return a pattern that matches any of the phrases, with a space or a hyphen between two words."""
    return "|".join(sorted(phrases, key=len, reverse=True)).replace(" ", "[ -]")


_NUMBER = any_of(BELOW_HUNDRED)
_DAY = rf"(?:(?P<day>\d{{1,2}})(?:st|nd|rd|th)?|(?P<day_word>{any_of(_DAYS)}))"
# a year: "1952", "nineteen fifty-two" (`tail`: "fifty-two"), "two thousand" or "two thousand five" (`after`: "five")
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
    """A date and its position in the normalised text."""

    year: int  # the last two digits
    month: int
    day: int
    start: int
    end: int


def spelled_dates(normalised: str) -> Iterator[SpelledDate]:
    """Yield the dates of a normalised text in which the day, the year or both are written in English words."""
    for match in (match for pattern in _DATES for match in pattern.finditer(normalised)):
        if match["day"] is None or match["year"] is None:
            day = _DAYS[match["day_word"].replace("-", " ")] if match["day"] is None else int(match["day"])
            if match["year"] is not None:
                year = int(match["year"]) % 100
            else:  # "two thousand" without a number after it is 2000
                year = BELOW_HUNDRED.get((match["tail"] or match["after"] or "").replace("-", " "), 0)
            yield SpelledDate(year, MONTHS.index(match["month"]) + 1, day, *match.span())
