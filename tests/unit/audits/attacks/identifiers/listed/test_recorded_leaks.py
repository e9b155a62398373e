import pytest

from audits.attacks.identifiers.listed.recorded_leaks import Chance, ValueFound, leaking_values

VALUES = [("quixotebury",), ("mountain",), ("48213377",), ("zephyrhaven",), ("48213378",), ("48213379",)]


def found(**persons):
    return ValueFound(bits=40.0, **{side: {owners} for side, owners in persons.items()})


def judged(values, chance, numbers=(2, 4, 5), titled=()):
    leaks = leaking_values(values, VALUES, numbers, titled, [], chance)
    return [i for i, value in values.items() if any(value is leak for leak in leaks)]


@pytest.mark.parametrize(("n_by_chance", "leaks"), [(0, [0, 1]), (1, [0, 1]), (2, [])])
def test_without_a_list_of_control_two_names_in_control_texts_explain_those_in_the_table(n_by_chance, leaks):
    elsewhere = [found(control=10 + i) for i in range(n_by_chance)]
    chance = Chance(share=1.0, values=elsewhere, share_of_synthetic=0.5)
    assert not chance.has_control_list
    assert judged({0: found(train=1), 1: found(train=2)}, chance) == leaks


def test_significantly_more_names_than_in_control_texts_are_leaks():
    elsewhere = [found(control=10), found(control=11)]
    many, values = {i: found(train=20 + i) for i in range(20)}, [(f"quixotebury{i}",) for i in range(20)]
    one = {0: ValueFound(train=set(range(20, 30)), bits=40.0)}  # one name of ten persons is one coincidence
    for names, share, n_leaks in ((many, 0.5, 20), (many, 0.95, 0), (one, 0.5, 0)):
        chance = Chance(share=1.0, values=elsewhere, share_of_synthetic=share)
        assert len(leaking_values(names, values, (), (), [], chance)) == n_leaks


def test_with_a_list_of_control_an_ordinary_word_is_a_leak_only_after_a_title():
    chance = Chance(share=0.5)
    assert judged({1: found(train=1)}, chance) == []
    assert judged({1: found(train=1)}, chance, titled=[1]) == [1]
    assert judged({0: found(train=1)}, chance) == [0]


def test_numbers_are_leaks_unless_as_many_numbers_of_control_are_found():
    one = ValueFound(train={1}, is_direct=True, bits=40.0)
    others = {i: ValueFound(control={i}, is_direct=True, bits=40.0) for i in (4, 5)}
    assert judged({2: one}, Chance(share=0.5)) == [2]
    assert judged({2: one, 4: others[4]}, Chance(share=0.5)) == [2]
    assert judged({2: one, **others}, Chance(share=0.5)) == []


def test_a_spelling_adds_its_owners_and_its_bits():
    value = ValueFound()
    value.add(("quixotebury",), "known identifier", ([1], []), 30.0)
    value.add(("quixotebery",), "known identifier, misspelt", ([2], [5]), 20.0)
    assert (value.train, value.control, value.bits, value.is_direct) == ({1, 2}, {5}, 30.0, False)
