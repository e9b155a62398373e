import numpy as np
import pytest

from audits.identifiers.known_numbers import KnownNumbers, find_known_numbers
from audits.text.normalise import normalise

NUMBER = "4450012739"


def known(*numbers):
    table = KnownNumbers()
    for owner, digits in enumerate(numbers):
        table.add(digits, owner)
    return table


def found(text, *numbers):
    return [(h.digits, h.form, normalise(text)[h.start : h.end]) for h in find_known_numbers(known(*numbers), [text])]


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
    assert list(find_known_numbers(known(*numbers), [f"no {n}" for n in numbers])) == []
    assert len(list(find_known_numbers(known(numbers[0]), [f"no {numbers[0]}"]))) >= 1


def test_owners_are_told():
    table = known(NUMBER, "123456", NUMBER)
    assert (table.owners(NUMBER), table.owners("123456"), table.lengths()) == ([0, 2], [1], [6, 10])


def test_nothing_known_reads_nothing():
    assert list(find_known_numbers(known(), [None])) == []
