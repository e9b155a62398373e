import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from audits.text.normalise import normalise, tokens
from audits.text.spans import located, placed_tokens

# characters that grow, shrink, vanish, join or break words when normalised
TRICKY = "aAß\u1e9eİﬁ½№¨\u0301\u0308\u200b\u00ad\ufeff \t\n\u00a0\u2028.,'_7٣ＡеЕσς한ᄒ\u1161\u11ab가か\u3099ﷺ\u0344"


@given(st.text())
@example("a \u0344b")
def test_any_text_is_located_as_it_is_normalised(text):
    found = located(text)
    assert found.text == normalise(text)
    assert len(found.text) == len(found.starts) == len(found.ends)
    assert [place.word for place in placed_tokens(text)] == tokens(text)


@given(st.text(alphabet=TRICKY, max_size=30))
def test_places_lie_in_the_text_in_order(text):
    found = located(text)
    assert all(0 <= a <= b <= len(text) for a, b in zip(found.starts, found.ends, strict=True))
    assert found.starts == sorted(found.starts)
    assert found.ends == sorted(found.ends)


@given(st.text(alphabet=TRICKY, max_size=30))
def test_what_stands_at_the_place_of_a_token_holds_the_token(text):
    for token, start, end in placed_tokens(text):
        assert token in normalise(text[start:end])


@given(st.text(max_size=30))
def test_of_ascii_every_place_is_exact(text):
    text = text.encode("ascii", "ignore").decode()
    for token, start, end in placed_tokens(text):
        assert tokens(text[start:end]) == [token]


@pytest.mark.parametrize(
    ("text", "token", "written"),
    [
        ("see  Straße!", "strasse", "Straße"),  # casefold grows
        ("the ﬁne day", "fine", "ﬁne"),  # NFKC grows
        ("a br\u200bow\u00adn fox", "brown", "br\u200bow\u00adn"),  # invisible characters vanish
        ("the \u0431r\u043ewn fox", "fox", "fox"),  # behind letters of another alphabet
        ("cafe\u0301 noir", "cafe", "cafe\u0301"),  # an accent joins its letter
        ("x½y", "2y", "½y"),  # one character, two tokens
        ("der Schlu\u0308ssel", "schlussel", "Schlu\u0308ssel"),
        ("\u00a0\u2003tea\u2028time", "time", "time"),
        ("in 한국 now", "한국", "한국"),
        ("e\u200b\u0301a!x", "ea", "e\u200b\u0301a"),
        ("the\u200bquick\u200bbrown\u200bfox\u200bjumped\u200bover", "quick", "quick"),  # nothing for spaces
        ("seen\u3164by\u3164Bo", "by", "by"),
        ("a p a t i e n t  here", "here", "here"),
        ("see p.a.t.i.e.n.t here", "patient", "p.a.t.i.e.n.t"),
        ("tag\U000e0078g\U000e0078ed", "tagged", "tag\U000e0078g\U000e0078ed"),
        ("\U0001f1ef\U0001f1f4 x", "jo", "\U0001f1ef\U0001f1f4"),
        ("JOHN_SMITH", "smith", "SMITH"),
    ],
)
def test_where_a_token_stands(text, token, written):
    start, end = next(place[1:] for place in placed_tokens(text) if place.word == token)
    assert text[start:end] == written
