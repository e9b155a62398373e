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
    hits = find_known_numbers(known(*numbers), [text], [], len(numbers), len(numbers))
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
def test_known_number_is_found(written, form):
    assert (NUMBER, form, written) in found(f"see {written}.", NUMBER, "9812263514")


def test_known_number_is_found_inside_a_longer_run():
    assert (NUMBER, "digits", NUMBER) in found(f"values 12, {NUMBER}, 77", NUMBER)


def test_leading_zeros_count():
    assert found("see 0012345678", "0012345678")[0][:2] == ("0012345678", "digits")
    assert found("see 12345678", "0012345678") == []


def test_number_with_two_digits_altered_is_not_found():
    assert found("see 4450012 and 9950012739", NUMBER) == []


def test_short_numbers_are_found_if_more_match_than_chance_explains():
    rng = np.random.default_rng(3)
    numbers, invented = ([str(n) for n in rng.integers(10**5, 10**6, 300)] for _ in range(2))
    table, n = known(*numbers), len(numbers)
    for n_copied, n_found in ((0, 0), (1, 0), (8, 8), (300, 300)):
        made = [f"no {x}" for x in (*numbers[:n_copied], *invented[n_copied:])]
        hits = find_known_numbers(table, made, [], n, n)
        assert len({h.digits for h in hits if h.form == "digits"}) == n_found, n_copied
    assert len(list(find_known_numbers(known(numbers[0]), [f"no {numbers[0]}"], [], 300, 300))) >= 1


def test_numbers_of_train_are_no_leaks_if_as_many_of_control_are_found():
    """All numbers begin with 2024, so that invented ones often equal numbers of train and of control."""
    rng = np.random.default_rng(4)
    numbers = [f"2024{x:04d}" for x in rng.permutation(10**4)[:600]]
    invented = [f"2024{x:04d}" for x in rng.permutation(10**4)[:300]]
    table = known(*numbers)
    assert len({*numbers[:300]} & {*invented}) > 3
    assert list(find_known_numbers(table, [f"no {x}" for x in invented], [], 300, 600)) == []
    copied = [f"no {x}" for x in (*numbers[:60], *invented[60:])]
    assert {h.digits for h in find_known_numbers(table, copied, [], 300, 600)} >= {*numbers[:60]}


def test_altered_numbers_that_control_texts_also_contain_are_not_found():
    # telephone numbers of one town: only the last three of ten digits differ, so each number is like another one
    train, control, fresh = ([f"9335550{n:03d}" for n in range(start, start + 300, 7)] for start in (0, 1, 2))
    table, n = known(*train), len(train)
    made = [f"tel {number}" for number in fresh]
    alike = [h.form for h in find_known_numbers(table, made, [], n, 2 * n)]
    assert alike.count("a digit wrong") > n  # without texts of control these look like leaks
    assert list(find_known_numbers(table, made, [f"tel {number}" for number in control], n, 2 * n)) == []
    one = [f"tel {control[0]}"]  # a single text of control explains nothing
    assert [h.form for h in find_known_numbers(table, made, one, n, 2 * n)] == alike
    # numbers of control persons in the table explain as much as control texts
    assert list(find_known_numbers(known(*train, *control), made, [], n, 2 * n)) == []


def test_unaltered_number_is_found_whatever_control_texts_contain():
    train, control = ([f"9335550{n:03d}" for n in range(start, start + 300, 7)] for start in (0, 1))
    for control_texts in (control, train):
        hits = find_known_numbers(
            known(*train, *control), ["no 9 3 3 5 5 5 0 0 0 7"], control_texts, len(train), 2 * len(train)
        )
        assert (train[1], "digits") in {(h.digits, h.form) for h in hits}


def test_owners_and_lengths_of_known_numbers():
    table = known(NUMBER, "123456", NUMBER)
    assert (table.owners(NUMBER), table.owners("123456"), table.lengths()) == ([0, 2], [1], [6, 10])


def test_without_known_numbers_no_text_is_read():
    assert list(find_known_numbers(known(), [None], [None], 0, 0)) == []


@pytest.mark.parametrize(("known_number", "n_found"), [("0000000004", 0), ("4831927706", 1)])
def test_other_forms_of_a_number_of_repeated_digits_are_not_found(known_number, n_found):
    altered = known_number[1:] + known_number[:1]
    assert len({digits for digits, _, _ in found(f"of 1x{altered}", known_number)}) == n_found
    assert found(f"no {known_number}", known_number)
