"""Numbers in a text however they are written: by other separators, in words, with O for 0, split over lines."""

import re
from collections.abc import Iterator
from typing import NamedTuple

_UNITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_TEENS = (
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
)
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_WORDS = (
    {word: str(i) for i, word in enumerate(_UNITS)}
    | {word: str(10 + i) for i, word in enumerate(_TEENS)}
    | {word: str(20 + 10 * i) for i, word in enumerate(_TENS)}
    | dict.fromkeys(("oh", "nought", "naught", "null", "nil"), "0")
    | {word: str(i) for i, word in enumerate(("zeroth", "first", "second", "third", "fourth", "fifth", "sixth"))}
    | {"seventh": "7", "eighth": "8", "ninth": "9"}
)
_TIMES = {"double": 2, "triple": 3, "treble": 3}
_SUFFIXES = ("st", "nd", "rd", "th")  # of 1st, 2nd, 3rd, 4th
# a digit as a web page, an address or a program writes it
_ESCAPED = re.compile(r"&#0*(4[89]|5[0-7]);?|%3([0-9])|&#x0*3([0-9]);?|\\u003([0-9])|\\x3([0-9])")
_DRAWN_LIKE = str.maketrans("olizsbgq", "01125899")  # letters that are written or read for digits, beside a digit
_TOKEN = re.compile(r"[^\W_]+")
_PART = re.compile(r"\d+|[^\W\d_]+")
_NUMBER_WORD = re.compile("|".join(sorted(_WORDS, key=len, reverse=True)))
_NUMBER_WORDS = re.compile(f"(?:{_NUMBER_WORD.pattern})+")  # with nothing between
_HAS_NUMBER = re.compile(rf"\d|{_NUMBER_WORD.pattern}")
_WIDEST_GAP = 6  # characters, none of them a letter, that may stand between the digits of one number


class DigitRun(NamedTuple):
    """Digits with nothing but separators between them; for each the characters of the text that it is written by."""

    digits: str
    starts: list[int]
    ends: list[int]


class _Numeral(NamedTuple):
    digits: str  # empty where something else stands
    start: int
    end: int
    word: str = ""


def digit_runs(normalised: str) -> list[DigitRun]:
    """Return the digits of a normalised text, in one run as long as only separators stand between them.

    Words for numbers below a hundred, and ordinals to the ninth, are digits, and so are escapes of web pages and
    addresses (&#52; and %34); "double" and "triple" repeat the next one, and of letters drawn like digits those
    beside a digit are.
    """
    if _HAS_NUMBER.search(normalised) is None:
        return []
    runs: list[DigitRun] = []
    before = _Numeral("", 0, 0)
    for piece in _pieces(normalised):
        if piece.digits:
            if not before.digits or piece.start - before.end > _WIDEST_GAP:
                runs.append(DigitRun("", [], []))
            _append(runs, piece, before)
        before = piece
    return runs


def _append(runs: list[DigitRun], piece: _Numeral, before: _Numeral) -> None:
    digits, starts, ends = runs[-1]
    if before.word in _TENS and piece.word in _UNITS[1:] and digits:  # forty five is 45
        digits, starts, ends = digits[:-1], starts[:-1], ends[:-1]
    one_each = len(piece.digits) == piece.end - piece.start
    places = range(piece.start, piece.end) if one_each else [piece.start] * len(piece.digits)
    runs[-1] = DigitRun(
        digits + piece.digits,
        [*starts, *places],
        [*ends, *(place + 1 if one_each else piece.end for place in places)],
    )


def _pieces(normalised: str) -> Iterator[_Numeral]:
    done = 0
    for escaped in _ESCAPED.finditer(normalised):
        yield from _numerals(normalised, done, escaped.start())
        code = escaped[1]
        digit = chr(int(code)) if code else next(filter(None, escaped.groups()))
        yield _Numeral(digit, *escaped.span())
        done = escaped.end()
    yield from _numerals(normalised, done, len(normalised))


def _numerals(normalised: str, start: int, end: int) -> Iterator[_Numeral]:
    times, since = 1, 0
    for token in _TOKEN.finditer(normalised, start, end):
        word = token[0]
        if word in _TIMES:
            times, since = _TIMES[word], token.start()
        elif _NUMBER_WORDS.fullmatch(word):
            for part in _NUMBER_WORD.finditer(word):
                first = since if times > 1 else token.start() + part.start()
                yield _Numeral(_WORDS[part[0]] * times, first, token.start() + part.end(), part[0])
                times = 1
        else:
            times = 1
            yield from _mixed(word, token.start())


def _mixed(word: str, start: int) -> Iterator[_Numeral]:
    """Yield the digits in a word that is no number word, and an empty one where letters part them.

    Letters drawn like digits are such; those of 4th, and one letter between digits, part nothing.
    """
    parts = list(_PART.finditer(word))
    for i, part in enumerate(parts):
        digits = part[0] if part[0].isdecimal() else _drawn(part[0], word)
        inside = 0 < i < len(parts) - 1 and len(part[0]) == 1
        if digits or not (inside or (i > 0 and part[0] in _SUFFIXES)):
            yield _Numeral(digits, start + part.start(), start + part.end())


def _drawn(letters: str, word: str) -> str:
    """Return the digits that letters are drawn like, if others stand in their word; a single o may stand alone."""
    if letters == word != "o" or set(letters) - set("olizsbgq"):
        return ""
    return letters.translate(_DRAWN_LIKE)
