from typing import get_args

import pytest

from synthgen.attributes import AttributeRule
from synthgen.attributes.dictionaries import CONDITIONS, HABITS, MEDICATIONS, OCCUPATIONS, SYMPTOMS
from synthgen.attributes.lexicon import entries


@pytest.mark.parametrize("block", [CONDITIONS, SYMPTOMS, MEDICATIONS])
def test_dictionary_values_are_unique_and_lower_case(block):
    found = list(entries(block))
    assert len(dict(found)) == len(found)
    for value, names in found:
        assert value == value.strip() == value.casefold() != ""
        assert len(set(names)) == len(names)


def test_every_status_is_accepted_by_a_rule():
    for habit, block in HABITS.items():
        statuses = {status for status, _ in entries(block)}
        allowed = {a for part in get_args(AttributeRule.model_fields[habit].annotation) for a in get_args(part)}
        assert statuses <= allowed


def test_occupation_names_are_plain_and_unique():
    names = [name.strip() for name in " ".join(OCCUPATIONS.split()).split(";")]
    assert len(set(names)) == len(names)
    assert all(name.replace(" ", "").isalpha() and name.islower() for name in names)
