import pytest

from audits.text.lookalikes import lookalikes

FOUND = lookalikes()


@pytest.mark.parametrize(
    ("drawn", "plain"), [("а", "a"), ("Η", "H"), ("в", "b"), ("ѕ", "s"), ("ø", "o"), ("æ", "ae")]
)
def test_letters_are_replaced_by_what_they_look_like(drawn, plain):
    assert FOUND[drawn] == plain


def test_single_strokes_keep_their_case():
    assert (FOUND["Ι"], FOUND["ǀ"]) == ("I", "l")


def test_unlisted_letters_are_found_by_name():
    assert (FOUND["ɴ"], FOUND["\U0001f150"], FOUND["\U0001f1e6"]) == ("n", "a", "a")


def test_replacements_are_ascii_and_letters_stay_letters():
    assert all(plain.isascii() and plain for plain in FOUND.values())
    assert all(plain.isalnum() for drawn, plain in FOUND.items() if drawn.isalnum())
    assert not any(drawn.isascii() for drawn in FOUND)
