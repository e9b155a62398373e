import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.attributes import mentions


@pytest.mark.parametrize(
    ("text", "phrase", "is_there"),
    [
        ("Stopped METFORMIN.", "metformin", True),
        ("metformins", "metformin", False),
        ("red, hot sun", "Red hot", True),
        ("hot red", "red hot", False),
        ("a b b c", "b c", True),
        ("", "a", False),
        ("straße", "STRASSE", True),
        ("ﬁne", "fine", True),
        ("x", "longer phrase", False),
        ("no metformin", "metformin", True),
    ],
)
def test_by_hand(text, phrase, is_there):
    assert mentions(text, phrase) == is_there


@given(st.lists(st.sampled_from(["ant", "bee", "cow"]), max_size=6), st.integers(0, 6), st.integers(1, 6))
def test_a_text_mentions_its_own_runs(words, start, n):
    run = words[start : start + n]
    if run:
        assert mentions(", ".join(words), " ".join(run).upper())
    assert not mentions(" ".join(words), "dog")
