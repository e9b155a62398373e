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
        ("Prof. van Quux", ["van Quux"]),
        ("Dr. Ludwig van Quux", ["Ludwig van Quux"]),
        ("DR.QUUX", ["QUUX"]),
        ("seen by Zyx Quux", ["Zyx Quux"]),
        ("seen by Friday", []),
        ("I'm Zyx Quux and well", ["Zyx Quux"]),
        ("her name is Zyx", ["Zyx"]),
        ("Zyx Quux, RN", ["Zyx Quux"]),
        ("Quux, Margaret.", ["Quux, Margaret"]),
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
    assert found("zub and an An", ["Zub", "An"]) == ["zub", "An"], "words in lower case are no names"


def test_name_parts():
    parts = {"anna", "achter-ilves", "achter", "ilves", "o'neill"}
    assert name_parts(["Dr. Anna van Achter-Ilves", "O’Neill, J."]) == parts
    assert name_parts([]) == frozenset()


@pytest.mark.parametrize(
    ("text", "names", "expected"),
    [
        ("O’Brien and O'Brien", ["O'Brien"], ["O’Brien", "O'Brien"]),
        ("Muller, Müller", ["Müller"], ["Muller", "Müller"]),
        ("患者王小明今天就诊", ["王小明"], ["王小明"]),
        ("stage III, Walter Holt III", ["Walter Holt III"], ["Walter Holt III"]),
    ],
)
def test_declared_names_are_found_in_any_spelling(text, names, expected):
    assert [name for name in found(text, names) if name != "III"] == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Dr. A. Okonkwo agrees", ["A. Okonkwo"]),
        ("Name: Okonkwo, Chidi.", ["Okonkwo, Chidi"]),
        ("Dr. de la Cruz", ["de la Cruz"]),
        ("Okonkwo, M.D.", ["Okonkwo"]),
        ("seen by SMITH-JONES.", ["SMITH-JONES"]),
        ("pt john kowalczyk came", ["john kowalczyk"]),
        ("Plan d/w KOWALCZYK.", ["KOWALCZYK"]),
        ("Wife (Siobhan), his brother Hieu.", ["Siobhan", "Hieu"]),
        ("HALVORSEN, INGRID M. - discharge summary", ["HALVORSEN, INGRID M"]),
        ("with Rose, her carer", ["Rose"]),
        ("Will Smith came", ["Will Smith"]),
        ("Liz Parker, Fellow", ["Liz Parker"]),
        ("Dr Okonkwo left. Okonkwo agrees", ["Okonkwo", "Okonkwo"]),
        ("spoke with mr patel", ["patel"]),
    ],
)
def test_names_in_clinical_shapes_are_found(text, expected):
    assert found(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        *(
            "Chest PA and lateral, please DO NOT restart heparin",
            "Mr [NAME] PA",
            "Hepatitis C. She",
            "Vitamin D. The",
        ),
        *("Factor V. Leiden", "MR Angiogram", "MS Contin", "Wilson disease", "Stevens Johnson", "pouch of Douglas"),
        *("Patient: Denies pain", "Positive Murphy sign", "Christmas disease; Thomas splint", "Ann Arbor stage II"),
        *("Mother: Hypertension. Brother Diabetes.", "to see dr asap", "Foley removed", "Will follow up"),
    ],
)
def test_clinical_words_are_no_names(text):
    assert found(text) == []


@given(st.text(st.sampled_from("Aab. ,'-éÉ1\n"), max_size=60), st.lists(st.text("Aab -'", max_size=9), max_size=3))
def test_names_are_whole_words_of_limited_number(text, known):
    starts, ends = {m.start() for m in TOKEN.finditer(text)}, {m.end() for m in TOKEN.finditer(text)}
    for span in find_names(text, known):
        assert span.kind == "name"
        assert span.start in starts
        assert span.end in ends
        assert len(TOKEN.findall(text[span.start : span.end])) <= MAX_NAME_TOKENS
