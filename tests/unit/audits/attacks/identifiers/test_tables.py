import numpy as np
import pytest

from audits.attacks.identifiers.patterns import Entity
from audits.attacks.identifiers.recorded import Occurrences, index_identifiers
from audits.attacks.identifiers.surprisal import Surprisal
from audits.attacks.identifiers.tables import judge_patterned, long_words, read_people, read_pool, read_synthetic
from audits.core.types import AuditInputs, Table


def table(*texts, groups=None):
    return Table(texts=texts, labels=None, groups=groups or tuple(texts), has_groups=True)


def read(made, train, control, reference=None, set_aside=None):
    inputs = AuditInputs(synthetic=made, train=train, control=control, reference=reference, set_aside=set_aside)
    people, occurrences = read_people(inputs), Occurrences(index_identifiers([], []))
    synthetic = read_synthetic(made.texts, [occurrences])
    return people, synthetic, read_pool(people, synthetic, [occurrences])


def test_owners_are_numbered_train_control_public_and_set_aside():
    number = "MRN 48213377"
    made, train, control = table(number), table("a", number, groups=("t", "u")), table(number, "b", "c")
    people, synthetic, pool = read(made, train, control, table(number), table("x " + number))
    assert (people.n_train, people.n_control, people.n_persons) == (2, 3, 5)
    assert list(pool.entities[Entity("mrn", "48213377")]) == [1, 2, 5, 6]
    assert [owner for _, owner in people.rows()] == [0, 1, 2, 3, 4, 5, 6]
    assert "48213377" in synthetic.numbers


def test_contacts_of_exactly_two_persons_are_counted():
    mails = [f"ask a{i}@b.org" for i in range(4)]
    _, _, pool = read(table("x"), table(mails[0], mails[1]), table(mails[1], mails[2] + mails[3]), table(mails[2]))
    assert pool.shared_contacts == {"email": 1, "phone": 0, "url": 0}
    assert pool.n_of_kind["email", True] == 2


def test_short_words_are_not_rare():
    assert long_words(["the", "patient"]) == {"patient"}


def judged(made, train, control=("a", "b", "c"), *public):
    """Judge patterned identifiers in texts of two train persons, three of control and the public."""
    rows = [table(*texts) for texts in (made, train, control, *([public] if public else []))]
    return judge_patterned(*read(*rows), Surprisal(["the patient was seen"]))


@pytest.mark.parametrize("written", ["record no 48213377", "the number 48213377"])
def test_number_of_up_to_ten_persons_is_a_leak_of_each(written):
    found = judged(["see 48213377"], ["MRN 48213377", written])
    assert found.n_leaks == 1
    assert {tuple(whose) for _, whose in found.terms.entities.values()} == {(0, 1)}
    assert judged(["see 48213377"], [f"MRN 48213377 {i}" for i in "abcdefghijk"]).n_leaks == 0


@pytest.mark.parametrize("written", ["chart no 48213377", "the number 48213377"])
def test_number_of_train_and_control_is_a_leak_and_no_excess(written):
    found = judged(["see 48213377"], ["MRN 48213377", "x"], [written, "b", "c"])
    assert (found.n_leaks, found.hit.any()) == (1, False)


def test_number_in_public_text_is_no_leak():
    assert judged(["see 48213377"], ["MRN 48213377", "x"], ["a", "b", "c"], "MRN 48213377").n_leaks == 0


@pytest.mark.parametrize("contact", ["a.b@clinic.org", "020 7946 0958", "www.clinic.org/desk"])
def test_contact_of_train_and_control_is_exempt_if_three_persons_have_it(contact):
    train = [f"ask {contact}", "or my.own@home.example"]
    assert judged([contact], train, [f"at {contact}", "b", "c"]).n_leaks == 1
    control = [f"at {contact}", f"by {contact}", "c"]
    assert judged([contact], train, control).n_leaks == 0
    assert judged([f"{contact}, my.own@home.example"], train, control).n_leaks == 1


def test_shared_contacts_of_one_kind_exempt_no_other_kind():
    phones = [f"020 7946 09{i}" for i in range(10, 14)]
    train, control = [f"call {' or '.join(phones)}", "my.own@home.example"], [*(f"call {p}" for p in phones), "b"]
    found = judged(["write to my.own@home.example"], train, control)
    assert (found.n_leaks, found.shared_contacts) == (1, {"email": 0, "phone": 4, "url": 0})
    mails = [f"desk{i}@b.example" for i in range(4)]
    train, control = [f"ask {' or '.join(mails)}", "my.own@home.example"], [*(f"ask {m}" for m in mails), "b"]
    assert judged(["write to my.own@home.example"], train, control).n_leaks == 0


def test_counts_by_kind_include_identifiers_of_one_side_only():
    found = judged(["48213377, 48213378"], ["MRN 48213377", "x"], ["MRN 48213378", "b", "c"])
    assert found.by_kind["mrn"] == [1, 1]


def numbered(numbers):
    return [f"note {i} MRN {number}" for i, number in enumerate(numbers)]


def test_short_record_numbers_are_leaks_if_more_match_than_chance_explains():
    rng = np.random.default_rng(3)
    train, control, invented = ([str(n) for n in rng.integers(10**5, 10**6, 300)] for _ in range(3))
    for n_copied, n_leaks in ((0, 0), (1, 0), (8, 8)):
        made = [*train[:n_copied], *invented[n_copied:]]
        assert judged(numbered(made), numbered(train), numbered(control)).n_leaks == n_leaks


@pytest.mark.parametrize("label", ["MRN", "the number"])
def test_record_numbers_of_train_are_no_leaks_if_as_many_of_control_match(label):
    """All numbers begin with 2024, so that invented ones often equal numbers of train and of control."""
    rng = np.random.default_rng(4)
    numbers = [f"2024{x:04d}" for x in rng.permutation(10**4)[:600]]
    train, control, invented = numbers[:300], numbers[300:], [f"2024{x:04d}" for x in rng.permutation(10**4)[:300]]
    found = [
        judged([f"{label} {x}" for x in (*train[:n], *invented[n:])], numbered(train), numbered(control))
        for n in (0, 60)
    ]
    assert min(found[0].by_kind["mrn"]) > 3
    assert (found[0].n_leaks, found[0].hit.any()) == (0, False)
    assert found[1].n_leaks >= 60
