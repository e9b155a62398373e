import pytest

from synthgen.core.sentences import SENTENCE_END


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        ("She coughs. He does not!", [11, 24]),
        ('He said "no." Then he (really?) left', [13, 31]),
        ("At 3.5 mg, e.g.this", []),
        ("Is it?\nYes", [6]),
    ],
)
def test_sentence_end_includes_closing_quotes_and_brackets(text, ends):
    assert [m.end() for m in SENTENCE_END.finditer(text)] == ends
