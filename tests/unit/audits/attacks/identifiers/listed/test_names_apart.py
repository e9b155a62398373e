import pytest
from hypothesis import given
from hypothesis import strategies as st

from audits.attacks.identifiers.listed.names_apart import NamesApart, _nearest, judge_names_apart
from audits.attacks.identifiers.person_names import read_name
from audits.attacks.identifiers.surprisal import Surprisal
from audits.attacks.identifiers.tables import read_pool, read_synthetic

ANN, BO, CY = 0, 1, 2  # Ann and Bo are train persons; Cy and the next ones are control persons
SURPRISAL = Surprisal(["the patient was seen in the clinic and sent home with advice"] * 40)
NAMES = ("Giorgio Ameet Bargatze", "Wilhelmina Rosa Quistgaard", "Theodric Leif Vanhoutte")


def apart(name):
    first, _, surname = name.split()
    return f"The manager is called {first}. Her last name is {surname}."


@pytest.fixture
def judged(people_of):
    """Return a function: persons and places of the leaks among listed names, given as (person, name)."""

    def judge(made, lists, surprisal=SURPRISAL, *, has_control_list=True, **texts):
        people = people_of(made, **texts)
        listed = [*lists, *([(people.n_train, "Aurelio Zed Ravenscombe")] if has_control_list else [])]
        names = NamesApart([(read_name(name), [owner]) for owner, name in listed], people)
        read_pool(people, read_synthetic(made, [names]), [names])
        return judge_names_apart(names, people, surprisal)

    return judge


def test_given_name_and_surname_in_one_row_are_a_leak(judged):
    written = apart(NAMES[0])
    leaks = judged(["nothing", written], [(ANN, NAMES[0])])
    assert leaks.persons == {ANN}
    places = leaks.places[1]
    assert [written[place.start : place.end] for place in places] == ["Giorgio", "Bargatze"]
    assert {place.kind for place in places} == {"known name, parts apart"}


@pytest.mark.parametrize(
    "written",
    [
        "Giorgio Bargatze, Giorgio and Bargatze",  # next to each other; `judge_names` judges it
        "Giorgio Zed Bargatze",  # may be another person
        "The manager is called Giorgio.",
        "Bargatze is here",
    ],
)
def test_other_texts_are_no_leak(judged, written):
    assert not judged([written], [(ANN, NAMES[0])]).persons


def test_ordinary_words_and_likely_words_are_no_leak(judged):
    assert not judged([apart("Grace Ann Mountain")], [(ANN, "Grace Ann Mountain")]).persons
    short = "Ava Zoe Katz"
    assert judged([apart(short)], [(ANN, short)]).persons == {ANN}
    assert not judged([f"{apart(short)} {'the patient ' * 50_000}"], [(ANN, short)]).persons  # many pairs of words


def test_a_likely_surname_is_no_leak(judged):
    likely = Surprisal(["as wolff and wolff said"] * 2000)
    assert judged([apart("Wilhelmina Rosa Wolff")], [(ANN, "Wilhelmina Rosa Wolff")]).persons == {ANN}
    made = [f"{apart('Wilhelmina Rosa Wolff')} {'the patient ' * 500}"]
    assert not judged(made, [(ANN, "Wilhelmina Rosa Wolff")], surprisal=likely).persons


def test_two_given_names_are_no_pair(judged):
    assert not judged(["Giorgio said that they met Ameet"], [(ANN, NAMES[0])]).persons


def test_a_name_of_control_is_no_leak(judged):
    made = [apart(NAMES[0])]
    assert not judged(made, [(ANN, NAMES[0]), (CY, NAMES[0])]).persons
    assert not judged(made, [(ANN, NAMES[0])], control=("Giorgio Bargatze", "d")).persons
    assert judged(made, [(ANN, NAMES[0]), (BO, NAMES[0])]).persons == {ANN, BO}


def test_pairs_of_control_and_pairs_in_texts_of_others_measure_chance(judged):
    made, lists = [apart(name) for name in NAMES], [(ANN, NAMES[0]), (CY, NAMES[1]), (CY + 1, NAMES[2])]
    assert [judged(made[:n], lists).persons for n in (1, 2, 3)] == [{ANN}, set(), set()]
    lists = [(ANN, NAMES[0]), (BO, NAMES[1])]
    assert judged(made[:1], lists, train=("a", made[1])).persons == {ANN}  # in the text of Bo
    assert not judged(made[:1], lists, train=(made[1], "b")).persons
    assert not judged(made[:1], lists, control=("c", made[1])).persons
    many = [(i, f"Giorgio Zed {chr(97 + i)}bargatze") for i in range(20)]
    texts = {"train": [f"a{i}" for i in range(20)], "control": [apart(many[19][1]), *["many more words " * 30] * 20]}
    assert len(judged([apart(name) for _, name in many[:15]], many, **texts).persons) == 15


def test_without_a_list_of_control_many_pairs_are_needed(judged):
    many = [(i, f"Giorgio Zed {chr(97 + i)}bargatze") for i in range(20)]
    texts = {"train": [f"a{i} {'many more words ' * 10}" for i in range(20)], "has_control_list": False}
    found = [len(judged([apart(name) for _, name in many[:n]], many, **texts).persons) for n in (1, 12)]
    assert found == [0, 12]


PLACES = st.lists(st.integers(0, 40), min_size=1, max_size=6, unique=True).map(sorted)


@given(PLACES, PLACES)
def test_nearest_places_are_those_of_a_search_of_all_pairs(places, others):
    a, b = _nearest(places, others)
    assert a in places
    assert b in others
    assert abs(a - b) == min(abs(x - y) for x in places for y in others)
