import pytest
from hypothesis import given
from hypothesis import strategies as st

from audits.text.spelling import corrections, is_one_edit

KNOWN = {"patient": 9, "patent": 2, "headache": 4, "severe": 1, "server": 5, "ward": 3, "word": 7, "hip": 2}


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("pattient", "patient"),
        ("paitent", "patient"),
        ("pateint", "patient"),
        ("ptaeint", "patient"),
        ("p4t13nt", "patient"),
        ("patiant", "patient"),
        ("headach", "headache"),
        ("heedache", "headache"),
        ("hhip", "hip"),
        ("severre", "severe"),
        ("wrd", "word"),
    ],
)
def test_a_misspelled_word_becomes_the_known_word(written, meant):
    assert corrections([written], KNOWN) == {written: meant}


def test_known_short_and_distant_words_stay():
    assert corrections([*KNOWN, "hi", "4711", "elephant", "wwoorrdd", "x" * 90], KNOWN) == {}


words = st.text("abc", max_size=5)


@given(words, words)
def test_one_edit_equals_an_exhaustive_search(a, b):
    inserted = {b[:i] + c + b[i:] for i in range(len(b) + 1) for c in "abc"}
    removed = {b[:i] + b[i + 1 :] for i in range(len(b))}
    replaced = {b[:i] + c + b[i + 1 :] for i in range(len(b)) for c in "abc"}
    swapped = {b[:i] + b[i + 1] + b[i] + b[i + 2 :] for i in range(len(b) - 1)}
    assert is_one_edit(a, b) == (a != b and a in inserted | removed | replaced | swapped)
