import pytest

from audits.attacks.identifiers.patterns import Entity, entities
from audits.attacks.identifiers.spelled_dates import SpelledDate, spelled_dates


def test_dates_are_located():
    text = "born on the second of may 1931 in leeds"
    assert list(spelled_dates(text)) == [SpelledDate(31, 5, 2, text.index("second"), text.index(" in"))]
    assert list(spelled_dates("2 may 1931")) == []  # `patterns` finds dates in digits


@pytest.mark.parametrize(
    "written",
    [
        "the fourteenth of March nineteen fifty-two",
        "March the 14th, 1952",
        "14th of March, nineteen fifty two",
        "fourteenth day of march in the year 1952",
    ],
)
def test_dates_in_words_are_dates(written):
    assert entities(f"born on {written}.") == entities("14 March 1952") == {Entity("date", "52-03-14")}


def test_other_dates_in_words():
    assert entities("June the twenty-first, two thousand and four") == {Entity("date", "04-06-21")}
    assert entities("May third, nineteen oh seven") == {Entity("date", "07-03-05")}
    assert entities("the first of May was hot, the third in March too") == set()
