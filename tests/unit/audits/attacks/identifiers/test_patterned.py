import pytest

from audits.attacks.identifiers.patterned import judge_patterned
from audits.attacks.identifiers.surprisal import Surprisal


@pytest.fixture
def judged(module_at):
    """Return a function that judges texts of two train persons, three of control and the public."""
    tables = module_at("tests/unit/audits/attacks/identifiers/test_tables.py")

    def judge(made, train, control=("a", "b", "c"), *public):
        rows = [tables.table(*texts) for texts in (made, train, control, *([public] if public else []))]
        return judge_patterned(*tables.read(*rows), Surprisal(["the patient was seen"]))

    return judge


def test_number_of_up_to_ten_persons_is_a_leak_of_each(judged):
    found = judged(["see 48213377"], ["MRN 48213377", "record no 48213377"])
    assert found.hard == 1
    assert {tuple(whose) for _, whose in found.terms.entities.values()} == {(0, 1)}
    assert judged(["see 48213377"], [f"MRN 48213377 {i}" for i in "abcdefghijk"]).hard == 0


def test_number_of_train_and_control_is_a_leak_and_no_excess(judged):
    found = judged(["see 48213377"], ["MRN 48213377", "x"], ["chart no 48213377", "b", "c"])
    assert (found.hard, found.hit.any()) == (1, False)


def test_number_in_public_text_is_no_leak(judged):
    assert judged(["see 48213377"], ["MRN 48213377", "x"], ["a", "b", "c"], "MRN 48213377").hard == 0


@pytest.mark.parametrize("contact", ["a.b@clinic.org", "020 7946 0958", "www.clinic.org/desk"])
def test_contact_of_control_is_exempt_and_no_other_contact(judged, contact):
    train, control = [f"ask {contact}", "or my.own@home.example"], [f"at {contact}", "b", "c"]
    assert judged([contact], train, control).hard == 0
    assert judged([f"{contact}, my.own@home.example"], train, control).hard == 1


def test_shared_contacts_of_one_kind_exempt_no_other_kind(judged):
    phones = [f"020 7946 09{i}" for i in range(10, 14)]
    train, control = [f"call {' or '.join(phones)}", "my.own@home.example"], [*(f"call {p}" for p in phones), "b"]
    found = judged(["write to my.own@home.example"], train, control)
    assert (found.hard, found.passed_on) == (1, {"email": 0, "phone": 4, "url": 0})
    mails = [f"desk{i}@b.example" for i in range(4)]
    train, control = [f"ask {' or '.join(mails)}", "my.own@home.example"], [*(f"ask {m}" for m in mails), "b"]
    assert judged(["write to my.own@home.example"], train, control).hard == 0


def test_counts_by_kind_include_identifiers_of_one_side_only(judged):
    found = judged(["48213377, 48213378"], ["MRN 48213377", "x"], ["MRN 48213378", "b", "c"])
    assert found.by_kind["mrn"] == [1, 1]
