import pytest

from audits.attacks.identifiers.known_names import find_known_names, spellings
from audits.text.normalise import normalise

NAME = ("emily", "quistgaard")


@pytest.mark.parametrize(
    "written", ["Emily Quistgaard", "emilyquistgaard", "draagtsiuq ylime", "Quistgaard, Emily", "Emi-ly Quist gaard"]
)
def test_a_name_is_found_by_its_letters(written):
    text = f"as {written} said"
    (hit,) = find_known_names({7: [NAME]}, ["nothing", text])
    assert (hit.number, hit.row) == (7, 1)
    assert normalise(text)[hit.start : hit.end] == normalise(written)


def test_short_names_are_left_out():
    assert spellings(("anna", "kim")) == set()
    assert list(find_known_names({0: [("anna", "kim")]}, [None])) == []


def test_one_spelling_of_two_names_is_both():
    assert {hit.number for hit in find_known_names({1: [NAME], 2: [NAME[::-1]]}, ["emily quistgaard"])} == {1, 2}
