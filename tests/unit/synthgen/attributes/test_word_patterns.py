from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.attributes.word_patterns import folded_words, sentence_words


def cut(text):
    return [" ".join(word.text for word in words) for words in sentence_words(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One two. Three", ["One two", "Three"]),
        ("takes 7.5 mg a day", ["takes 7 5 mg a day"]),
        ("wrapped\nline", ["wrapped line"]),
        ("Line\nNext", ["Line", "Next"]),
        ("Allergies:\nPenicillin", ["Allergies Penicillin"]),
        ("a\n\nb", ["a", "b"]),
        ("a • b | c", ["a", "b", "c"]),
        ("- a\n- b", ["a", "b"]),
        ("Really? Yes!", ["Really", "Yes"]),
        ("", []),
        (" ,. ", []),
    ],
)
def test_sentences_by_hand(text, expected):
    assert cut(text) == expected


def test_words_fold():
    assert folded_words("Crohn’s Disease, T2DM beta-blocker") == ("crohn", "disease", "t2dm", "beta", "blocker")


def test_shouting_is_mostly_capitals():
    shouted = {w.text: w.is_shouted for words in sentence_words("COPD HFrEF Cough cough T2DM") for w in words}
    assert shouted == {"COPD": True, "HFrEF": True, "Cough": False, "cough": False, "T2DM": True}


@given(st.text(alphabet="aB1 .\n:•-'’", max_size=60))
def test_no_word_is_lost_and_gaps_fill_the_text(text):
    words = [word for one in sentence_words(text) for word in one]
    for word, following in pairwise(words):
        assert text[word.start : word.end] == word.text
        assert text[word.end : following.start] == word.after
    assert sum(c.isalnum() for c in text) == sum(c.isalnum() for word in words for c in word.text)
