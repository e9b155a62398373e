import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.deidentify.names import MAX_NAME_TOKENS, TOKEN, find_names, name_parts


def found(text, known=()):
    """Return the names that are not part of a longer name."""
    spans = find_names(text, known)
    whole = [s for s in spans if not any(s != o and o.start <= s.start and s.end <= o.end for o in spans)]
    return [text[s.start : s.end] for s in sorted(set(whole), key=lambda s: s.start)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Patient: Zyx Quux came", ["Zyx Quux"]),
        ("Dear Quux,", ["Quux"]),
        ("Prof. van Quux", []),
        ("Dr. Ludwig van Quux", ["Ludwig van Quux"]),
        ("DR.QUUX", ["QUUX"]),
        ("seen by Zyx Quux", ["Zyx Quux"]),
        ("seen by Friday", []),
        ("I'm Zyx Quux and well", ["Zyx Quux"]),
        ("her name is Zyx", ["Zyx"]),
        ("Zyx Quux, RN", ["Zyx Quux"]),
        ("Quux, Margaret.", ["Quux", "Margaret"]),
        ("J. P. Anderson agreed", ["J. P. Anderson"]),
        ("MARGARET came", ["MARGARET"]),
        ("ANN came", []),
        ("Rose Anderson and Rose W. Quux", ["Rose Anderson", "Rose W. Quux"]),
        ("Anna Maria Sofia Elena Zoe", ["Anna Maria Sofia Elena", "Maria Sofia Elena Zoe"]),
        ("margaret anderson", []),
        ("Next Visit. Anderson came", ["Anderson"]),
    ],
)
def test_names_are_found_whole(text, expected):
    assert found(text) == expected


@pytest.mark.parametrize(
    "text", ["", "A", "Dr.", "Dear", "Rose", "Rose B", "Quux,", "is Graves disease", "Dr. Monday"]
)
def test_incomplete_names_are_not_found(text):
    assert find_names(text, ()) == []


def test_declared_names_are_found_in_any_case_unless_ordinary_words():
    names = ["quuxley", "QUUXLEY", "Quuxley's", "Rose"]
    assert found("quuxley, QUUXLEY, Quuxley's, a rose, Rose", ["Rose Quuxley"]) == names
    assert found("zub and Zub", ["Zub"]) == ["Zub"], "short names in lower case are often words"


def test_name_parts():
    parts = {"anna", "achter-ilves", "achter", "ilves", "o’neill"}
    assert name_parts(["Dr. Anna van Achter-Ilves", "O’Neill, J."]) == parts
    assert name_parts([]) == frozenset()


@given(st.text(st.sampled_from("Aab. ,'-éÉ1\n"), max_size=60), st.lists(st.text("Aab -'", max_size=9), max_size=3))
def test_names_are_whole_words_of_limited_number(text, known):
    starts, ends = {m.start() for m in TOKEN.finditer(text)}, {m.end() for m in TOKEN.finditer(text)}
    for span in find_names(text, known):
        assert span.kind == "name"
        assert span.start in starts
        assert span.end in ends
        assert len(TOKEN.findall(text[span.start : span.end])) <= MAX_NAME_TOKENS
