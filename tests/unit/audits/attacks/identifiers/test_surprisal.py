import math

import pytest

from audits.attacks.identifiers.patterns import Entity
from audits.attacks.identifiers.surprisal import Surprisal


def test_without_background_every_character_costs_the_alphabet():
    assert Surprisal([]).bits("abc") == pytest.approx(3 * math.log2(64))


def test_digits_cost_a_digit():
    assert Surprisal(["11111111 1111111"]).bits("1111") == pytest.approx(4 * math.log2(10))


def test_known_words_surprise_less():
    model = Surprisal(["the patient was seen in the clinic"] * 50)
    assert model.bits("patient") < model.bits("wojtyla") / 3


def test_by_hand():
    model = Surprisal(["a"])  # read as "  a ": order 0 counts a, space; order 1 " a", "a "; order 2 "  a", " a "
    p0 = (1 + 4 / 64) / (2 + 4)
    p1 = (1 + 4 * p0) / (1 + 4)
    p2 = (1 + 4 * p1) / (1 + 4)
    assert model.bits("a") == pytest.approx(-math.log2(p2))


def test_an_identifier_costs_what_its_kind_allows():
    model = Surprisal([])
    digit, character = math.log2(10), math.log2(64)
    assert model.entity_bits(Entity("mrn", "12345678")) == pytest.approx(8 * digit)
    assert model.entity_bits(Entity("number", "123456")) == pytest.approx(6 * digit)
    assert model.entity_bits(Entity("nhs", "9434765919")) == pytest.approx(9 * digit)
    assert model.entity_bits(Entity("mrn", "ab1234")) == pytest.approx(2 * character + 4 * digit)
    assert model.entity_bits(Entity("date", "61-03-12")) == 15
