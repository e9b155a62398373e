from hypothesis import given
from hypothesis import strategies as st

from audits.text.normalise import normalise, sentences, tokens, without_numbers


@given(st.text())
def test_twice_is_once(text):
    assert normalise(normalise(text)) == normalise(text)


@given(st.text(alphabet=st.characters(max_codepoint=127)))
def test_the_short_way_for_ascii_equals_the_long_way(text):
    assert normalise(text) == normalise(text + " é").removesuffix("é").rstrip()


def test_what_a_copier_may_change_for_free():
    assert normalise("The\u200b  “Quick”\nbr\u043ewn—ﬁx") == normalise("the 'quick' brown-fix")


def test_tokens_are_words():
    assert tokens("It's 12.5 mg, twice") == ["it", "s", "12", "5", "mg", "twice"]


def test_numbers_are_masked_and_tables_collapse():
    assert without_numbers(tokens("bp 120 80 on day3 x 7")) == ["bp", "0", "on", "day0", "x", "0"]


def test_sentences():
    assert sentences("One two. Three!\n\nFour") == ["one two.", "three!", "four"]
