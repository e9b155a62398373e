import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from audits.core.errors import printable


def test_printable_replaces_escape_sequences_and_direction_marks():
    wanted = "a\ufffd]0;title\ufffdb\ufffdc\ufffdd\ufffde\ufffdf\ufffdg\ufffd\ufffdh"
    assert printable("a\x1b]0;title\x07b\u202ec\u2066d\x9be\u200bf\ud800g\r\nh") == wanted


@given(st.text(st.characters(exclude_categories=["Cc", "Cf", "Cs", "Co", "Zl", "Zp"])))
def test_printable_keeps_visible_characters(text):
    assert printable(text) == text


@given(st.text())
def test_printable_removes_invisible_characters_and_keeps_the_length(text):
    shown = printable(text)
    assert len(shown) == len(text)
    assert not any(unicodedata.category(c).startswith("C") and unicodedata.category(c) != "Cn" for c in shown)
