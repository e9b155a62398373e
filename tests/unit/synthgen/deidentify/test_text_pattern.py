import re

from synthgen.deidentify.text_pattern import before, digits_of, has_unit


def test_digits_of_any_script_are_read():
    assert digits_of("٥-4a") == "54"


def test_the_text_before_a_match_is_cut():
    (match,) = re.finditer("c", "abc 5 mg")
    assert (before(match), before(match, 1)) == ("ab", "b")


def test_a_unit_after_a_number_is_seen():
    one, two = re.finditer(r"\d", "5 mg, 7 mgs")
    assert (has_unit(one), has_unit(two)) == (True, False)
