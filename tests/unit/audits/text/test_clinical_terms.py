import pytest

from audits.text.clinical_terms import DRUGS, EPONYMS, is_in_term, is_never_person, is_ordinary


@pytest.mark.parametrize(
    ("text", "name", "expected"),
    [
        ("Murphy sign", "Murphy", True),
        ("Wilson's disease", "Wilson", True),
        ("Thomas splint", "Thomas", True),
        ("pouch of Douglas", "Douglas", True),
        ("Stevens Johnson rash", "Stevens Johnson", True),
        ("Ann Arbor stage", "Ann", True),
        ("Dr. Murphy signs", "Murphy", False),
        ("Dr. Wilson disease", "Wilson", False),
        ("Mary Wilson came", "Mary Wilson", False),
    ],
)
def test_names_within_clinical_terms(text, name, expected):
    start = text.index(name)
    assert is_in_term(text, start, start + len(name)) is expected


def test_ordinary_words_and_drugs_in_any_case():
    assert all(map(is_ordinary, ("Hepatitis", "DENIES", "catheter", "Lantus")))
    assert not any(map(is_ordinary, ("Okonkwo", "Patel", "Margaret")))
    assert is_never_person("Coumadin")
    assert not is_never_person("Smith")
    assert all(word.islower() for word in EPONYMS | DRUGS)
