import numpy as np
import pytest

from audits.attacks.identifiers.known_numbers import KnownNumbers, find_known_numbers
from audits.text.normalise import normalise

NUMBER = "4450012739"


def known(*numbers):
    table = KnownNumbers()
    for owner, digits in enumerate(numbers):
        table.add(digits, owner)
    return table


def found(text, *numbers):
    hits = find_known_numbers(known(*numbers), [text], ([], len(numbers)))
    return [(h.digits, h.form, normalise(text)[h.start : h.end]) for h in hits]


@pytest.mark.parametrize(
    ("written", "form"),
    [
        ("4450012739", "digits"),
        ("44500 12739", "digits"),
        ("four four five zero zero one two seven three nine", "digits"),
        ("9372100544", "digits backwards"),
        ("450012739", "a digit missing"),
        ("445001273", "a digit missing"),
        ("4450 01739", "a digit missing"),
        ("4450012738", "a digit wrong"),
        ("4950012739", "a digit wrong"),
        ("4450021739", "digits exchanged"),
        ("2739 445001", "its parts exchanged"),
        ("44500x2739", "a digit missing"),
    ],
)
def test_a_known_number_is_found(written, form):
    assert (NUMBER, form, written) in found(f"see {written}.", NUMBER, "9812263514")


def test_inside_a_longer_run_of_numbers():
    assert (NUMBER, "digits", NUMBER) in found(f"values 12, {NUMBER}, 77", NUMBER)


def test_leading_zeros_count():
    assert found("see 0012345678", "0012345678")[0][:2] == ("0012345678", "digits")
    assert found("see 12345678", "0012345678") == []


def test_two_digits_amiss_are_another_number():
    assert found("see 4450012 and 9950012739", NUMBER) == []


def test_where_chance_brings_them_nothing_is_found():
    rng = np.random.default_rng(3)
    numbers = [str(n) for n in rng.integers(10**5, 10**6, 300)]
    non_members = ([], 300)
    assert list(find_known_numbers(known(*numbers), [f"no {n}" for n in numbers], non_members)) == []
    assert len(list(find_known_numbers(known(numbers[0]), [f"no {numbers[0]}"], non_members))) >= 1


def test_numbers_that_non_members_come_near_too_prove_nothing():
    # telephones of one town: of ten digits the last three differ, so everybody's is like somebody else's
    train, control, fresh = ([f"9335550{n:03d}" for n in range(start, start + 300, 7)] for start in (0, 1, 2))
    table, n = known(*train, *control), len(train)
    made = [f"tel {number}" for number in fresh]
    alike = [h.form for h in find_known_numbers(table, made, ([], n))]
    assert alike.count("a digit wrong") > n  # what no stranger is asked about looks like a leak
    assert list(find_known_numbers(table, made, ([f"tel {number}" for number in control], n))) == []
    one = [f"tel {control[0]}"]  # and one stranger alone excuses nobody
    assert [h.form for h in find_known_numbers(table, made, (one, n))] == alike


def test_a_number_found_as_it_is_does_not_care_how_near_non_members_come():
    train, control = ([f"9335550{n:03d}" for n in range(start, start + 300, 7)] for start in (0, 1))
    for non_members in (control, train):  # nor that non-members' texts hold train's numbers, too
        found = list(
            find_known_numbers(known(*train, *control), ["no 9 3 3 5 5 5 0 0 0 7"], (non_members, len(train)))
        )
        assert (train[1], "digits") in {(h.digits, h.form) for h in found}


def test_owners_are_told():
    table = known(NUMBER, "123456", NUMBER)
    assert (table.owners(NUMBER), table.owners("123456"), table.lengths()) == ([0, 2], [1], [6, 10])


def test_nothing_known_reads_nothing():
    assert list(find_known_numbers(known(), [None], ([None], 0))) == []
