import numpy as np
import pytest

from audits.attacks.identifiers.codes import find_codes
from audits.attacks.identifiers.judged_codes import CodeOccurrences, code_bits, judge_codes
from audits.attacks.identifiers.surprisal import DIGIT_BITS, Surprisal
from audits.attacks.identifiers.tables import read_people, read_pool, read_synthetic
from audits.core.types import AuditInputs, Table

SURPRISAL = Surprisal(["the patient was seen in the clinic and sent home with advice"] * 40)


def table(texts):
    return Table(texts=tuple(texts), labels=None, groups=tuple(map(str, range(len(texts)))), has_groups=True)


def judged(made, train, control, reference=None):
    public = None if reference is None else table(reference)
    inputs = AuditInputs(synthetic=table(made), train=table(train), control=table(control), reference=public)
    people = read_people(inputs)
    occurrences = CodeOccurrences(people)
    read_pool(people, read_synthetic(made, [occurrences]), [occurrences])
    return judge_codes(occurrences, people, SURPRISAL), occurrences


@pytest.mark.parametrize("written", ["48213397", "4821-3397", "48 21 33 97", "482 133 97", "ref 48213397 12"])
def test_code_of_one_train_person_is_a_leak(written):
    assert judged([written], ["no 4821 3397", "x"], ["y", "z"])[0].owners["48213397"] == [0]


def test_code_of_others_is_none():
    for control, reference in ((["48213397"], None), (["y"], ["48213397"])):
        assert judged(["48213397"], ["no 4821 3397", "x"], control, reference)[0].owners == {}
    assert judged(["48213397"], ["48213397", "48213397"], ["y"])[0].owners == {}
    assert judged(["10000000"], ["10000000"], ["y"] * 3)[0].owners == {}  # 13 bits, below MIN_BITS


def test_codes_of_a_form_that_persons_share_prove_nothing():
    shared = [f"at {a} 27 35 {b}" for a in (41, 42, 43) for b in (58, 69)]
    train, control = ["at 84 27 35 91", *shared], ["z", *shared]
    found, occurrences = judged(["at 84 27 35 91"], train, control)
    assert occurrences.shared_forms() == {"d "}
    assert (found.owners, found.n_train, found.n_control) == ({}, 1, 0)


def test_parts_of_other_leaks_are_no_leaks_of_their_own():
    found, _ = judged(["no ab48-2133-9755"], ["no ab48-2133-9755", "x"], ["y", "z"])
    assert set(found.without([]).owners) == {"ab4821339755"}
    assert found.without(["ab4821339755"]).owners == {}


def test_bits_of_a_code():
    _, occurrences = judged(["x"], ["12 iu", "8 iu 1234567", "9 iu 1234567"], ["y"])
    (code,) = (c for c in find_codes("2015 8213 iu") if c.groups == ("2015", "8213", "iu"))
    expected = 6 + 4 * DIGIT_BITS
    assert expected < code_bits(code, SURPRISAL, occurrences) < expected + SURPRISAL.bits("iu")


def test_list_of_years_is_no_leak():
    assert judged(["in 1989, 1990, 1991, 1992"], ["in 1989/1990/1991/1992", "x"], ["y", "z"])[0].owners == {}


@pytest.mark.parametrize("written", ["ab12cde34", "sw-7f3a9c1b"])
def test_codes_with_few_digits_are_leaks_if_they_have_letters_and_no_spaces(written):
    plain, key = ["a quiet day"] * 20, written.replace("-", "")
    assert key in judged([f"of {written}"], [f"no {written}", *plain], plain)[0].owners
    spaced = written.replace("-", " ")
    assert key in judged([f"of {spaced}"], [f"no {written}", *plain], plain)[0].owners
    assert (key in judged([f"of {written}"], [f"no {spaced}", *plain], plain)[0].owners) is (" " not in spaced)


def test_two_quantities_with_words_are_no_code():
    written = "2watt/2chan"
    assert judged([f"a {written}"], [f"the {written}", *["a quiet day"] * 20], ["a quiet day"] * 20)[0].owners == {}


def test_codes_with_few_digits_are_counted_apart_from_long_numbers():
    """Two control persons have product numbers in the table, which must not excuse the number of a train person."""
    products = ["mc6x8f4-25q", "rs6w3y-32h0"]
    found, _ = judged(["no 48213397", *products], ["no 48213397"], [*products, "z"])
    assert (found.owners, found.n_train, found.n_control) == ({"48213397": [0]}, 1, 2)


def test_long_numbers_joined_by_x_are_no_size():
    plain = ["a quiet day"] * 20
    assert judged(["see 482133x975318"], ["no 482133x975318", *plain], plain)[0].owners == {"482133x975318": [0]}


@pytest.mark.parametrize("written", ["800x600 16", "HP9000/700", "1920x1080 32", "model AB 90000000"])
def test_sizes_and_round_product_numbers_prove_no_leak(written):
    plain = ["a quiet day"] * 20
    assert judged([f"with {written} bits"], [f"a {written} screen", *plain], plain)[0].owners == {}


def test_long_codes_are_leaks_if_more_match_than_chance_explains():
    """With 1,000 codes of 8 digits in each table, .05 to .5 matches (lambda) are expected by chance."""
    rng = np.random.default_rng(3)
    train, control, invented = ([f"no {n}" for n in rng.integers(10**7, 10**8, 1000)] for _ in range(3))
    for n_copied, at_least in ((0, 0), (5, 5)):
        leaks = judged([*train[:n_copied], *invented[n_copied:]], train, control)[0].owners
        assert len(leaks) == at_least
