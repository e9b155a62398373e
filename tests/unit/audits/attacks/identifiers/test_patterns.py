import time

import pytest

from audits.attacks.identifiers.patterns import Entity, entities, find_entities, find_numbers, number_key, numbers
from audits.text.normalise import normalise


@pytest.mark.parametrize("far", ["", "words " * 60, f"{'words ' * 50}7 {'words ' * 41}33 and {'x y ' * 70}"])
@pytest.mark.parametrize(
    ("text", "kind", "key", "written"),
    [
        ("to Jo.Bloggs+x@Mail.Example.org.", "email", "jo.bloggs@mail.example.org", "jo.bloggs+x@mail.example.org"),
        ("to +x@mail.example.org.", "email", "+x@mail.example.org", "+x@mail.example.org"),
        ("JO.BLOGGS&#64;MAIL.COM now", "email", "jo.bloggs@mail.com", "jo.bloggs&#64;mail.com"),
        ("jo+x&commat;mail&#x2E;com now", "email", "jo@mail.com", "jo+x&commat;mail&#x2e;com"),
        ("jo%40mail%2Ecom now", "email", "jo@mail.com", "jo%40mail%2ecom"),
        ("write to -jo@mail.example.org.", "email", "jo@mail.example.org", "jo@mail.example.org"),
        ("see https://www.example.org/a?b=1.", "url", "example.org/a?b=1", "example.org/a?b=1"),
        ("the MRN is: 004-512-77, he said", "mrn", "00451277", "004-512-77"),
        ("Patient ID is AB 123456", "mrn", "ab123456", "ab 123456"),
        ("hospital number 7712345", "mrn", "7712345", "7712345"),
        ("we_meet_again_-_Luis_Allen,_MD_MRN_34003985_was_seen", "mrn", "34003985", "34003985"),
        ("born_03/09/2024_in_town", "date", "24-03-09", "03/09/2024"),
        ("ssn 078-05-1120", "ssn", "078051120", "078-05-1120"),
        ("IBAN GB82 WEST 1234 5698 7654 32", "iban", "gb82west12345698765432", "gb82 west 1234 5698 7654 32"),
        ("IBAN BE68 5390 0754 7034 paid", "iban", "be68539007547034", "be68 5390 0754 7034"),
        ("card 4111-1111-1111-1111", "card", "4111111111111111", "4111-1111-1111-1111"),
        ("card 4111 1111 1111 1111 12/25", "card", "4111111111111111", "4111 1111 1111 1111"),
        ("card 378282246310005 123", "card", "378282246310005", "378282246310005"),
        ("NHS 943 476 5919", "nhs", "9434765919", "943 476 5919"),
        ("call (415) 555-0132 now", "phone", "155550132", "(415) 555-0132"),
        ("call +44 20 7946 0958", "phone", "079460958", "+44 20 7946 0958"),
        ("seen 2024-03-09 at", "date", "24-03-09", "2024-03-09"),
        ("seen 9/3/2024 at", "date", "24-03-09", "9/3/2024"),
        ("seen 03.09.24", "date", "24-03-09", "03.09.24"),
        ("seen 9th of March 2024 at", "date", "24-03-09", "9th of march 2024"),
        ("seen March 9, 2024 at", "date", "24-03-09", "march 9, 2024"),
        ("lives in SW1A 1AA", "postal", "sw1a1aa", "sw1a 1aa"),
        ("lives in Boston, MA 02115", "postal", "ma02115", "ma 02115"),
        ("lives in K2P 7X4", "postal", "k2p7x4", "k2p 7x4"),
        ("prescriber CPSO 88214 signed", "mrn", "88214", "88214"),
        ("her acct no. is 40-77-123 there", "mrn", "4077123", "40-77-123"),
        ("VIN 2T1BURHE5JC074418", "mrn", "2t1burhe5jc074418", "2t1burhe5jc074418"),
        ("mother died aged 94", "age", "94", "94"),
        ("he turned 101 in May", "age", "101", "101"),
        ("a 93-year-old man", "age", "93", "93"),
        ("a 104 yr old man", "age", "104", "104"),
    ],
)
def test_identifier_is_found_and_located(text, kind, key, written, far):
    normalised = normalise(f"{far}{text} {far}")
    found = {(m.entity, normalised[m.start : m.end]) for m in find_entities(normalised)}
    assert (Entity(kind, key), written) in found


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("card 4111-1111-1111-1112", "card"),  # wrong checksum
        ("card 0000 0000 0000 0000", "card"),
        ("IBAN GB82 WEST 1234 5698 7654 33", "iban"),
        ("IBAN XX82 WEST 1234 5698 7654 32", "iban"),
        ("NHS 943 476 5918", "nhs"),
        ("NHS 943 476 5910", "nhs"),
        ("NHS 000 000 0000", "nhs"),
        ("ssn 000-05-1120", "ssn"),
        ("a 34-year-old man", "age"),
        ("sats turned 94% later", "age"),
        ("a group of 10250 patients", "mrn"),
        ("plan 400 mg", "mrn"),
        ("referral 12/11/2023 and order 2023-11-05", "mrn"),
        ("seen at the hospital 1977-1987 and 1977/1987", "mrn"),
        ("ratio 13/13/2024", "date"),
        ("call 06.12.84.39.71", "date"),
        ("version 1.2.3", "phone"),
        ("the chart is good", "mrn"),
    ],
)
def test_text_without_identifier_of_the_kind(text, kind):
    assert kind not in {e.kind for e in entities(text)}


def test_numbers_in_any_grouping():
    assert numbers("id 12-34 56.78, and 12345") == {"12345678"}
    assert numbers("number ٣٣٣-٤٤٤") == {"333444"}
    assert numbers("+44 20 7946 0958") == {"442079460958", "079460958"}


def test_numbers_are_located():
    text = "id 12-34 56.78, and +44 20 7946 0958"
    assert [(m.entity.key, text[m.start : m.end]) for m in find_numbers(text)] == [
        ("12345678", "12-34 56.78"),
        ("442079460958", "44 20 7946 0958"),
        ("079460958", "44 20 7946 0958"),
    ]


@pytest.mark.parametrize(
    ("kind", "key", "found"),
    [("mrn", "123456", True), ("mrn", "12345", False), ("mrn", "ab123456", False), ("date", "240309", False)],
)
def test_number_key_requires_six_plain_digits(kind, key, found):
    assert number_key(Entity(kind, key)) == (key if found else None)


@pytest.mark.parametrize("unit", ["1-", "a.", "a@", "a dot ", "a at ", "www.", "12/12.", "mrn:1", "-"])
def test_search_takes_linear_time(unit):
    """With unbounded repetitions, 20,000 characters took 20 s and 200,000 would take half an hour."""
    start = time.process_time()
    list(find_entities(unit * (200_000 // len(unit))))
    assert time.process_time() - start < 60
