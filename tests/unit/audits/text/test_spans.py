import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from audits.text.normalise import normalise, tokens
from audits.text.spans import located, placed_tokens

# characters whose normal form is longer, shorter or empty, or that join or split words
TRICKY = "aAß\u1e9eİﬁ½№¨\u0301\u0308\u200b\u00ad\ufeff \t\n\u00a0\u2028.,'_7٣ＡеЕσς한ᄒ\u1161\u11ab가か\u3099ﷺ\u0344"


@given(st.text())
@example("a \u0344b")
def test_located_text_is_the_normalised_text(text):
    found = located(text)
    assert found.text == normalise(text)
    assert len(found.text) == len(found.starts) == len(found.ends)
    assert [place.word for place in placed_tokens(text)] == tokens(text)


@given(st.text(alphabet=TRICKY, max_size=30))
def test_places_are_ordered_and_contain_their_tokens(text):
    found = located(text)
    assert all(0 <= a <= b <= len(text) for a, b in zip(found.starts, found.ends, strict=True))
    assert found.starts == sorted(found.starts)
    assert found.ends == sorted(found.ends)
    for token, start, end in placed_tokens(text):
        assert token in normalise(text[start:end])


@given(st.text(max_size=30))
def test_places_in_ascii_text_are_exact(text):
    text = text.encode("ascii", "ignore").decode()
    for token, start, end in placed_tokens(text):
        assert tokens(text[start:end]) == [token]


@pytest.mark.parametrize(
    ("text", "token", "written"),
    [
        ("see  Straße!", "strasse", "Straße"),
        ("the ﬁne day", "fine", "ﬁne"),
        ("a br\u200bow\u00adn fox", "brown", "br\u200bow\u00adn"),
        ("the \u0431r\u043ewn fox", "fox", "fox"),
        ("cafe\u0301 noir", "cafe", "cafe\u0301"),
        ("x½y", "2y", "½y"),  # one character, two tokens
        ("der Schlu\u0308ssel", "schlussel", "Schlu\u0308ssel"),
        ("\u00a0\u2003tea\u2028time", "time", "time"),
        ("in 한국 now", "한국", "한국"),
        ("e\u200b\u0301a!x", "ea", "e\u200b\u0301a"),
        ("the\u200bquick\u200bbrown\u200bfox\u200bjumped\u200bover", "quick", "quick"),  # zero-width spaces
        ("seen\u3164by\u3164Bo", "by", "by"),
        ("a p a t i e n t  here", "here", "here"),
        ("see p.a.t.i.e.n.t here", "patient", "p.a.t.i.e.n.t"),
        ("tag\U000e0078g\U000e0078ed", "tagged", "tag\U000e0078g\U000e0078ed"),
        ("\U0001f1ef\U0001f1f4 x", "jo", "\U0001f1ef\U0001f1f4"),
        ("JOHN_SMITH", "smith", "SMITH"),
    ],
)
def test_tokens_are_located(text, token, written):
    start, end = next(place[1:] for place in placed_tokens(text) if place.word == token)
    assert text[start:end] == written
