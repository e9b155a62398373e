import pytest

from audits.attacks.identifiers.patterns import Entity, entities, find_entities, find_numbers, number_key, numbers


@pytest.mark.parametrize(
    ("text", "kind", "key"),
    [
        ("write to Jo.Bloggs+x@Mail.Example.org.", "email", "jo.bloggs+x@mail.example.org"),
        ("see https://www.example.org/a?b=1.", "url", "www.example.org/a?b=1"),
        ("MRN: 004-512-77", "mrn", "00451277"),
        ("Patient ID is AB 123456", "mrn", "ab123456"),
        ("hospital number 7712345", "mrn", "7712345"),
        ("we_meet_again_-_Luis_Allen,_MD_MRN_34003985_was_seen", "mrn", "34003985"),
        ("born_03/09/2024_in_town", "date", "24-03-09"),
        ("ssn 078-05-1120", "ssn", "078051120"),
        ("IBAN GB82 WEST 1234 5698 7654 32", "iban", "gb82west12345698765432"),
        ("IBAN BE68 5390 0754 7034 paid", "iban", "be68539007547034"),
        ("card 4111-1111-1111-1111", "card", "4111111111111111"),
        ("card 4111 1111 1111 1111 12/25", "card", "4111111111111111"),
        ("card 378282246310005 123", "card", "378282246310005"),
        ("NHS 943 476 5919", "nhs", "9434765919"),
        ("call (415) 555-0132 now", "phone", "155550132"),
        ("call +44 20 7946 0958", "phone", "079460958"),
        ("seen 2024-03-09", "date", "24-03-09"),
        ("seen 9/3/2024", "date", "24-03-09"),
        ("seen 03.09.24", "date", "24-03-09"),
        ("seen 9th of March 2024", "date", "24-03-09"),
        ("seen March 9, 2024", "date", "24-03-09"),
        ("lives in SW1A 1AA", "postal", "sw1a1aa"),
        ("lives in Boston, MA 02115", "postal", "ma02115"),
        ("a 93-year-old man", "age", "93"),
        ("a 104 yr old man", "age", "104"),
    ],
)
def test_found_in_a_form_that_does_not_depend_on_how_it_is_written(text, kind, key):
    assert Entity(kind, key) in entities(text)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("card 4111-1111-1111-1112", "card"),
        ("IBAN GB82 WEST 1234 5698 7654 33", "iban"),
        ("NHS 943 476 5918", "nhs"),
        ("ssn 000-05-1120", "ssn"),
        ("a 34-year-old man", "age"),
        ("ratio 13/13/2024", "date"),
        ("version 1.2.3", "phone"),
        ("the chart is good", "mrn"),
    ],
)
def test_not_found(text, kind):
    assert kind not in {e.kind for e in entities(text)}


def test_far_from_its_start_a_number_keeps_its_label():
    assert Entity("mrn", "8812345") in entities("word " * 60 + "mrn 8812345 " + "word " * 60)


@pytest.mark.parametrize(
    "text",
    [
        "card 4111-1111-1111-1111",
        "card 0000 0000 0000 0000",
        "NHS 943 476 5919",
        "NHS 943 476 5910",
        "NHS 000 000 0000",
        "IBAN GB82 WEST 1234 5698 7654 32",
        "IBAN XX82 WEST 1234 5698 7654 32",
    ],
)
def test_only_a_right_checksum_of_more_than_one_digit_counts(text):
    right = {"card 4111-1111-1111-1111", "NHS 943 476 5919", "IBAN GB82 WEST 1234 5698 7654 32"}
    assert ({e.kind for e in entities(text)} & {"card", "nhs", "iban"} != set()) == (text in right)


def test_numbers_without_their_form():
    assert numbers("id 12-34 56.78, and 12345") == {"12345678"}
    assert numbers("number ٣٣٣-٤٤٤") == {"333444"}
    assert numbers("+44 20 7946 0958") == {"442079460958", "079460958"}


def test_only_long_plain_digits_are_searched_as_numbers():
    assert number_key(Entity("mrn", "123456")) == "123456"
    assert number_key(Entity("mrn", "12345")) is None
    assert number_key(Entity("mrn", "ab123456")) is None
    assert number_key(Entity("date", "240309")) is None


@pytest.mark.parametrize(
    ("text", "kind", "written"),
    [
        ("write to -jo.bloggs@mail.example.org.", "email", "jo.bloggs@mail.example.org"),
        ("see https://www.example.org/a?b=1.", "url", "www.example.org/a?b=1"),
        ("the mrn is: 004-512-77, he said", "mrn", "004-512-77"),
        ("ssn 078-05-1120", "ssn", "078-05-1120"),
        ("iban be68 5390 0754 7034 paid", "iban", "be68 5390 0754 7034"),
        ("card 4111 1111 1111 1111 12/25", "card", "4111 1111 1111 1111"),
        ("nhs 943 476 5919", "nhs", "943 476 5919"),
        ("call (415) 555-0132 now", "phone", "(415) 555-0132"),
        ("seen 9th of march 2024 at", "date", "9th of march 2024"),
        ("seen march 9, 2024 at", "date", "march 9, 2024"),
        ("seen 2024-03-09 at", "date", "2024-03-09"),
        ("seen 9/3/2024 at", "date", "9/3/2024"),
        ("lives in sw1a 1aa", "postal", "sw1a 1aa"),
        ("a 93-year-old man", "age", "93"),
    ],
)
@pytest.mark.parametrize("far", ["", "words " * 60, f"{'words ' * 50}7 {'words ' * 41}33 and {'x y ' * 70}"])
def test_where_it_stands(text, kind, written, far):
    text = f"{far}{text} {far}"
    assert written in {text[m.start : m.end] for m in find_entities(text) if m.entity.kind == kind}


def test_where_numbers_stand():
    text = "id 12-34 56.78, and +44 20 7946 0958"
    assert [(m.entity.key, text[m.start : m.end]) for m in find_numbers(text)] == [
        ("12345678", "12-34 56.78"),
        ("442079460958", "44 20 7946 0958"),
        ("079460958", "44 20 7946 0958"),
    ]
