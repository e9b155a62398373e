import re
import string
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.core.seeds import SeedTree
from synthgen.deidentify.gazetteer import FEMALE_FIRST, MALE_FIRST, PLAIN_LAST
from synthgen.deidentify.names import name_parts
from synthgen.deidentify.surrogates import MAX_SHIFT_DAYS, MIN_SHIFT_DAYS, Surrogates

SEEDS = SeedTree(4).child("deidentify")


@given(
    st.sampled_from(["phone", "record_number", "ssn", "card", "nhs_number", "postal_code", "iban"]),
    st.text("0123456789ABcd -", min_size=5, max_size=50).filter(lambda t: any(c.isalnum() for c in t)),
)
def test_numbers_keep_their_form_and_lose_their_value(kind, value):
    own = Surrogates(SEEDS, "p1", ())
    result = own.replace(kind, value)
    assert result != value
    assert re.sub(r"\d", "0", re.sub("[a-z]", "a", re.sub("[A-Z]", "A", result))) == re.sub(
        r"\d", "0", re.sub("[a-z]", "a", re.sub("[A-Z]", "A", value))
    )
    assert own.replace(kind, value) == result


def test_names_keep_case_initials_endings_and_gender():
    own = Surrogates(SEEDS, "p1", ["Marchetti, Elena"])
    first = own.replace("name", "Elena")
    assert own.replace("name", "ELENA MARCHETTI").startswith(first.upper() + " ")
    assert own.replace("name", "Elena's") == first + "'s"
    assert re.fullmatch(rf"{first} [A-Z]\. [\w']+", own.replace("name", "Elena Q. Marchetti"))
    assert own.replace("name", "Elena Marchetti") == own.replace("name", "Elena Marchetti")
    assert len({own.replace("name", f"Xav{c} Zub{c}") for c in "abcdefghij"}) == 10


@pytest.mark.parametrize(
    ("kind", "value", "form"),
    [
        ("email", "a@b.org", r"[a-z]+\.[a-zé-ü]+\d\d@example\.org"),
        ("url", "http://x.y/z", r"https://www\.example\.org/\d{8}"),
        ("ip", "8.8.8.8", r"10(\.\d{1,3}){3}"),
        ("street", "12 Canal Street, Apt 4", r"\d\d \w+ Street"),
        ("place", "Stonewick, PA 16801", r"\w+, PA \d{5}"),
        ("place", "Berlin", r"\w+"),
        ("date", "last Tuesday", r"\[date\]"),
        ("age", "97", r"90\+"),
    ],
)
def test_other_kinds_have_their_form(kind, value, form):
    assert re.fullmatch(form, Surrogates(SEEDS, "p1", ()).replace(kind, value))


def test_every_address_has_a_stand_in_of_its_own():
    own = Surrogates(SEEDS, "p1", ())
    assert len({own.replace("email", f"a{i}@b.org") for i in range(1000)}) > 990


def test_dates_of_a_person_move_together_and_persons_move_apart():
    shifts = {}
    for person in (f"p{i}" for i in range(40)):
        own = Surrogates(SEEDS, person, ())
        moved = [date.fromisoformat(own.replace("date", day)) for day in ("2020-02-28", "2020-03-01")]
        assert (moved[1] - moved[0]).days == 2
        shifts[person] = (moved[0] - date(2020, 2, 28)).days
        assert shifts[person] == own.shift_days
        assert MIN_SHIFT_DAYS <= abs(own.shift_days) <= MAX_SHIFT_DAYS
    assert len(set(shifts.values())) > 30
    assert min(shifts.values()) < 0 < max(shifts.values())


def test_a_declared_name_is_never_a_stand_in():
    declared = [f"{name} Zub" for name in FEMALE_FIRST[:-1]]  # one name is left to give out
    own = Surrogates(SEEDS, "p1", ())
    own._taken |= name_parts(declared)
    assert own.replace("name", FEMALE_FIRST[3]) == FEMALE_FIRST[-1]


def test_a_person_of_more_names_than_the_list_has_gets_made_up_ones():
    own = Surrogates(SEEDS, "p1", ())
    names = [f"Zub{a}{b}" for a in string.ascii_lowercase for b in string.ascii_lowercase]
    stand_ins = [own.replace("name", f"Xyz {name}").split()[1] for name in names]
    assert len(names) > len(PLAIN_LAST)
    assert len(set(stand_ins)) == len(names)
    assert all(re.fullmatch(r"[^\W\d_][\w']+", name) for name in stand_ins)


def test_two_names_of_a_person_never_become_one():
    own = Surrogates(SEEDS, "p1", ())
    assert len({own.replace("name", name) for name in MALE_FIRST[:90]}) == 90
