import pytest

from audits.attacks.identifiers.disguised import find_known_names, judge_disguised, leaked_parts
from audits.attacks.identifiers.recorded import Occurrences, index_identifiers
from audits.attacks.identifiers.surprisal import Surprisal
from audits.attacks.identifiers.tables import read_pool, read_synthetic
from audits.text.normalise import normalise

ANN, BO, CY = 0, 1, 2  # Ann and Bo are train persons; Cy and the next ones are control persons
SURPRISAL = Surprisal(["the patient was seen in the clinic and sent home with advice"] * 40)
NAME = ("emily", "quistgaard")
PART = (ANN, ["Marguerite Quistgaardsen"])


@pytest.fixture
def judged(people_of):
    """Return a function: number and places of the disguised identifiers, listed as (person, texts), in a table."""

    def judge(made, lists, seen=(), **texts):
        people = people_of(made, **texts)
        occurrences = Occurrences(index_identifiers([texts for _, texts in lists], [owner for owner, _ in lists]))
        pool = read_pool(people, read_synthetic(made, [occurrences]), [occurrences])
        return judge_disguised(made, occurrences, pool, people, SURPRISAL, set(seen))[:2]

    return judge


@pytest.fixture
def parts(people_of):
    """Return a function: the parts of listed names, given as (person, names), that occur in a table."""

    def found(made, lists, *, known=(), **texts):
        recorded = index_identifiers([names for _, names in lists], [owner for owner, _ in lists])
        return leaked_parts(made, recorded, people_of(made, **texts), SURPRISAL, set(known))

    return found


def test_number_in_words_is_one_leak(judged):
    hard, places = judged(["no four eight two one three three seven seven"], [(ANN, ["48213377"])])
    assert hard == 1
    assert "known number, digits" in [place.kind for place in places[0]]


def test_identifier_found_openly_is_not_counted_again(judged):
    assert judged(["48213377"], [(ANN, ["48213377"])], seen=["48213377"])[0] == 0


def test_number_of_control_is_no_leak_and_phone_of_front_desk_is_exempt(judged):
    made = ["call five five five oh one two three four five six"]
    assert judged(made, [(CY, ["555 012 3456"])])[0] == 0
    assert judged(made, [(ANN, ["555 012 3456"]), (CY, ["555 012 3456"])])[0] == 0
    assert judged(made, [(ANN, ["555 012 3456"])])[0] == 1


def test_reversed_name_is_a_leak_unless_reversed_names_of_control_occur(judged):
    lists = [(ANN, ["Emily Quistgaard"]), (CY, ["Theodric Vanhoutte"]), (CY + 1, ["Ottoline Brackenridge"])]
    made = ["draagtsiuq ylime", "ettuohnav cirdoeht", "egdirnekcarb enilotto"]
    assert [judged(made[:n], lists)[0] for n in (1, 2, 3)] == [1, 1, 0]


@pytest.mark.parametrize(("written", "n_found"), [("an anti-Christian Sect", 0), ("anti c-h-r-i-s-t-i-a-n-s", 1)])
def test_letters_of_a_name_within_common_words_are_no_leak(judged, written, n_found):
    lists = [(ANN, ["Christian's"])]
    users = ["the christian hall", "nothing", "christian sect", "no christian", "his christian", "the end"]
    assert judged([written], lists, train=users[:2], control=users[2:])[0] == n_found
    assert judged([written], lists)[0] == 1


def test_common_words_that_spell_names_of_control_excuse_no_leak(judged):
    lists = [(ANN, ["Emily Quistgaard"]), (CY, ["Christian's"]), (CY + 1, ["Blacksmith's"])]
    users = [
        "a christian blacksmith",
        "the christian blacksmith",
        "no blacksmith christian",
        "christian blacksmith",
    ] * 2
    made = ["draagtsiuq ylime", "a Christian Sect", "a Blacksmith Shop"]
    assert judged(made, lists, train=["a", "b"], control=users)[0] == 1


@pytest.mark.parametrize(
    "written",
    [
        *("Emily Quistgaard", "emilyquistgaard", "draagtsiuq ylime", "Quistgaard, Emily", "Emi-ly Quist gaard"),
        *("Ylime Draagtsiuq", "ylimedraagtsiuq"),
    ],
)
def test_name_is_found_by_its_letters(written):
    text = f"as {written} said"
    (hit,) = find_known_names({7: [NAME]}, ["nothing", text])
    assert (hit.name_index, hit.row) == (7, 1)
    assert normalise(text)[hit.start : hit.end] == normalise(written)


def test_short_names_are_ignored():
    assert list(find_known_names({0: [("anna", "kim")]}, [None])) == []


def test_spelling_of_two_names_matches_both():
    assert {hit.name_index for hit in find_known_names({1: [NAME], 2: [NAME[::-1]]}, ["emily quistgaard"])} == {1, 2}


@pytest.mark.parametrize(
    "written", ["Quistgaardsen", "M. Quistgaardsen", "Marguerite Jane Quistgaardsen", "of the QUISTGAARDSEN family"]
)
def test_rare_surname_identifies_its_person(parts, written):
    assert parts([f"seen by {written} today"], [PART])[("quistgaardsen",)] == [ANN]


def test_surname_of_several_persons_identifies_nobody(parts):
    made = ["seen by Quistgaardsen today"]
    assert parts(made, [PART, (CY, ["Ottoline Quistgaardsen"])]) == {}
    assert parts(made, [PART], control=("c", "near Quistgaardsen street", "e", "f")) == {}
    assert parts(made, [PART], train=("Quistgaardsen came", "b")) == {("quistgaardsen",): [ANN]}
    assert parts(made, [PART], known=(ANN,)) == {}
    assert parts(["seen by Ann today"], [(ANN, ["Ann Lee"])]) == {}
    assert parts(["seen by quistgaardsen"], []) == {}


def test_surnames_of_control_in_the_table_explain_those_of_train(parts):
    made = ["quistgaardsen", "brackenridges", "vanhouttesteen"]
    control = [(CY, ["Ottoline Brackenridges"]), (CY + 1, ["Theodric Vanhouttesteen"])]
    assert [len(parts(made[:n], [PART, *control])) for n in (1, 2, 3)] == [1, 1, 0]


def test_without_a_list_of_control_surnames_in_control_texts_explain_those_in_the_table(parts):
    lists = [PART, *((BO, [f"Ottoline {name}"]) for name in ("Brackenridges", "Vanhouttesteen"))]
    made = ["quistgaardsen"]
    assert parts(made, lists, control=("c", "d brackenridges", "e", "f")).keys() == {("quistgaardsen",)}
    assert parts(made, lists, control=("c", "d brackenridges", "e", "vanhouttesteen")) == {}
    several = [*lists, *((i, ["Ann Quistgaardsen"]) for i in range(2, 9))]  # one surname of eight persons
    texts = {"train": [f"a{i}" for i in range(9)], "control": ["brackenridges", "vanhouttesteen"]}
    assert parts(made, several, **texts) == {}


def test_without_a_list_of_control_disguised_names_in_control_texts_explain_those_in_the_table(judged):
    lists = [(ANN, ["Emily Quistgaard"]), (BO, ["Theodric Vanhoutte"]), (2, ["Ottoline Brackenridge"])]
    texts = {"train": ("a", "b", "c"), "control": ["ettuohnav cirdoeht", "no", "no"]}
    assert judged(["draagtsiuq ylime"], lists, **texts)[0] == 1
    texts["control"][1] = "egdirnekcarb enilotto"
    assert judged(["draagtsiuq ylime"], lists, **texts)[0] == 0


def test_ordinary_words_of_names_are_leaks_only_if_many_occur(parts):
    words = ["mountain", "chocolate", "furniture", "september", "telescope", "wednesday", "adventure", "november"]
    lists = [*((i, [f"Ann {word.title()}"]) for i, word in enumerate(words)), (10, ["Ann Vanhoutteberg"])]
    texts = {"train": [f"a{i}" for i in range(10)], "control": [f"c{i}" for i in range(10)]}
    found = [len(parts([f"the {word}" for word in words[:n]], lists, **texts)) for n in (1, 5, 8)]
    assert found == [0, 0, 8]
    assert parts(["the mountain of quistgaardsen"], [*lists, PART], **texts) == {("quistgaardsen",): [ANN]}
    assert parts(["as Mrs Mountain said"], lists, **texts) == {("mountain",): [0]}
    assert parts(["the mountain"], lists[:-1], **texts) == {("mountain",): [0]}  # no list of control
