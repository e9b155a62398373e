import random
from collections import Counter

import pytest

from audits.gate.shown_utility import MIN_SUBGROUP_PERSONS
from audits.report.glossary import SUBGROUPS
from audits.verify.vocabulary import AGE_BANDS, SEXES
from synthgen.attributes.person import AGE_BANDS as FOUND_BANDS
from synthgen.core.types import Record
from synthgen.evaluate.subgroups import ATTRIBUTES, subgroups


def records(texts):
    """Return a record for each text; a text is of a new person, or of the person in a pair (person, text)."""
    given = [one if isinstance(one, tuple) else (f"p{i}", one) for i, one in enumerate(texts)]
    return [Record(id=str(i), text=text, label="a", group=person) for i, (person, text) in enumerate(given)]


def test_a_subgroup_needs_enough_persons_whose_statements_agree():
    women = ["A 70 year old woman with a cough."] * MIN_SUBGROUP_PERSONS
    men = ["A 30 year old man with a cough."] * (MIN_SUBGROUP_PERSONS - 1)
    found = subgroups(records([*women, *men, "The knee is well."]))
    assert [*found] == [("age_band", "older adult"), ("sex", "female")]
    assert found["sex", "female"].tolist() == [True] * MIN_SUBGROUP_PERSONS + [False] * MIN_SUBGROUP_PERSONS
    assert [*subgroups(records([*women[1:], *men]))] == []


def test_all_records_of_a_person_count_and_a_person_with_two_sexes_is_in_no_subgroup():
    women = [(f"w{i}", "A 70 year old woman with a cough.") for i in range(MIN_SUBGROUP_PERSONS)]
    others = [(f"o{i}", "The knee is well.") for i in range(MIN_SUBGROUP_PERSONS)]
    more = [("w0", "The knee is well."), ("w1", "A 70 year old man with a cough.")]
    found = subgroups(records([*women, *more, ("x", "A 70 year old woman."), *others]))
    in_women = [True, False, *[True] * (MIN_SUBGROUP_PERSONS - 2), True, False, True]
    assert found["sex", "female"].tolist() == in_women + [False] * MIN_SUBGROUP_PERSONS
    assert ("sex", "female") not in subgroups(records([*women, *more, *others]))


@pytest.mark.parametrize(
    ("men", "unstated", "shown"),
    [(0, 0, ["female"]), (60, 0, ["female", "male"]), (60, 1, ["female"]), (60, 49, ["female"]), (49, 0, [])],
)
def test_the_persons_outside_the_published_subgroups_are_none_or_many(men, unstated, shown):
    texts = ["A woman with a cough."] * 80 + ["A man with a cough."] * men + ["The knee is well."] * unstated
    assert [value for _, value in subgroups(records(texts))] == shown


@pytest.mark.parametrize("seed", range(40))
def test_no_numbers_of_few_persons_follow_from_the_published_subgroups(seed):
    rng = random.Random(seed)
    subjects = ("A woman", "A man", "A 70 year old man", "A 30 year old woman", "A 5 year old boy", "The knee")
    sizes = [rng.choice((0, rng.randrange(1, 60), rng.randrange(40, 160))) for _ in subjects]
    texts = [f"{one} with a cough." for one, n in zip(subjects, sizes, strict=True) for _ in range(n)]
    found = subgroups(records(texts))
    outside = Counter(dict.fromkeys(ATTRIBUTES, len(texts)))
    for (attribute, _), rows in found.items():
        assert rows.sum() >= MIN_SUBGROUP_PERSONS
        outside[attribute] -= int(rows.sum())
    assert all(n == 0 or n >= MIN_SUBGROUP_PERSONS or n == len(texts) for n in outside.values())


def test_many_records_of_few_persons_are_no_subgroup():
    assert subgroups(records([("p", "A 70 year old woman.")] * 3 * MIN_SUBGROUP_PERSONS)) == {}


def test_values_and_limits_are_those_of_the_verifier_and_of_the_report():
    assert tuple(FOUND_BANDS) == AGE_BANDS
    assert tuple(SUBGROUPS) == tuple(zip(["sex"] * 3 + ["age_band"] * 6, SEXES + AGE_BANDS, strict=True))
    assert ATTRIBUTES == ("sex", "age_band")
