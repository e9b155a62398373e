import pytest

from synthgen.filter.prompt_words import mask_numbers, normalised_words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("The  CAT, sat: down\n", ["the", "cat", "sat", "down"]),
        ("Stra\u00dfe \ufb01ne", ["strasse", "fine"]),
        ("co\u200bugh\u00ad", ["cough"]),
        ("\uff11\uff12 mg", ["12", "mg"]),
        (" -- ", []),
    ],
)
def test_words(text, words):
    assert normalised_words(text) == words


def test_numbers():
    assert mask_numbers(["120", "b12c7", "mg", "3", "4", "55", "x"]) == ["0", "b0c0", "mg", "0", "x"]
