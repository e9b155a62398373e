import numpy as np
import pytest

from audits.attacks.identifiers.combinations import (
    MAX_BITS,
    Fact,
    FactOccurrences,
    facts_of,
    full_names,
    judge_combinations,
    word_facts,
)
from audits.attacks.identifiers.patterns import read_content
from audits.attacks.identifiers.tables import read_people, read_pool, read_synthetic
from audits.core.types import AuditInputs, Table

SECRET = "A 93 year old man of SW1A 1AA born 12/03/1931"
OTHER_FORM = "Man, aged 93, born March 12, 1931, lives in sw1a 1aa"


def table(texts):
    return Table(texts=tuple(texts), labels=None, groups=tuple(map(str, range(len(texts)))), has_groups=True)


def judged(made, train, control):
    people = read_people(AuditInputs(synthetic=table(made), train=table(train), control=table(control)))
    occurrences = FactOccurrences(people)
    read_pool(people, read_synthetic(made, [occurrences]), [occurrences])
    return judge_combinations(occurrences, people)


def test_facts_of_a_text():
    found = {("age", "93"), ("sex", "m"), ("date", "31-03-12"), ("postal", "sw1a1aa")}
    assert {(f.kind, f.value) for f in facts_of(read_content(SECRET))} == found
    assert facts_of(read_content("a man and a woman in 2015, room 48213")) == {Fact("number", "48213")}
    assert facts_of(read_content("of Dunmore Springs, CO 81413")) == {Fact("postal", "co81413")}  # and no number
    assert facts_of(read_content("thirty-seven years old")) == {Fact("age", "37")}
    assert facts_of(read_content("(93 y/o F), aged ninety-three")) == {Fact("age", "93"), Fact("sex", "f")}
    assert word_facts("The man saw Okafor in Leeds") == {Fact("word", "okafor"), Fact("word", "leeds")}


@pytest.mark.parametrize("written", [SECRET, OTHER_FORM])
def test_combination_of_one_train_person_is_a_leak(written):
    plain = ["a woman of 40 years"] * 50
    assert judged([written, "x"], [SECRET, *plain], plain).rows == {0: [0]}
    assert judged([written, "x"], [*plain], [SECRET, *plain]).rows == {}
    assert judged([written, "x"], [SECRET, *plain], [OTHER_FORM, *plain]).rows == {}  # control has it too


@pytest.mark.parametrize(
    "written", ["a man aged 93", "born 12/03/1931", "a man of SW1A 1AA", "man, 93, in March 1931"]
)
def test_part_of_a_combination_is_none(written):
    plain = ["a woman of 40 years"] * 50
    assert judged([written], [SECRET, *plain], plain).rows == {}


def test_facts_that_many_persons_have_are_no_combination():
    common = [f"a man aged {40 + i % 5} seen 12/03/2024 in SW1A 1AA" for i in range(60)]
    assert judged([common[0]], common[:30], common[30:]).rows == {}


def visits(n, seed):
    """Return notes of n women with a date of visit and a postal code, which several of them have in common."""
    rng = np.random.default_rng(seed)
    days, codes = rng.integers(28, size=(2, n)), rng.integers(900, size=n)
    return [
        f"a woman of {40 + i % 30} years seen {1 + days[0, i]}/{1 + days[1, i] % 12}/2024 in VT {5100 + codes[i]:05d}"
        for i in range(n)
    ]


def test_frequent_dates_of_visits_hide_no_date_of_birth():
    """A date counts as rare within its decade, and a postal code within its form."""
    train, control, fresh = visits(900, 1), visits(900, 2), visits(900, 3)
    assert judged(fresh, train, control).rows == {}
    made = [f"{fresh[0]}, {OTHER_FORM}", *fresh[1:]]
    assert judged(made, [f"{train[0]}. {SECRET}", *train[1:]], control).rows == {0: [0]}


def test_dates_of_single_persons_do_not_make_their_decade_frequent():
    born = [f"man of SW1A 1A{letter} born {1 + i}/3/1931" for i, letter in enumerate("ABCDEFGH")]
    people = read_people(AuditInputs(synthetic=table(born), train=table(born), control=table(["x"])))
    occurrences = FactOccurrences(people)
    read_pool(people, read_synthetic(born, [occurrences]), [occurrences])
    bits = occurrences.bits()
    assert {bits[fact] for fact in bits if fact.kind == "date"} == {MAX_BITS["date"]}


def signed(n, seed, syllables=("ba", "de", "fi", "go", "ku", "la", "me", "ni", "po", "ru")):
    """Return notes of n persons with their names and dates of birth."""
    rng = np.random.default_rng(seed)
    names = ("".join(rng.choice(syllables, size=4)).title() for _ in iter(int, 1))
    born = [f"{1 + i % 28}/{1 + i % 12}/{1930 + i % 70}" for i in rng.integers(10**6, size=n).tolist()]
    return [f"seen today. Signed, {next(names)} {next(names)} {next(names)}, born {date}" for date in born]


def test_a_full_name_and_a_full_date_are_a_leak():
    train, control, fresh = signed(300, 1), signed(300, 2), signed(300, 3)
    assert judged(fresh, train, control).rows == {}
    name, born = train[0].split("Signed, ")[1].split(", born ")
    first, middle, last = name.split()
    day, month, year = born.split("/")
    for written in (
        f"{name}, {year}-{month}-{day}.",
        f"{last}, {first} {middle}, {born}",
        f"{first} Q. {middle} {last} of {born}",
    ):
        assert judged([written, *fresh[1:]], train, control).rows == {0: [0]}
        assert judged([written, *fresh[1:]], train, [train[0], *control]).rows == {}  # a control person has both
    for written in (name, born, f"{first} said that {middle} knew that {last} was not born {born}", f"she, {name}"):
        assert judged([written, *fresh[1:]], train, control).rows == {}


def test_full_names_have_two_or_three_capitalised_words():
    text = "Ameet Sydney Hart met the Bargatze family, J. Quistgaard and Lindqvist, Theodric A. in The Mountain Hotel"
    assert full_names(text) == {frozenset({"ameet", "sydney", "hart"}), frozenset({"lindqvist", "theodric"})}
