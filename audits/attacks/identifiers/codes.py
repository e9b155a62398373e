"""Find numbers and codes in a text, in any grouping, also without a word such as "MRN" before them.

A code consists of digits, or of digits and letters. Separators may divide it into groups, as in "4512 778-90".
"""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from audits.attacks.identifiers.digits import spelled_runs
from audits.text.name_lists import split_list
from audits.text.spans import tokens_in

MIN_CHARACTERS = 7  # smallest number of letters and digits of a code
MAX_CHARACTERS = 34  # largest number of letters and digits of a code
MIN_LONG_CHARACTERS = 8  # smallest number of letters and digits of a long code (`Code.is_long`)
MIN_LONG_DIGITS = 6  # smallest number of digits of a long code
_MIN_MIXED_DIGITS = 2  # smallest number of digits of a mixed code (`Code.is_mixed`)
_SEPARATORS = frozenset((" ", "-", ".", "/", "_", "\\", "|"))  # usual separators between the groups of a code
MAX_GROUPS = 7  # largest number of groups of a code
MIN_DIGITS = 4  # smallest number of digits of a code; 2 if one of its groups has both letters and digits
_MAX_SHORT = 3  # largest number of letters in a group of kind "a", and of digits in a group of kind "d" (`_kind`)
YEAR = re.compile(r"(?:19|20)\d\d")  # a sequence of years only is no code
_WITH_DIGIT = r"[^\W_]*\d[^\W_]*"
# a part of a text that may contain codes: groups with a digit, and short groups of letters next to them
_STRETCH = re.compile(
    rf"(?<![^\W_])(?:[^\W\d_]{{1,3}}[ ./_-]){{0,2}}{_WITH_DIGIT}"
    rf"(?:[\W_]{{1,3}}{_WITH_DIGIT}|[ ./_-][^\W\d_]{{1,3}}(?![^\W_]))*"
)
_WORD = re.compile(r"[^\W\d_]{5}")  # `_kind` considers five letters in a row a word
_FOUR_LETTERS = re.compile(r"[^\W\d_]{4}")  # `Code.is_mixed` considers four letters in a row a word
# a group with four or more digits between letters, such as ABCPE1234F; its letters are no word
_DIGITS_INSIDE = re.compile(r"[^\W\d_]{1,6}\d{4,}[^\W\d_]{1,2}")
_MIN_RUNS_OF_DIGITS = 3  # the letters of a group with at least three separate runs of digits are no word
_LAST_DIGITS = 9  # the last nine digits of a longer number are a code too, because a country code may precede them
# a number with a suffix or unit is a quantity
_QUANTITY = re.compile(
    r"\d+(?:st|nd|rd|th|am|pm|mg|mcg|kg|lb|lbs|oz|ml|cc|cm|mm|km|ft|yo|min|hr|hrs|[kmg]?hz|[kmg]b)"
)
# words and units that do not belong to a code, unless a hyphen or slash follows them
_ORDINARY = frozenset(
    split_list("""
a about am an and are as at be bp but by cc cm day did do dr each ed eg et for from ft had has he her his hr hrs i if
in is it its iv kg km lb lbs mcg me mg min ml mm mo no not of off on or our out over oz per pm po prn qd s sec so t
than the tid to up us vs was we were wk yo yr yrs you
""")
)


class Code(NamedTuple):
    """A code, the form in which it is written, and its position in the normalised text."""

    groups: tuple[str, ...]  # the letters and digits of each group
    kinds: str  # kinds of the groups in order (`_kind`); adjacent equal kinds are written once: "da" for 12-345-ab
    separators: frozenset[str]  # the strings between adjacent groups
    start: int
    end: int

    @property
    def is_long(self) -> bool:
        """Whether the code has at least 8 characters with at least 6 digits, and only usual separators.

        The usual separators are `_SEPARATORS` and, if the code contains letters, the colon.
        """
        n_digits = sum(map(str.isdecimal, self.key))
        separators = _SEPARATORS if self.key.isdecimal() else _SEPARATORS | {":"}  # 10:30-11:45 is no long code
        return len(self.key) >= MIN_LONG_CHARACTERS and n_digits >= MIN_LONG_DIGITS and self.separators <= separators

    @property
    def is_mixed(self) -> bool:
        """Whether the code has letters, at least 2 digits, at least 8 characters, and only usual separators.

        The usual separators are the colon and those of `_SEPARATORS` except the space. A group must not contain four
        letters in a row that may be a word (`_has_word`); therefore 2watt/2chan is not mixed.
        """
        n_digits = sum(map(str.isdecimal, self.key))
        has_enough = len(self.key) >= MIN_LONG_CHARACTERS and _MIN_MIXED_DIGITS <= n_digits < len(self.key)
        has_word = any(_has_word(group, _FOUR_LETTERS) for group in self.groups)
        return has_enough and self.separators <= (_SEPARATORS | {":"}) - {" "} and not has_word

    @property
    def form(self) -> str:
        """How the code is written: the kinds of its groups, its separators, and "+" if it is not long.

        The "+" ensures that a long code and a code that is not long never have the same form.
        """
        return self.kinds + "".join(sorted(self.separators)) + ("" if self.is_long else "+")

    @property
    def key(self) -> str:
        """The letters and digits, which are the same in every grouping."""
        return "".join(self.groups)


def find_codes(normalised: str, dates: Sequence[tuple[int, int]] = ()) -> Iterator[Code]:
    """Yield every code in a normalised text, including codes inside a longer code.

    A number of at least eight digits that is written in words only ("four five ...") is a code too. `dates` has the
    characters [start, end) of each date in the text. Groups that overlap a date belong to no code.
    """
    for digits, starts, ends in spelled_runs(normalised):
        yield Code((digits,), "D", frozenset(), starts[0], ends[-1])
    for stretch in _STRETCH.finditer(normalised):
        if stretch.end() - stretch.start() >= MIN_CHARACTERS:
            start = stretch.start()
            groups = [(word, start + a, start + b) for word, a, b in tokens_in(stretch[0])]
            kinds = [
                ""
                if any(a < end and at < b for a, b in dates)
                else _kind(word, is_joined=normalised[end : end + 1] in {"-", "/"})
                for word, at, end in groups
            ]
            yield from _windows(normalised, groups, kinds)


def _windows(text: str, groups: Sequence[tuple[str, int, int]], kinds: Sequence[str]) -> Iterator[Code]:
    """Yield the codes made of consecutive `groups` (characters, start, end); `kinds[i]` is the kind of group i."""
    for first, (_, start, _) in enumerate(groups):
        parts, kinds_of_parts, gaps = list[str](), "", set[str]()
        for last in range(first, min(first + MAX_GROUPS, len(groups))):
            word, at, end = groups[last]
            if not kinds[last]:
                break
            if parts:
                gaps.add(text[groups[last - 1][2] : at])
            parts.append(word)
            kinds_of_parts += "" if kinds_of_parts.endswith(kinds[last]) else kinds[last]
            n_characters = sum(map(len, parts))
            if n_characters > MAX_CHARACTERS:
                break
            if n_characters >= MIN_CHARACTERS and _is_code(parts, kinds_of_parts):
                yield Code(tuple(parts), kinds_of_parts, frozenset(gaps), start, end)
                digits = "".join(parts)
                if n_characters > _LAST_DIGITS and digits.isdecimal():
                    yield Code((digits[-_LAST_DIGITS:],), kinds_of_parts, frozenset(gaps), start, end)


def _kind(group: str, *, is_joined: bool) -> str:
    """Return the kind of a group; "" if it cannot belong to a code.

    The kinds are d (one to three digits), D (more digits), m (letters and digits) and a (one to three letters). A
    group of letters and digits cannot belong to a code if it is a quantity such as 20mg, or if it contains a word
    (`_has_word`) and fewer than six digits.
    """
    if group.isdecimal():
        return "d" if len(group) <= _MAX_SHORT else "D"
    if any(map(str.isdecimal, group)):
        is_word = _has_word(group, _WORD) and sum(map(str.isdecimal, group)) < MIN_LONG_DIGITS
        return "" if _QUANTITY.fullmatch(group) or is_word else "m"
    return "a" if len(group) <= _MAX_SHORT and (is_joined or group not in _ORDINARY) else ""


def _has_word(group: str, word: re.Pattern[str]) -> bool:
    """Return whether a group contains letters that match `word` and may be a word.

    The letters are no word if the group fits `_DIGITS_INSIDE` or has at least three separate runs of digits.
    """
    is_scattered = len(re.findall(r"\d+", group)) >= _MIN_RUNS_OF_DIGITS or _DIGITS_INSIDE.fullmatch(group)
    return not is_scattered and word.search(group) is not None


def _is_code(groups: Sequence[str], kinds: str) -> bool:
    if all(map(YEAR.fullmatch, groups)):
        return False
    n_digits = sum(map(str.isdecimal, "".join(groups)))
    return n_digits >= MIN_DIGITS or (n_digits > 1 and "m" in kinds)
