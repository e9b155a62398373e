from hypothesis import given
from hypothesis import strategies as st

from audits.text.phrases import Phrases

words = st.lists(st.sampled_from("abcd"), max_size=12)


@given(st.lists(words.filter(bool).map(tuple), unique=True, max_size=8), words)
def test_phrases_are_found_as_by_an_exhaustive_search(phrases, text):
    found = sorted(Phrases(phrases).occurrences(text))
    slow = [
        (number, at)
        for number, phrase in enumerate(phrases)
        for at in range(len(text))
        if tuple(text[at : at + len(phrase)]) == phrase
    ]
    assert found == sorted(slow)


def test_phrases_match_whole_tokens():
    phrases = Phrases([("anna", "kowalska"), ("kowalska",), ("anna",)])
    found = sorted(phrases.occurrences(["johanna", "kowalska", "saw", "anna", "kowalska"]))
    assert found == [(0, 3), (1, 1), (1, 4), (2, 3)]
    assert list(Phrases([]).occurrences(["a", "b"])) == []
