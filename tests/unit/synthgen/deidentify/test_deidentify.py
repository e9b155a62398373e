import re
import string
from datetime import date, datetime
from itertools import pairwise

import pytest
from fictional_clinic import generate
from hypothesis import given
from hypothesis import strategies as st

from audits.text.name_lists import FEMALE_FIRST, MALE_FIRST, PLAIN_LAST
from synthgen.core.seeds import SeedTree
from synthgen.core.types import Corpus, Record
from synthgen.deidentify import deidentify
from synthgen.deidentify.config import DeidentifyConfig
from synthgen.deidentify.deidentify import MAX_SHIFT_DAYS, MIN_SHIFT_DAYS, Surrogates
from synthgen.deidentify.known_names import KnownNames
from synthgen.deidentify.names import name_parts

SEEDS = SeedTree(4).child("deidentify")


@given(
    st.sampled_from(["phone", "record_number", "ssn", "card", "nhs_number", "postal_code", "iban"]),
    st.text("0123456789ABcd -", min_size=5, max_size=50).filter(lambda t: any(c.isalnum() for c in t)),
)
def test_surrogate_numbers_keep_their_format(kind, value):
    own = Surrogates(SEEDS, "p1", ())
    result = own.replace(kind, value)
    assert result != value
    shapes = [re.sub(r"\d", "0", re.sub("[a-z]", "a", re.sub("[A-Z]", "A", text))) for text in (result, value)]
    assert shapes[0] == shapes[1]
    assert own.replace(kind, value) == result


def test_surrogate_names_keep_case_initials_and_gender():
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
def test_surrogates_of_other_kinds_have_their_format(kind, value, form):
    assert re.fullmatch(form, Surrogates(SEEDS, "p1", ()).replace(kind, value))


def test_surrogate_dates_shift_per_person():
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


def test_declared_name_is_never_a_surrogate():
    declared = [f"{name} Zub" for name in FEMALE_FIRST[:-1]]  # one name is left
    own = Surrogates(SEEDS, "p1", ())
    own._taken |= name_parts(declared)
    assert own.replace("name", FEMALE_FIRST[3]) == FEMALE_FIRST[-1]


def test_surrogate_names_are_invented_when_the_list_is_exhausted():
    own = Surrogates(SEEDS, "p1", ())
    names = [f"Zub{a}{b}" for a in string.ascii_lowercase for b in string.ascii_lowercase]
    surrogates = [own.replace("name", f"Xyz {name}").split()[1] for name in names]
    assert len(names) > len(PLAIN_LAST)
    assert len(set(surrogates)) == len(names)
    assert all(re.fullmatch(r"[^\W\d_][\w']+", name) for name in surrogates)


def test_surrogates_of_a_person_are_distinct():
    own = Surrogates(SEEDS, "p1", ())
    assert len({own.replace("name", name) for name in MALE_FIRST[:90]}) == 90
    assert len({own.replace("email", f"a{i}@b.org") for i in range(1000)}) > 990


RULES = DeidentifyConfig(engine="rules")
TEXTS = [
    ("p1", "Omar Marchetti (MRN 52345678, tel 212-555-0142) seen 2021-03-01 by Dr. Farrow."),
    ("p1", "Mr. Marchetti, aged 93, back on 2021-03-31. Omar is well. MRN 52345678. omar.m@example.org"),
    ("p2", "Omar Lungu seen 2021-03-01 by Dr. Farrow at 12 Canal Street, Stonewick, PA 16801."),
    ("p2", "Nothing to hide here."),
]


def corpus(texts=TEXTS):
    records = tuple(Record(id=f"r{i}", text=text, label="a", group=group) for i, (group, text) in enumerate(texts))
    return Corpus(role="source", records=records, has_groups=True)


NAMES = {"r0": ("Omar Marchetti",), "r1": ("Omar Marchetti",), "r2": ("Omar Lungu",), "r3": ()}


def test_deidentify_removes_all_found_identifiers_and_keeps_the_rest():
    result = deidentify(corpus(), RULES, NAMES, SEEDS)
    assert [(r.id, r.label, r.group) for r in result.corpus.records] == [
        (r.id, r.label, r.group) for r in corpus().records
    ]
    assert result.corpus.texts[3] == TEXTS[3][1]
    for record in result.corpus.records:
        for _, original in result.replaced[record.id]:
            assert original not in record.text
    assert ("name", "Omar Marchetti") in result.replaced["r0"]
    assert ("record_number", "52345678") in result.replaced["r1"]
    assert result.replaced["r3"] == ()
    assert result.counts["date"] == 3
    assert "Marchetti" not in repr(result)


def test_surrogates_are_consistent_across_the_records_of_a_person():
    first, second, other, _ = deidentify(corpus(), RULES, NAMES, SEEDS).corpus.texts
    given_name, last = re.match(r"(\w+) ([\w']+) \(MRN (\d{8})", first).group(1, 2)
    assert f"Mr. {last}, aged 90+" in second
    assert f"{given_name} is well" in second
    assert re.search(r"MRN (\d{8})", first)[1] == re.search(r"MRN (\d{8})", second)[1] != "52345678"
    days = [date.fromisoformat(re.search(r"\d{4}-\d\d-\d\d", text)[0]) for text in (first, second, other)]
    assert (days[1] - days[0]).days == 30
    assert 31 <= abs((days[0] - date(2021, 3, 1)).days) <= 365
    assert days[0] != days[2]
    assert not other.startswith(given_name)


def test_surrogates_do_not_depend_on_other_persons():
    alone = deidentify(corpus(TEXTS[:2]), RULES, NAMES, SEEDS).corpus.texts
    assert deidentify(corpus(), RULES, NAMES, SEEDS).corpus.texts[:2] == alone
    assert deidentify(corpus(), RULES, NAMES, SeedTree(5)).corpus.texts[:2] != alone


def test_deidentify_off_keeps_text():
    result = deidentify(corpus(), DeidentifyConfig(engine="off"), NAMES, SEEDS)
    assert result.corpus == corpus()
    assert result.counts == {}


REDACTED = """Name:  ___                     Unit No:   ___
Admission Date:  ___              Discharge Date:   ___
Date of Birth:  ___             Sex:   F
Attending: ___.
Ms. ___ is a ___ year old woman, seen by Dr. ___ on ___ at ___ Hospital, ___, ___ ___.
Call ___ or (___) ___-___; MRN ___, ___@___.
___ 09:40AM BLOOD WBC-5.0 at ___:30; lives at ___ ___ Street with ___'s daughter.
Completed by: ___, MD, PhD___"""


def test_redaction_marks_of_mimic_are_not_replaced():
    result = deidentify(corpus([("p1", REDACTED)]), RULES, {}, SEEDS)
    assert list(result.corpus.texts) == [REDACTED]
    assert result.replaced["r0"] == ()


def test_order_of_dates_is_inferred_per_person_and_intervals_are_kept():
    texts = [
        ("p1", "Admitted 05/11/2023, operated 12/11/2023, discharged 14/11/2023."),
        ("p2", "Seen 05/11/2023, then 11/14/2023."),
    ]
    uk, us = deidentify(corpus(texts), RULES, {}, SEEDS).corpus.texts
    uk_days = [datetime.strptime(d, "%d/%m/%Y").date() for d in re.findall(r"[\d/]{8,}", uk)]  # noqa: DTZ007
    us_days = [datetime.strptime(d, "%m/%d/%Y").date() for d in re.findall(r"[\d/]{8,}", us)]  # noqa: DTZ007
    assert [(b - a).days for a, b in pairwise(uk_days)] == [7, 2]
    assert [(b - a).days for a, b in pairwise(us_days)] == [187]
    configured = DeidentifyConfig(engine="rules", date_order="day-first")
    assert deidentify(corpus([("p2", "Seen 05/11/2023.")]), configured, {}, SEEDS).corpus.texts != [us]


def test_initials_suffixes_and_reversed_names_follow_the_full_name():
    own = Surrogates(SEEDS, "p1", ["Walter Holt III"])
    first, last = own.replace("name", "Walter Holt").split()
    assert own.replace("name", "Holt, Walter") == f"{last}, {first}"
    assert own.replace("name", "W. Holt") == f"{first[0]}. {last}"
    assert own.replace("name", "Walter Holt III") == f"{first} {last} III"
    assert own.replace("name", "Holt’s") == f"{last}’s"


@pytest.mark.parametrize("initial", string.ascii_uppercase)
def test_an_initial_becomes_another_letter_with_and_without_its_name(initial):
    for person in map(str, range(20)):
        assert Surrogates(SEEDS, person, ()).replace("name", f"{initial}. Holt")[0] != initial
        assert Surrogates(SEEDS, person, [f"{initial}ubo Holt"]).replace("name", f"{initial}. Holt")[0] != initial


@pytest.mark.parametrize("name", ["van", "Jr", "de la"])
def test_particles_and_suffixes_of_names_are_kept(name):
    assert Surrogates(SEEDS, "p1", ()).replace("name", name) == name


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("record_number", "Ab-7" * 20),
        ("url", "https://Clinic.example/Path"),
        ("ip", "2001:DB8::1a"),
        ("email", "Ann.Holt@Example.net"),
        ("street", "12 Canal Rd, Oban, NS B0K 1V0"),
        ("street", "4 Dun Street, Apt 3"),
        ("place", "Stonewick, PA 16801"),
        ("place", "Wagga, NSW 2650"),
        ("name", "Ann Holt"),
    ],
)
def test_letter_case_does_not_change_a_surrogate(kind, value):
    own = Surrogates(SEEDS, "p1", ())
    assert len({own.replace(kind, written).casefold() for written in (value, value.upper(), value.lower())}) == 1


def test_accents_hide_neither_a_declared_nor_a_known_name():
    last_names = [name for name in PLAIN_LAST if name not in {"Müller", "Zhang"}]  # two names are left
    known = KnownNames(f"{first} Müller" for first in FEMALE_FIRST)
    for person in map(str, range(20)):
        for declared, others in ((["Anna Müller"], None), (["Anna Kowal"], known)):
            own = Surrogates(SEEDS, person, [], known=others)
            own._taken |= name_parts([*declared, *last_names])
            assert own.replace("name", declared[0]).split()[1] == "Zhang"


def test_a_number_has_one_surrogate_whatever_its_kind():
    own = Surrogates(SEEDS, "p1", ())
    assert own.replace("phone", "52345678") == own.replace("record_number", "52345678")


def test_deidentify_removes_identifiers_of_the_fictional_clinic():
    rows = generate(60, SeedTree(2).generator())
    records = tuple(
        Record(id=row["note_id"], text=row["note"], label=row["specialty"], group=row["patient_id"]) for row in rows
    )
    source = Corpus(role="source", records=records, has_groups=True)
    result = deidentify(source, RULES, {row["note_id"]: (row["patient_name"],) for row in rows}, SEEDS)
    left = total = 0
    for row, record in zip(rows, result.corpus.records, strict=True):
        values = [item["value"] for item in row["key"]["identifiers"] if item["kind"] != "age"]
        total += len(values)
        left += sum(value in record.text for value in values)
        assert row["patient_name"] not in record.text
    assert total > 500
    assert left / total < 0.01
