import pytest

from audits.attacks.identifiers.listed.canonical_words import canonical
from audits.text.normalise import tokens


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("one hundred and eight Chapel Cl", ["108", "chapel", "close"]),
        ("Chapel Lane, number 107", ["chapel", "lane", "107"]),
        ("at 12_High_St.", ["12", "high", "street"]),
        ("31 dot 153 dot 253 dot 225", ["31", "153", "253", "225"]),
        ("two hundred", ["200"]),
        ("three hundred and", ["300", "and"]),
        ("forty-two, one forty two", ["42142"]),  # numbers next to each other are one number
        ("one oh eight", ["108"]),
        ("daly underscore gio59", ["daly", "gio59"]),
        ("", []),
    ],
)
def test_words_in_canonical_form(text, words):
    assert [word.word for word in canonical(tokens(text))] == words


def test_each_word_has_its_place():
    assert canonical(tokens("at one hundred and eight Chapel Ln now")) == [
        *(("108", 1, 5), ("chapel", 5, 6), ("lane", 6, 7), ("now", 7, 8))
    ]
