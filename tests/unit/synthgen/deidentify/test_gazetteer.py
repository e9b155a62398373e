from itertools import combinations

import pytest

from synthgen.deidentify import gazetteer
from synthgen.deidentify.gazetteer import (
    FEMALE_FIRST,
    FIRST_NAMES,
    LAST_NAMES,
    MALE_FIRST,
    PLAIN_LAST,
    WORD_FIRST,
    WORD_LAST,
)
from synthgen.deidentify.names import TOKEN

LISTS = {name: value for name, value in vars(gazetteer).items() if name.isupper() and isinstance(value, tuple)}
# words of ordinary clinical prose that are names as well
WORDS = {"Rose", "Hope", "Will", "Mark", "Young", "Brown", "Graves", "Parkinson", "Crohn", "May", "Short", "Bell"}


@pytest.mark.parametrize("name", sorted(LISTS))
def test_every_name_is_one_capitalised_word_named_once(name):
    names = LISTS[name]
    assert len(set(names)) == len(names) > 0
    assert [n for n in names if not n[0].isupper() or len(n) < 2 or not TOKEN.fullmatch(n)] == []


def test_names_that_are_words_stand_apart():
    plain = FIRST_NAMES | LAST_NAMES
    assert LAST_NAMES & set(WORD_LAST) == set()
    assert WORDS & plain == set()
    assert set(WORD_FIRST) | set(WORD_LAST) >= WORDS


def test_a_first_name_has_one_gender_in_the_lists():
    assert set(FEMALE_FIRST) & set(MALE_FIRST) == set()


def test_the_lists_are_large_enough_to_give_a_family_stand_ins():
    assert min(len(FEMALE_FIRST), len(MALE_FIRST), len(PLAIN_LAST)) > 200


def test_no_list_holds_another():
    assert all(
        set(a) - set(b) for one, other in combinations(LISTS.values(), 2) for a, b in ((one, other), (other, one))
    )
