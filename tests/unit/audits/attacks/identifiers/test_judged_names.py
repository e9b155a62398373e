from hypothesis import given
from hypothesis import strategies as st

from audits.attacks.identifiers.judged_names import NameOccurrences, judge_names
from audits.attacks.identifiers.patterns import read_content
from audits.attacks.identifiers.person_names import agrees
from audits.attacks.identifiers.surprisal import Surprisal
from audits.attacks.identifiers.tables import read_people, read_pool, read_synthetic
from audits.core.types import AuditInputs, Table

SURPRISAL = Surprisal(["the patient was seen in the clinic and sent home with advice"] * 40)
GIVEN = (
    "Quentin",
    "Rosalind",
    "Sigmund",
    "Theodora",
    "Ulrika",
    "Valentin",
    "Winifred",
    "Xenia",
    "Yolanda",
    "Zachary",
)


def table(texts):
    return Table(texts=tuple(texts), labels=None, groups=tuple(map(str, range(len(texts)))), has_groups=True)


def judged(lists, made, *, control=("word " * 100,), n_train=20, are_recorded=True):
    """Return the owners of leaked names, listed as (owner, name); train persons have numbers below `n_train`."""
    inputs = AuditInputs(synthetic=table(made), train=table(["x"] * n_train), control=table([*control, "x", "y"]))
    people = read_people(inputs)
    occurrences = NameOccurrences([([name], owner) for owner, name in lists], people, are_recorded=are_recorded)
    read_pool(people, read_synthetic(made, [occurrences]), [occurrences])
    found = judge_names(occurrences, SURPRISAL, people)
    return {owner for _, owners in found.phrases.values() for owner in owners}


def test_full_given_name_is_a_leak_unless_control_has_the_name():
    lists = [(3, "Rajesh Andre Turner")]
    assert judged(lists, ["so Turner, Rajesh has HIV"]) == {3}
    assert judged(lists, ["so Turner, Rajesh has HIV"], control=["Rajesh Turner"]) == set()
    assert judged([*lists, (20, "Rajesh Turner")], ["so Turner, Rajesh"]) == set()


def test_without_a_list_of_control_names_in_control_texts_explain_those_in_the_table():
    names = ["Rajesh Andre Turnerian", "Wilhelmina Rosa Quistgaard", "Theodric Leif Vanhoutte"]
    lists, made = [(3 + i, name) for i, name in enumerate(names)], ["so Turnerian, Rajesh has HIV"]
    by_chance = ["Quistgaard, Wilhelmina", "Theodric Vanhoutte"]
    assert [judged(lists, made, control=by_chance[:n]) for n in (0, 1, 2)] == [{3}, {3}, set()]
    several = [(3, names[0]), *((4 + i, names[0]) for i in range(8)), (14, names[1]), (15, names[2])]
    assert judged(several, made, control=by_chance) == set()  # one name of nine persons is one coincidence


def test_words_that_other_persons_write_in_lower_case_are_no_rare_name():
    lists, made = [(3, "New Xylo University Zhockey"), (4, "Rajesh Turner")], ["a new zhockey", "so Turner, Rajesh"]
    assert judged(lists, made) == {3, 4}
    ordinary = ["we like zhockey and turner"]  # "rajesh" is never in lower case, so that name remains rare
    assert judged(lists, made, control=ordinary * 2) == {3, 4}
    assert judged(lists, made, control=ordinary * 3) == {4}
    assert judged(lists, made, control=["Zhockey and ZHOCKEY"] * 3) == {3, 4}
    for written in ("a New Zhockey", "a new Zhockey", "new, zhockey", "a new zhockey and New Zhockey"):
        assert judged(lists, [written], control=ordinary * 3) == {3}, written


def test_a_name_of_ordinary_words_in_capitals_is_a_leak():
    assert judged([(3, "Mark Andre Brown")], ["so Brown, Mark has HIV"]) == {3}
    assert judged([(3, "Mark Andre Brown")], ["so Mark Brown has HIV"]) == {3}


def test_a_name_of_frequent_letters_is_rare_if_its_words_are_rarely_capitalized():
    """By their letters alone, the words would not be rare among so many tokens."""
    lists, filler = [(3, "Thea Vice")], ["the patient was seen " * 40] * 30
    for leak in (
        "so Vice, Thea has HIV",
        "so VICE, THEA has fever",
        "so Vicé, Théa has HIV",
        "the scan_Thea_Vice was seen",
        "so Thea Vice. Mr. Vice said so. Thea is ill. " + "Vice and Thea " * 9 + "were seen in the clinic " * 9,
    ):
        assert judged(lists, [leak, *filler]) == {3}, leak
        assert judged(lists, [leak] * 5 + filler) == {3}, leak
    for clean in (
        "so vice, thea has HIV",
        "so seen by Thea. Vice was seen too",
        "THE VICE, THEA WAS SEEN",
        "The Vice Thea Was Seen",
    ):
        assert judged(lists, [clean, *filler]) == set(), clean
    apart = ["Thea said so to Bob. Mary Vice said no."] * 40  # both words are often capitalized
    assert judged(lists, ["so Vice, Thea has HIV", *filler, *apart]) == set()
    others = [(20, "Pat Sent"), (21, "Tho Seen")]
    leaks = ["so Vice, Thea was seen", "so Sent, Pat was seen", "so Seen, Tho was seen"]
    assert judged(lists + others, [*leaks, *filler]) == set()
    assert judged([(3, "Thea A. Vice")], ["so seen by A. Vice, Thea", *filler]) == {3}


def test_initials_are_leaks_only_if_many_persons_are_found():
    lists = [(i, f"{given} Mbeki{chr(97 + i)}") for i, given in enumerate(GIVEN)]
    made = [f"so {given[0]}. Mbeki{chr(97 + i)} has HIV" for i, given in enumerate(GIVEN)]
    assert judged(lists, made[:1]) == set()
    assert judged(lists, made) == set(range(10))
    by_chance = ["word " * 20 + f"a {given[0]}. Mbeki{chr(97 + i)}" for i, given in enumerate(GIVEN)]
    assert judged(lists, made, control=by_chance) == set()


def test_names_of_texts_are_leaks_only_if_many_persons_are_found():
    lists = [(i, f"{given} Mbeki") for i, given in enumerate(GIVEN)]
    made = [f"so Mbeki, {given}" for given in GIVEN]
    assert judged(lists, made[:1], n_train=2, are_recorded=False) == set()
    assert judged(lists, made, n_train=12, control=["x"] * 12, are_recorded=False) == set(range(10))
    others = [(12 + i, f"{given} Okafor") for i, given in enumerate(GIVEN)]
    made += [f"so Okafor, {given}" for given in GIVEN]
    assert judged(lists + others, made, n_train=12, control=["x"] * 12, are_recorded=False) == set()


def test_given_name_and_surname_may_be_listed_apart():
    inputs = AuditInputs(synthetic=table(["a"]), train=table(["x"]), control=table(["y"]))
    occurrences = NameOccurrences([(["Turner", "Rajesh"], 0)], read_people(inputs), are_recorded=True)
    occurrences.read_synthetic(read_content("so Rajesh Turner said"))
    assert {owner for names in occurrences.forms.values() for n in names for owner in occurrences.owners[n]} == {0}


def test_as_many_names_of_control_explain_those_of_train():
    surnames = ("Mbekian", "Okaforov", "Lindqvistsen")
    lists = [(i, f"{GIVEN[i % 10]} {surnames[i // 10]}") for i in range(30)]
    others = [(30 + i, f"{GIVEN[i % 10]} {surnames[i // 10]}skaya") for i in range(30)]
    made = [f"so {name} said" for _, name in lists + others]
    size = {"n_train": 30, "control": ["word " * 240, *["x"] * 30]}
    assert judged(lists + others, made, **size) == set()
    assert judged(lists + others, made[:35], **size) == set(range(30))


WORDS = st.sampled_from(["rajesh", "andre", "turner", "r", "a", "bob", "robert", "t", "may", "x"])


@given(st.lists(WORDS, max_size=8), st.lists(WORDS, max_size=8))
def test_no_owner_is_lost_by_an_index_of_the_forms(made, written):
    """The search tries every form of the synthetic table whose surname occurs in the text."""
    inputs = AuditInputs(synthetic=table(["x"]), train=table(["x", "y"]), control=table(["z"]))
    names = [(["Rajesh Andre Turner"], 0), (["Robert Turner"], 1), (["May, Andre"], 1), (["Bob May"], 0)]
    occurrences = NameOccurrences(names, read_people(inputs), are_recorded=True)
    occurrences.read_synthetic(read_content(" ".join([*made, "Rajesh Turner and R. Turner"])))
    row = read_content(" ".join(written))
    occurrences.read_other(row, 0)
    words, expected = row.words, set()
    for form in occurrences.forms:
        n = len(form.surname)
        for at in range(len(words)):
            near = (*words[max(0, at - 3) : at], *words[at + n : at + n + 3])
            if tuple(words[at : at + n]) == form.surname and agrees(form, near):
                expected.add(form)
    assert {form for form, owners in occurrences.text_owners.items() if list(owners) == [0]} == expected
