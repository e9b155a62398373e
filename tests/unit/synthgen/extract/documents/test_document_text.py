from hypothesis import given
from hypothesis import strategies as st

from synthgen.extract.documents.document_text import tidy


def test_line_ends_spaces_and_blank_lines_are_tidied():
    assert tidy(" a \r\nb\r\r\n\n\x0cc\u2028d\xa0\n") == "a\nb\n\nc\nd"


@given(st.text())
def test_tidying_is_idempotent_and_keeps_all_visible_characters(text):
    once = tidy(text)
    assert tidy(once) == once
    assert once.split() == text.split()
