import pytest
from hypothesis import given
from hypothesis import strategies as st

from audits.attacks.identifiers.person_names import NameForm, NameSearch, agrees, names_in, read_name
from audits.text.normalise import tokens


def found(name, text):
    """Return the words of each place at which a text names somebody."""
    words = tokens(text)
    return {" ".join(words[m.start : m.end]) for m in NameSearch([read_name(name)]).matches(words)}


@pytest.mark.parametrize("name", ["Rajesh Andre Turner", "Turner, Rajesh Andre", "Dr. RAJESH ANDRE TURNER, MD"])
@pytest.mark.parametrize(
    "written",
    [
        "Turner, Rajesh Andre",
        "Rajesh Turner",
        "Rajesh A. Turner",
        "R. A. Turner",
        "Turner RA",
        "Turner, R.",
        "TURNER, RAJESH",
        "rajesh andre turner",
        "Andre Turner",
    ],
)
def test_name_is_found_in_every_order_and_abbreviation(name, written):
    if name.endswith("MD"):
        name = name.removesuffix(", MD")
    assert " ".join(tokens(written)) in found(name, f"was seen by {written}'s doctor")


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("Lindiwe Mbeki", "L. Mbeki"),
        ("Anna Smith-Jones", "Anna Smith"),
        ("Anna Smith-Jones", "A. SMITH JONES"),
        ("Anna Smith-Jones", "Smithjones, Anna"),
        ("Pieter van der Berg", "P. van der Berg"),
        ("Pieter van der Berg", "Berg, Pieter"),
        ("María García López", "Maria Garcia"),
        ("Jürgen Müller", "Muller, Jurgen"),
        ("Siobhan O’Brien", "S OBrien"),
        ("Jean-Pierre de la Croix", "J.-P. de la Croix"),
        ("Rajesh Turner", "Rajesh A. Turner"),
        ("Elizabeth Mwangi", "Mwangi, Liz"),
        ("Bob Turner", "Robert Turner"),
        ("Björn Söderström", "Bjoern Soederstroem"),
        ("Joerg Mueller", "Jörg Müller"),
    ],
)
def test_surnames_of_several_parts_are_found(name, written):
    assert any(place in " ".join(tokens(written)) for place in found(name, f"so {written} said"))


@pytest.mark.parametrize("text", ["Mr Turner came", "Rajesh came", "S. Turner", "turner and rajesh", "Rajesh Taylor"])
def test_part_of_a_name_alone_is_not_found(text):
    assert found("Rajesh Andre Turner", text) == set()


def test_name_that_agrees_with_most_words_is_meant():
    search = NameSearch([read_name("Rajesh Andre Turner"), read_name("Andre Turner")])
    (match,) = [m for m in search.matches(tokens("Rajesh Andre Turner")) if m.form.surname == ("turner",)]
    assert match.names == (0,)


@pytest.mark.parametrize("text", ["Turner", "no 4821 3377", "jo@example.org", "a b c d e f g", "12 March"])
def test_other_strings_are_no_names(text):
    assert read_name(text) == ()


def test_context_agrees_by_given_name_or_initial():
    assert agrees(NameForm(("turner",), ("rajesh",)), ("dr", "rajesh"))
    assert not agrees(NameForm(("turner",), ("rajesh",)), ("r", "robert"))
    assert agrees(NameForm(("turner",), ("r",)), ("robert",))


def test_names_in_a_text_have_a_given_name_of_the_list():
    text = "Seen with Mary Okafor and Turner, Rajesh at the Grand Canyon Hotel."
    words = set(tokens(text))
    assert list(names_in(text, words)) == ["Mary Okafor", "Turner, Rajesh"]
    assert list(names_in(text, words - {"mary"})) == ["Turner, Rajesh"]


def test_one_part_of_a_name_in_a_text_may_be_omitted():
    text = "Seen with Mary Jane Okafor today."
    for in_table in ({"mary", "okafor"}, {"mary", "jane"}, {"jane", "okafor", "x"}):
        assert list(names_in(text, in_table)) == ["Mary Jane Okafor"]
    for in_table in ({"okafor", "seen"}, {"mary"}, set()):
        assert list(names_in(text, in_table)) == []


WORDS = ("rajesh", "andre", "turner", "r", "a", "ra", "bob", "robert", "van", "dr", "jr", "may", "x", "st")


@given(st.lists(st.sampled_from(WORDS), max_size=9))
def test_no_match_is_lost_by_looking_at_the_words_beside_a_surname_first(words):
    names = [read_name(n) for n in ("Rajesh Andre Turner", "Robert van Turner", "May, Andre", "Bob May")]
    search = NameSearch(names)
    found = list(search.matches(words))
    search._beside = lambda surname, *_: search._given[surname]  # all given names can match
    assert sorted(found) == sorted(search.matches(words))
