import pytest

from audits.attacks.identifiers.codes import find_codes
from audits.text.normalise import normalise


def keys(text, dates=()):
    return {code.key for code in find_codes(normalise(text), dates)}


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("the file says 93.05.18-223.61", "93051822361"),
        ("AB 12 34 56 C", "ab123456c"),
        ("ab123 456c", "ab123456c"),
        ("7ABC123", "7abc123"),
        ("AB12 CDE was seen", "ab12cde"),
        ("call 555-0142", "5550142"),
        ("A-1234/56-789", "a123456789"),
        ("12 34 56 78", "12345678"),
        ("1234\n5678", "12345678"),
        ("and 48213377, 12", "48213377"),
        ("2T1BURHE5JC074418", "2t1burhe5jc074418"),
        ("PAN ABRPE7163F", "abrpe7163f"),
        ("wallet 1BoatSLRHtKNng76XEe5bR", "1boatslrhtknng76xee5br"),
        ("call 0033 6 47 13 92 58", "647139258"),
        ("it is seven one eight two, eight four five nine", "71828459"),
        ("thirty-one forty-eight sixty-two seventeen", "31486217"),
    ],
)
def test_code_is_found_in_any_grouping(text, key):
    assert key in keys(text)


@pytest.mark.parametrize(
    "text",
    [
        "one or two of three",
        "windows2000 pro",
        "in 2015",
        "at 10 am",
        "covid19 and 500 mg",
        "no digits",
        "the 12th of 3",
        "interleukin12",
    ],
)
def test_other_text_has_no_code(text):
    assert keys(text) == set()


def test_dates_are_left_out_and_length_and_separators_are_reported():
    assert keys("12/03/1961 48213377", [(0, 10)]) == {"48213377"}
    by_key = {code.key: code for code in find_codes("99mtc-mdp 12 34 56 78 and (1000); 20(4):420")}
    assert by_key["12345678"].is_long
    assert not by_key["204420" if "204420" in by_key else "1000204"].is_long
    assert by_key["12345678"].form == "d "
    usual = {c.key: c for c in find_codes("7f:3a:9c:1b k_48_21_33_97 kx4821|9937")}
    assert usual["7f3a9c1b"].is_mixed
    assert usual["k48213397"].is_long
    assert usual["kx48219937"].is_long
    assert not {c.key: c for c in find_codes("10:30-11:45")}["10301145"].is_long
