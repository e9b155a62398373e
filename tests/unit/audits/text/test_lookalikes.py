import pytest

from audits.text.lookalikes import lookalikes

FOUND = lookalikes()


@pytest.mark.parametrize(
    ("drawn", "plain"), [("а", "a"), ("Η", "H"), ("в", "b"), ("ѕ", "s"), ("ø", "o"), ("æ", "ae")]
)
def test_letters_become_what_they_are_drawn_like(drawn, plain):
    assert FOUND[drawn] == plain


def test_a_class_of_one_stroke_keeps_its_case():
    assert (FOUND["Ι"], FOUND["ǀ"]) == ("I", "l")


def test_letters_that_no_table_lists_are_known_by_name():
    assert (FOUND["ɴ"], FOUND["\U0001f150"], FOUND["\U0001f1e6"]) == ("n", "a", "a")


def test_what_letters_become_is_plain_and_a_letter_stays_one():
    assert all(plain.isascii() and plain for plain in FOUND.values())
    assert all(plain.isalnum() for drawn, plain in FOUND.items() if drawn.isalnum())
    assert not any(drawn.isascii() for drawn in FOUND)
