from hypothesis import given
from hypothesis import strategies as st

from audits.text.phrases import Phrases

words = st.lists(st.sampled_from("abcd"), max_size=12)


@given(st.lists(words.filter(bool).map(tuple), unique=True, max_size=8), words)
def test_equals_the_slow_way(phrases, text):
    found = sorted(Phrases(phrases).standing(text))
    slow = [
        (number, at)
        for number, phrase in enumerate(phrases)
        for at in range(len(text))
        if tuple(text[at : at + len(phrase)]) == phrase
    ]
    assert found == sorted(slow)


def test_a_phrase_is_found_token_by_token():
    phrases = Phrases([("anna", "kowalska"), ("kowalska",), ("anna",)])
    assert sorted(phrases.standing(["johanna", "kowalska", "saw", "anna", "kowalska"])) == [
        (0, 3),
        (1, 1),
        (1, 4),
        (2, 3),
    ]


def test_no_phrases_are_found_nowhere():
    assert list(Phrases([]).standing(["a", "b"])) == []
