import pytest

from audits.attacks.identifiers.listed.addresses import Address, AddressOccurrences, forms_of, judge_addresses
from audits.attacks.identifiers.surprisal import Surprisal
from audits.attacks.identifiers.tables import read_pool, read_synthetic

ANN, BO, CY = 0, 1, 2  # Ann and Bo are train persons; Cy and the next ones are control persons
SURPRISAL = Surprisal(["the patient was seen in the clinic and sent home with advice"] * 40)


@pytest.fixture
def judged(people_of):
    """Return a function: persons and places of the leaks among listed addresses, given as (person, addresses)."""

    def judge(made, lists, **texts):
        people = people_of(made, **texts)
        addresses = AddressOccurrences([(listed, owner) for owner, listed in lists], people)
        read_pool(people, read_synthetic(made, [addresses]), [addresses])
        return judge_addresses(addresses, people, SURPRISAL)

    return judge


MAIL, STREET, HOST = "giorgio.daly61@gmail.com", "107 Chappelle Lane", "31.153.253.225"
FORMS = [
    (MAIL, "her gmail is giorgio.daly61"),
    (MAIL, "giorgio daly61 on gmail"),
    (MAIL, "at outlook she is giorgio dot daly61"),
    ("giorgio.daly@gmail.com", "her gmail is giorgio.daly"),
    (STREET, "in Chappelle Lane, number 107, they met"),
    (STREET, "in Chappelle Ln 107"),
    (STREET, "one hundred and seven Chappelle Lane"),
    (STREET, "107_Chappelle_Ln"),
    ("107 Chappelle Lane, Leeds", "107 Chappelle Lane"),
    (HOST, "31 dot 153 dot 253 dot 225"),
    ("@daly_gio59", "daly underscore gio59"),
]


@pytest.mark.parametrize(("recorded", "written"), FORMS)
def test_an_address_in_another_form_is_a_leak(judged, recorded, written):
    leaks = judged(["nothing", written], [(ANN, [recorded])])
    assert leaks.persons == {ANN}
    assert leaks.places.keys() == {1}


def test_the_place_covers_the_words_of_the_address(judged):
    ((place,),) = judged(["He lives in Chappelle Lane, number 107."], [(ANN, [STREET])]).places.values()
    assert (place.start, place.end) == (len("He lives in "), len("He lives in Chappelle Lane, number 107"))
    assert place.owners == [ANN]


@pytest.mark.parametrize(
    ("recorded", "written"),
    [
        ("giorgio.daly@gmail.com", "Giorgio Daly was here"),  # only the name, without the provider
        (STREET, "in Chappelle Lane, number 108"),
        (STREET, "107 persons of Chappelle"),
        (STREET, STREET),  # as recorded; `judge_recorded` judges it
        ("12/03/1961", "12 dot 03 dot 1961"),
        ("3 mg", "3 dot mg"),
        ("no 48213377", "48213377"),
    ],
)
def test_other_texts_are_no_address(judged, recorded, written):
    assert not judged([written], [(ANN, [recorded])]).persons


def test_an_address_of_other_persons_is_no_leak(judged):
    made = ["in Chappelle Lane, number 107"]
    assert not judged(made, [(ANN, [STREET]), (CY, [STREET])]).persons
    assert not judged(made, [(ANN, [STREET])], control=("we met at 107 Chappelle Ln", "d")).persons
    assert judged(made, [(ANN, [STREET]), (BO, [STREET])]).persons == {ANN, BO}


def test_as_many_addresses_of_control_explain_those_of_train(judged):
    streets = [f"{17 + i} {name} Lane" for i, name in enumerate(("Chappelle", "Quistgaard", "Vanhoutte"))]
    lists = [(ANN, streets[:1]), (CY, streets[1:2]), (CY + 1, streets[2:])]
    made = [f"{street.split()[1]} lane {street.split()[0]}" for street in streets]
    assert [judged(made[:n], lists).persons for n in (1, 2, 3)] == [{ANN}, {ANN}, set()]


def test_without_a_list_of_control_the_addresses_in_control_texts_measure_chance(judged):
    streets = [f"{17 + i} {name} Lane" for i, name in enumerate(("Chappelle", "Quistgaard", "Vanhoutte"))]
    lists, made = [(ANN, streets[:1]), (BO, streets[1:2]), (0, streets[2:])], ["chappelle lane 17"]
    assert judged(made, lists, control=("at 18 Quistgaard Lane", "nothing")).persons == {ANN}
    assert not judged(made, lists, control=("at 18 Quistgaard Lane", "at 19 Vanhoutte Lane")).persons


def test_forms_of_an_identifier():
    assert set(forms_of(MAIL)) == {Address(("giorgio", "daly61"))}
    assert set(forms_of("giorgio.daly@yahoo.co.uk")) == {Address(("giorgio", "daly"), frozenset({"yahoo"}))}
    street = {Address(("107", "chappelle", "lane")), Address(("chappelle", "lane", "107"))}
    assert set(forms_of(STREET)) == street
    assert set(forms_of("Marguerite Abernathy")) == set(forms_of("jo@mail.example")) == set()
