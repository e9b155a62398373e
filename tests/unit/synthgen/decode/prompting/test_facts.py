from collections import Counter

import numpy as np
import pytest

from synthgen.core.types import Corpus, Record
from synthgen.decode.prompting.facts import MIN_PERSONS, RecordFacts, described, facts_of, person_of


def corpus(rows):
    records = [Record(id=str(i), text=text, label=label, group=group) for i, (text, label, group) in enumerate(rows)]
    return Corpus(role="train", records=tuple(records), has_groups=True)


@pytest.mark.parametrize(
    ("text", "person"),
    [
        ("Mrs Smith is a 67 year old woman with asthma.", ("female", 6)),
        ("This 4-year-old boy has fever.", ("male", 0)),
        ("He is 103 years old.", ("male", 8)),
        ("A patient in his 50s, male.", ("male", 5)),
        ("The train leaves at noon.", ("", None)),
    ],
)
def test_sex_and_decade_of_a_text(text, person):
    assert person_of(text) == person


def test_a_person_in_words_has_an_age_of_the_decade():
    rng = np.random.default_rng(0)
    ages = {int(described(("female", 6), rng).removeprefix("a woman of ")) for _ in range(200)}
    assert ages == set(range(60, 70))
    assert {described(("male", 0), rng)[:8] for _ in range(20)} == {"a boy of"}
    assert described(("male", None), rng) == "a man"
    assert described(("", None), rng) == ""


def test_only_what_several_persons_share_is_described():
    common = [("A 61-year-old woman with gout.", "a", f"p{i}") for i in range(MIN_PERSONS)]
    of_one = [("A 93-year-old man with gout.", "a", "one")] * 40
    facts = facts_of(corpus([*common, *of_one]))
    assert facts.sex_and_age == {"a": ((("", None), 40), (("female", 6), MIN_PERSONS))}
    drawn = Counter(facts.draw("a", np.random.default_rng(i))[0][:9] for i in range(900))
    assert set(drawn) == {"", "a woman o"}
    assert drawn["a woman o"] == pytest.approx(100, abs=40)


def test_lengths_are_rounded_deciles_of_the_class():
    rows = [(" ".join(["word"] * n), "a", str(n)) for n in range(1, 201)]
    rows += [("two words", "b", str(n)) for n in range(MIN_PERSONS)] + [("nine " * 90, "c", "one")] * 40
    facts = facts_of(corpus(rows))
    assert facts.lengths == {"a": (20, 40, 60, 80, 100, 120, 140, 160, 180), "b": (10,) * 9}  # "c" has one person
    assert {facts.draw("a", np.random.default_rng(i))[1] for i in range(300)} == set(map(str, range(20, 181, 20)))
    assert facts.longest() == ("", "180")


def test_lengths_of_divided_texts_are_those_of_their_parts():
    rows = [("word " * 20 + "\n" + "word " * 40, "a", str(n)) for n in range(MIN_PERSONS)]
    assert facts_of(corpus(rows), str.splitlines).lengths == {"a": (20, 20, 20, 20, 30, 40, 40, 40, 40)}


def test_without_texts_nothing_is_known():
    facts = facts_of(corpus([("", "a", "p"), ("", "a", "q")]))
    assert facts == RecordFacts()
    assert facts.draw("a", np.random.default_rng(0)) == ("", "")
    assert facts.longest() == ("", "")
    assert facts.digest != facts_of(corpus([("A man.", "a", "p")])).digest


def test_longest_facts_include_infants():
    facts = facts_of(corpus([("A 2-year-old child with fever.", "a", str(i)) for i in range(MIN_PERSONS)]))
    assert facts.sex_and_age == {"a": ((("", 0), MIN_PERSONS),)}
    assert facts.longest() == ("an adult of 100", "10")
