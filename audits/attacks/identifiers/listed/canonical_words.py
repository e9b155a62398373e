"""Write addresses in one form to compare them: "Chapel Ln, house one hundred and eight" -> "chapel lane 108"."""

from collections.abc import Sequence
from typing import NamedTuple

from audits.attacks.identifiers.digits import UNITS
from audits.attacks.identifiers.spelled_dates import BELOW_HUNDRED
from audits.text.name_lists import split_list

STREET_TYPES = dict(  # key: abbreviation of the last word of a street name; value: this word
    pair.split(":")
    for pair in split_list("""
ave:avenue av:avenue blvd:boulevard cir:circle cl:close clos:close ct:court cres:crescent dr:drive gdns:gardens
gr:grove hwy:highway ln:lane pkwy:parkway pl:place rd:road sq:square st:street str:street ter:terrace
""")
)
# last words of street names
STREETS = frozenset((*STREET_TYPES.values(), *split_list("alley hill mews park row trail walk way yard")))
# words that `canonical` leaves out: names of separators such as "-", and words for "number"
_LEFT_OUT = frozenset(split_list("dot point underscore dash hyphen slash at no nr num number house"))
_ONE_TO_NINE = frozenset(str(i) for i in range(1, len(UNITS)))
_ZERO = frozenset(("zero", "oh", "o", "nought"))
_MAX_NUMBER_WORDS = 2  # a number below a hundred has at most two words


class CanonicalWord(NamedTuple):
    """A word in canonical form, and the words [start, end) of the text that it stands for."""

    word: str
    start: int
    end: int


def canonical(tokens: Sequence[str]) -> list[CanonicalWord]:
    """Return the tokens of a text in canonical form.

    Numbers in words become digits. The digits of consecutive numbers, each at most 999, are joined: "one oh seven"
    and "one hundred and seven" both become "107". Abbreviations such as "ln" become words. Words such as "dot",
    "underscore" and "number" are left out.
    """
    found: list[CanonicalWord] = []
    at = 0
    while at < len(tokens):
        digits, end = _number(tokens, at)
        if digits:
            found.append(CanonicalWord(digits, at, end))
        elif tokens[at] not in _LEFT_OUT:
            found.append(CanonicalWord(STREET_TYPES.get(tokens[at], tokens[at]), at, at + 1))
        at = max(end, at + 1)
    return found


def _number(tokens: Sequence[str], at: int) -> tuple[str, int]:
    """Return the digits of the number in words that starts at token `at`, and its end; or ("", `at`)."""
    digits, end = "", at
    while end < len(tokens):
        part, n_words = _below_hundred(tokens, end)
        if part in _ONE_TO_NINE and tokens[end + 1 : end + 2] == ["hundred"]:
            n_words += 1
            has_and = tokens[end + n_words : end + n_words + 1] == ["and"]
            remainder, n_remainder = _below_hundred(tokens, end + n_words + has_and)
            part, n_words = f"{part}{int(remainder or 0):02d}", n_words + (has_and + n_remainder if remainder else 0)
        if not part:
            break
        digits, end = digits + part, end + n_words
    return digits, end


def _below_hundred(tokens: Sequence[str], at: int) -> tuple[str, int]:
    """Return the digits of the number below a hundred that starts at token `at`, and its word count; or ("", 0)."""
    for n_words in range(_MAX_NUMBER_WORDS, 0, -1):
        number = BELOW_HUNDRED.get(" ".join(tokens[at : at + n_words]))
        if number is not None and at + n_words <= len(tokens):
            return str(number), n_words
    return ("0", 1) if at < len(tokens) and tokens[at] in _ZERO else ("", 0)
