import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.attributes import person
from synthgen.attributes.person import MAX_AGE_YEARS, find_ages, find_sex, find_work, years_of


def ages(text, attribute="age"):
    return [f.value for f in find_ages(text) if f.attribute == attribute]


def test_age_bands_worked_examples():
    assert ages("A 54-year-old, a 17-year-old.", "age_band") == ["middle-aged", "adolescent"]
    assert ages("In her 60s. In her 70s.", "age_band") == ["older adult"]
    assert ages("An elderly man, a newborn, two teenagers.", "age_band") == ["infant", "adolescent", "older adult"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a 54-year-old woman", ["54"]),
        ("54 years old", ["54"]),
        ("54 yr old", ["54"]),
        ("54yo", ["54"]),
        ("Pt (35 y/o F)", ["35"]),
        ("aged 54", ["54"]),
        ("Age: 54", ["54"]),
        ("Age 36.", ["36"]),
        ("54F w/ cough", ["54"]),
        ("| 50 M | cough", ["50"]),
        ("fifty-four-year-old man", ["54"]),
        ("a ninety year old", ["90"]),
        ("an 18-month-old boy", ["1"]),
        ("a 3-week-old", ["0"]),
        ("John Smith, 61, said", ["61"]),
        ("Patient: Naomi Standish, 36 years.", ["36"]),
        ("Ms. Fairweather is 65 and well", ["65"]),
        ("in her early 60s", ["60-69"]),
        ("in his seventies", ["70-79"]),
        ("since she was 13 years old", []),
        ("diagnosed at age 50", []),
        ("at the age of 50", []),
        ("$50 M was spent", []),
        ("10 M NaOH", []),
        ("100M", ["100"]),
        ("1990s", []),
        ("the answer is 42.", []),
        ("a 200-year-old house", []),
        ("5 years of pain", []),
        ("version 3.54F", []),
        ("age 18 months", []),
    ],
)
def test_ages_worked_examples(text, expected):
    assert ages(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a 54-year-old woman and her husband, a man he knew", "female"),
        ("54F", "female"),
        ("92 y/o M", "male"),
        ("a 62-year-old African-American male", "male"),
        ("Sex: M", "male"),
        ("gender: female", "female"),
        ("Mrs. Doe and her sons. He. He.", "female"),
        ("This gentleman", "male"),
        ("She came. He left.", None),
        ("He came with his bag; she left", "male"),
        ("male pattern baldness", None),
        ("a non-binary man", "nonbinary"),
        ("nothing told", None),
        ("the other mother", None),
    ],
)
def test_sex_worked_examples(text, expected):
    found = find_sex(text, lambda _start, _end: True)
    assert (found and found.value) == expected


def test_sex_of_other_persons_is_ignored():
    assert find_sex("He is fine", lambda start, _end: start > 3) is None


@given(st.integers(0, MAX_AGE_YEARS))
def test_ages_are_found_in_every_form(years):
    for form in ("{}-year-old", "aged {}", "{} y/o", "{}F"):
        assert ages(form.format(years)) == [str(years)]
    least = person.AGE_BANDS[person.band_of(years)]
    later = [n for n in person.AGE_BANDS.values() if n > least]
    assert least <= years < min(later, default=MAX_AGE_YEARS + 1)
    assert years_of(str(years)) == (years, years)
    assert years_of("60-69") == (60, 69)


def test_occupations_are_unique_and_longest_first():
    names = person.occupations()
    assert len(set(names)) == len(names) > 100
    assert [len(n) for n in names] == sorted((len(n) for n in names), reverse=True)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("She works as a wedding photographer and repairs accordions.", ["photographer"]),
        ("He works part-time as a payroll representative, in town", ["payroll representative"]),
        ("Occupation: truck driver", ["truck driver"]),
        ("a retired school teacher", ["teacher", "retired"]),
        ("He is an engineer.", ["engineer"]),
        ("a 77-year-old oyster farmer", ["farmer"]),
        ("Soc: pest controller; had polio", ["pest controller"]),
        ("She is retired.", ["retired"]),
        ("unemployed", ["unemployed"]),
        ("The nurse saw him; the doctor too.", []),  # staff, not the patient
        ("He is a patient man.", []),
    ],
)
def test_work_worked_examples(text, expected):
    assert [f.value for f in find_work(text)] == expected
