import pytest
from hypothesis import given
from hypothesis import strategies as st

from audits.attacks.identifiers.misspellings import ALPHABET, Misspellings, is_one_edit, n_within_one_edit

words = st.text(alphabet="abc", max_size=6)


def neighbours(word, alphabet):
    """The slow way: every edit made."""
    cuts = [(word[:i], word[i:]) for i in range(len(word) + 1)]
    left_out = {a + b[1:] for a, b in cuts if b}
    replaced = {a + c + b[1:] for a, b in cuts if b for c in alphabet}
    put_in = {a + c + b for a, b in cuts for c in alphabet}
    exchanged = {a + b[1] + b[0] + b[2:] for a, b in cuts if len(b) > 1}
    return (left_out | replaced | put_in | exchanged) - {word}


@given(words, words)
def test_one_edit_is_what_one_edit_makes(a, b):
    assert is_one_edit(a, b) == (b in neighbours(a, "abc"))


@given(st.lists(words, unique=True, max_size=12), words)
def test_a_look_up_equals_the_slow_way(known, word):
    assert Misspellings(known).meant_by(word) == tuple(sorted(set(known) & neighbours(word, "abc")))


@given(words)
def test_the_bound_is_one(word):
    assert len(neighbours(word, [chr(97 + i) for i in range(ALPHABET)])) + 1 <= n_within_one_edit(len(word))


@pytest.mark.parametrize(
    "written", ["wojciechowsk", "wojciechovska", "wojciechowskaa", "wojcieckowska", "owjciechowska"]
)
def test_a_name_is_recognised(written):
    assert Misspellings(["kowalska", "wojciechowska"]).meant_by(written) == ("wojciechowska",)


@pytest.mark.parametrize("written", ["wojciechowska", "wojiechovska", "", "owicjechowska"])
def test_the_name_itself_and_two_edits_are_none(written):
    assert Misspellings(["kowalska", "wojciechowska"]).meant_by(written) == ()


def test_without_words_nothing_is_meant():
    assert Misspellings([]).meant_by("anna") == ()
