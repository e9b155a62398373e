import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audits.attacks.identifiers.digits import MIN_SPELLED, digit_runs, spelled_runs
from audits.text.normalise import normalise

NUMBER = "4450012739"


@pytest.mark.parametrize(
    "written",
    [
        NUMBER,
        *(separator.join(NUMBER) for separator in ("-", " ", "\u0301")),
        *(f"445{separator}001{separator}2739" for separator in ("_", ",", ".", " / ", "·", "x")),
        "4450\n012739",
        "(445) 001 - 2739",
        "44'500'12739",
        "٤٤٥٠٠١٢٧٣٩",
        "445OO12739",
        "445ooI2739",
        "4450 o1 2739",
        "four four five zero zero one two seven three nine",
        "Four-four-five, oh-oh-one, two seven three nine",
        "double four five double zero one two seven three nine",
        "forty-four fifty zero one twenty-seven thirty-nine",
        "forty-fourth fifty zero one twenty-seventh thirty-ninth",
        "445 zero zero one 2739",
        "MRN4450012739x",
        "4th 4th 5th 0th 0th 1st 2nd 7th 3rd 9th",
        "fourth fourth fifth zeroth zeroth first second seventh third ninth",
        "4a4a5a0a0a1a2a7a3a9",
        "%34%34%35%30%30%31%32%37%33%39",
        "&#52;&#52;&#53;&#48;&#48;&#49;&#50;&#55;&#51;&#57;",
        "&#x34;&#x34;5001273&#x39;",
        r"\u0034\u0034\u0035\u0030\u0030\u0031\u0032\u0037\u0033\u0039",
        "four\u200bfour\u200bfive\u200bzero\u200bzero one two seven 39",
    ],
)
def test_number_is_read_in_any_notation(written):
    runs = digit_runs(normalise(f"the file, {written}, was lost"))
    assert NUMBER in [run.digits for run in runs]


@pytest.mark.parametrize(
    ("text", "runs"),
    [
        ("one of 12 and 7", ["1", "12", "7"]),
        ("so oil is good", []),
        ("12          34", ["12", "34"]),
        ("a 12, 34", ["1234"]),
        ("bp 120/80 at 9", ["12080", "9"]),
    ],
)
def test_runs_end_at_words(text, runs):
    assert [run.digits for run in digit_runs(text)] == runs


def test_each_digit_is_located():
    text = "no 44-five o1"
    (run,) = digit_runs(text)
    assert [text[a:b] for a, b in zip(run.starts, run.ends, strict=True)] == ["4", "4", "five", "o", "1"]


WORDS = (
    "one",
    "two",
    "seven",
    "oh",
    "o",
    "forty",
    "seventeen",
    "double",
    "triple",
    "third",
    "4",
    "ward",
    "a",
    "oneten",
)


@given(st.lists(st.tuples(st.sampled_from(WORDS), st.sampled_from((" ", "-", ", ", " / "))), max_size=16))
def test_numbers_in_words_are_the_long_runs_without_a_digit(pairs):
    """The quick search for number words misses no run of at least `MIN_SPELLED` digits."""
    text = "".join(word + separator for word, separator in pairs)
    long = [run for run in digit_runs(text) if len(run.digits) >= MIN_SPELLED]
    assert spelled_runs(text) == [run for run in long if not re.search(r"\d", text[run.starts[0] : run.ends[-1]])]
