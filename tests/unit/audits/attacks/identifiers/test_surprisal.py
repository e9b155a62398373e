import math

import pytest

from audits.attacks.identifiers.patterns import Entity
from audits.attacks.identifiers.surprisal import Surprisal, date_bits

DIGIT, CHARACTER = math.log2(10), math.log2(64)


def test_bits_of_strings():
    assert Surprisal([]).bits("abc") == pytest.approx(3 * CHARACTER)  # no background text
    assert Surprisal(["11111111 1111111"]).bits("1111") == pytest.approx(4 * DIGIT)  # no background for digits
    model = Surprisal(["the patient was seen in the clinic"] * 50)
    assert model.bits("patient") < model.bits("wojtyla") / 3


def test_bits_computed_by_hand():
    model = Surprisal(["a"])  # read as "  a ": order 0 counts a, space; order 1 " a", "a "; order 2 "  a", " a "
    p0 = (1 + 4 / 64) / (2 + 4)
    p1 = (1 + 4 * p0) / (1 + 4)
    p2 = (1 + 4 * p1) / (1 + 4)
    assert model.bits("a") == pytest.approx(-math.log2(p2))


@pytest.mark.parametrize(
    ("kind", "key", "bits"),
    [
        ("mrn", "12345678", 8 * DIGIT),
        ("number", "123456", 6 * DIGIT),
        ("nhs", "9434765919", 9 * DIGIT),
        ("mrn", "ab1234", 2 * CHARACTER + 4 * DIGIT),
        ("date", "61-03-12", 15),
    ],
)
def test_bits_of_identifiers_depend_on_their_kind(kind, key, bits):
    assert Surprisal([]).entity_bits(Entity(kind, key)) == pytest.approx(bits)


@pytest.mark.parametrize(
    ("phrase", "bits"),
    [
        ("november 22", math.log2(12 * 31)),
        ("22nd of nov", math.log2(12 * 31)),
        ("saturday", math.log2(7)),
        ("march 2024", math.log2(12) + 6),
        ("may smith", math.inf),
        ("november 42", math.inf),
    ],
)
def test_parts_of_a_date_have_few_bits(phrase, bits):
    assert date_bits(phrase.split()) == pytest.approx(bits)
