import pytest

from audits.attacks.identifiers.listed.glued_names import NamePairs, judge_glued_names
from audits.attacks.identifiers.person_names import read_name
from audits.attacks.identifiers.surprisal import Surprisal

ANN, BO, CY = 0, 1, 2  # Ann and Bo are train persons; Cy and the next ones are control persons
SURPRISAL = Surprisal(["the patient was seen in the clinic and sent home with advice"] * 40)
NAME = "Giorgio Ameet Bargatze"


@pytest.fixture
def judged(people_of):
    """Return a function: persons and places of the leaks among listed names, given as (person, name)."""

    def judge(made, lists, **texts):
        pairs = NamePairs([(read_name(name), [owner]) for owner, name in lists])
        return judge_glued_names(made, pairs, people_of(made, **texts), SURPRISAL)

    return judge


@pytest.mark.parametrize(
    "written",
    [
        "Thanks #GiorgioBargatze!",
        "to giorgiobargatze88@gmail.com",
        "BargatzeGiorgio",
        "Giorgio Bar gatze",
        "G-i-o-r-g-i-o Bar-gatze",
        "Oigroig Eztagrab",
        "eztagraB oigroiG",
        "GiorgioABargatze",
        *("ameetbargatze", "GiorgioBargatzeRocks", "Giorgio Bargatze88"),
    ],
)
def test_a_name_without_middle_name_is_found_by_its_letters(judged, written):
    leaks = judged(["nothing", written], [(ANN, NAME)])
    assert leaks.persons == {ANN}
    assert {place.kind for place in leaks.places[1]} == {"known name, disguised"}


@pytest.mark.parametrize(
    "written",
    [
        *("Giorgio Bargatze", "Bargatze, Giorgio", "Giorgio-Bargatze", "Giorgio A. Bargatze"),  # for `judge_names`
        *("giorgio", "bargatze88", "giorgio the bargatze", "gbargatze", "giorgioameet"),
        *("Giorgio Bargatzenow", "Sangiorgio Bargatze"),  # other names
    ],
)
def test_separate_words_and_parts_are_no_glued_name(judged, written):
    assert not judged([written], [(ANN, NAME)]).persons


def test_letters_of_other_persons_are_no_leak(judged):
    made = ["#GiorgioBargatze"]
    assert not judged(made, [(ANN, NAME), (CY, "Giorgio Zed Bargatze")]).persons
    assert not judged(made, [(ANN, NAME)], control=("by giorgiobargatze", "d")).persons
    assert not judged(made, [(ANN, NAME)], control=("by Giorgio Bargatze", "d")).persons
    assert judged(made, [(ANN, NAME), (BO, "Giorgio Bargatze")]).persons == {ANN, BO}


def test_as_many_glued_names_of_control_explain_those_of_train(judged):
    names = [NAME, "Wilhelmina Rosa Quistgaard", "Theodric Leif Vanhoutte"]
    made = [f"{name.split()[0]}{name.split()[2]}" for name in names]
    lists = [(ANN, names[0]), (CY, names[1]), (CY + 1, names[2])]
    assert [judged(made[:n], lists).persons for n in (1, 2, 3)] == [{ANN}, {ANN}, set()]
    lists = [(ANN, names[0]), (ANN, names[1]), (BO, names[2])]  # no list of control
    assert judged(made[:1], lists, control=("c", made[1])).persons == {ANN}
    assert not judged(made[:1], lists, control=(made[2], made[1])).persons
