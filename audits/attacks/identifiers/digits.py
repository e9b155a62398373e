"""Find the digits of numbers in a text in any notation: "4o 71-five" -> "40715"."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from audits.text.name_lists import split_list

UNITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
TEENS = split_list("ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen")
TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_ORDINALS = ("zeroth", "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth")
_AFTER_TENS = frozenset((*UNITS[1:], *_ORDINALS[1:]))  # words that may follow a word of TENS in one number
_DIGITS_OF = (  # key: number word; value: its digits
    {word: str(i) for i, word in enumerate((*UNITS, *TEENS))}
    | {word: str(20 + 10 * i) for i, word in enumerate(TENS)}
    | dict.fromkeys(("oh", "nought", "naught", "null", "nil"), "0")
    | {word: str(i) for i, word in enumerate(_ORDINALS)}
)
_TIMES = {"double": 2, "triple": 3, "treble": 3}  # key: word; value: how often it repeats the next number word
_SUFFIXES = ("st", "nd", "rd", "th")  # suffixes of ordinal numbers, such as 4th
# an escaped digit in a web page (&#52;), web address (%34) or program code
_ESCAPED = re.compile(r"&#0*(4[89]|5[0-7]);?|%3([0-9])|&#x0*3([0-9]);?|\\u003([0-9])|\\x3([0-9])")
_DIGIT_LIKE = str.maketrans("olizsbgq", "01125899")  # letters, and the digits that they resemble
_TOKEN = re.compile(r"[^\W_]+")
_PART = re.compile(r"\d+|[^\W\d_]+")  # a group of digits or of letters in a token
_NUMBER_WORD = re.compile("|".join(sorted(_DIGITS_OF, key=len, reverse=True)))
_FIRST_LETTERS = {word[:2] for word in _DIGITS_OF}
_NUMBER_WORDS = re.compile(f"(?:{_NUMBER_WORD.pattern})+")  # number words without a separator, such as "fourfive"
_HAS_NUMBER = re.compile(rf"\d|{_NUMBER_WORD.pattern}")
_MAX_GAP = 6  # largest number of characters between two neighbouring digits of a run
MIN_SPELLED = 8  # smallest number of digits of a run in `spelled_runs`
# a quick test for `spelled_runs`: a run of eight digits in words has at least three number words close together
_SPELLED_WORD = rf"(?:{_NUMBER_WORD.pattern}|{'|'.join(_TIMES)}|(?<![^\W_])o(?![^\W_]))"
_SPELLED = re.compile(rf"(?:{_SPELLED_WORD}.{{0,{_MAX_GAP}}}?){{3}}", re.DOTALL)


class DigitRun(NamedTuple):
    """The digits of one run (see `digit_runs`), and the position of each digit in the text."""

    digits: str
    starts: list[int]  # first character of each digit
    ends: list[int]  # end of each digit, exclusive


class _Numeral(NamedTuple):
    """A part of a text that may stand for digits: an escape, a word, or a group of digits or letters in a word."""

    digits: str  # empty if the part stands for no digits
    start: int
    end: int
    word: str = ""  # the part itself if it is a number word


def digit_runs(normalised: str) -> list[DigitRun]:
    """Return the runs of digits in a normalised text.

    A run goes on if at most six characters separate two digits: separators, line breaks or, within one word, single
    letters and suffixes such as "th". Any other word ends the run. Digits may also be written as
    - number words below a hundred, and ordinals up to "ninth" ("double" and "triple" repeat the next number word);
    - escapes of web pages (&#52;), web addresses (%34) and program code;
    - letters that resemble digits, in a word that also has digits ("4o71" is 4071); the word "o" is 0.
    """
    if _HAS_NUMBER.search(normalised) is None:
        return []
    runs: list[DigitRun] = []
    previous = _Numeral("", 0, 0)
    for numeral in _all_numerals(normalised):
        if numeral.digits:
            if not previous.digits or numeral.start - previous.end > _MAX_GAP:
                runs.append(DigitRun("", [], []))
            runs[-1] = _extended(runs[-1], numeral, previous)
        previous = numeral
    return runs


def spelled_runs(normalised: str) -> list[DigitRun]:
    """Return the runs (`digit_runs`) of at least `MIN_SPELLED` digits that are written in words only."""
    if _SPELLED.search(normalised) is None:  # most texts end here; `digit_runs` takes several times longer
        return []
    runs = [run for run in digit_runs(normalised) if len(run.digits) >= MIN_SPELLED]
    return [run for run in runs if not any(map(str.isdecimal, normalised[run.starts[0] : run.ends[-1]]))]


def _extended(run: DigitRun, numeral: _Numeral, previous: _Numeral) -> DigitRun:
    """Return `run`, extended by the digits of `numeral`, which follows `previous`."""
    digits, starts, ends = run
    if previous.word in TENS and numeral.word in _AFTER_TENS and digits:  # forty five, forty-fifth
        digits, starts, ends = digits[:-1], starts[:-1], ends[:-1]
    if len(numeral.digits) == numeral.end - numeral.start:  # one character for each digit
        places = range(numeral.start, numeral.end)
        return DigitRun(digits + numeral.digits, [*starts, *places], [*ends, *(place + 1 for place in places)])
    n = len(numeral.digits)
    return DigitRun(digits + numeral.digits, [*starts, *[numeral.start] * n], [*ends, *[numeral.end] * n])


def _all_numerals(normalised: str) -> Iterator[_Numeral]:
    """Yield the numerals of a text in order, including escaped digits."""
    done = 0
    for escaped in _ESCAPED.finditer(normalised):
        yield from _numerals(normalised, done, escaped.start())
        code = escaped[1]
        digit = chr(int(code)) if code else next(filter(None, escaped.groups()))
        yield _Numeral(digit, *escaped.span())
        done = escaped.end()
    yield from _numerals(normalised, done, len(normalised))


def _numerals(normalised: str, start: int, end: int) -> Iterator[_Numeral]:
    """Yield the numerals in the characters [start, end) of a text, which contain no escapes."""
    times, times_start = 1, 0
    for token in _TOKEN.finditer(normalised, start, end):
        word = token[0]
        if word in _TIMES:
            times, times_start = _TIMES[word], token.start()
        elif word[:2] in _FIRST_LETTERS and _NUMBER_WORDS.fullmatch(word):
            for part in _NUMBER_WORD.finditer(word):
                first = times_start if times > 1 else token.start() + part.start()
                yield _Numeral(_DIGITS_OF[part[0]] * times, first, token.start() + part.end(), part[0])
                times = 1
        else:
            times = 1
            if word.isalpha():  # a shortcut for the usual case; `_mixed` takes several times as long
                yield _Numeral("0" if word == "o" else "", *token.span())
            else:
                yield from _mixed(word, token.start())


def _mixed(word: str, start: int) -> Iterator[_Numeral]:
    """Yield the numerals of the groups of digits and letters in a word.

    Letters that resemble no digits yield a numeral without digits, which ends the run. Nothing is yielded for a
    suffix ("th" in "4th") and for a single letter inside the word ("x" in "4x7"): the run goes on.
    """
    parts = list(_PART.finditer(word))
    for i, part in enumerate(parts):
        digits = part[0] if part[0].isdecimal() else _digits_like(part[0], word)
        is_single_letter_inside = 0 < i < len(parts) - 1 and len(part[0]) == 1
        if digits or not (is_single_letter_inside or (i > 0 and part[0] in _SUFFIXES)):
            yield _Numeral(digits, start + part.start(), start + part.end())


def _digits_like(letters: str, word: str) -> str:
    """Return the digits that letters in a word resemble: "lo" in "lo54" -> "10".

    The result is "" if a letter resembles no digit, or if the letters are a whole word other than "o".
    """
    if letters == word != "o" or set(letters) - set("olizsbgq"):
        return ""
    return letters.translate(_DIGIT_LIKE)
