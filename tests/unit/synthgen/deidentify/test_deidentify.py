import re
from datetime import date

import pytest
from fictional_clinic import generate

from synthgen.core.errors import DependencyError
from synthgen.core.seeds import SeedTree
from synthgen.core.types import Corpus, Record
from synthgen.deidentify import deidentify
from synthgen.deidentify.config import DeidentifyConfig

SEEDS = SeedTree(4).child("deidentify")
RULES = DeidentifyConfig()
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


def test_nothing_that_was_found_is_left_in_the_text():
    result = deidentify(corpus(), RULES, NAMES, SEEDS)
    for record in result.corpus.records:
        for _, original in result.replaced[record.id]:
            assert original not in record.text
    assert ("name", "Omar Marchetti") in result.replaced["r0"]
    assert ("record_number", "52345678") in result.replaced["r1"]
    assert result.replaced["r3"] == ()
    assert result.report.n_records_changed == 3
    assert result.report.counts["date"] == 3
    assert "Marchetti" not in repr(result) + repr(result.report)


def test_surrogates_are_one_person_across_records_and_dates_keep_their_distance():
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


def test_a_persons_surrogates_do_not_depend_on_other_persons():
    alone = deidentify(corpus(TEXTS[:2]), RULES, NAMES, SEEDS).corpus.texts
    assert deidentify(corpus(), RULES, NAMES, SEEDS).corpus.texts[:2] == alone
    assert deidentify(corpus(), RULES, NAMES, SeedTree(5)).corpus.texts[:2] != alone


def test_ids_labels_groups_and_text_without_identifiers_stay():
    result = deidentify(corpus(), RULES, NAMES, SEEDS)
    assert [(r.id, r.label, r.group) for r in result.corpus.records] == [
        (r.id, r.label, r.group) for r in corpus().records
    ]
    assert result.corpus.texts[3] == TEXTS[3][1]


def test_off_passes_through_and_says_so():
    result = deidentify(corpus(), DeidentifyConfig(engine="off"), NAMES, SEEDS)
    assert result.corpus == corpus()
    assert (result.report.engine, result.report.counts, result.report.n_records_changed) == ("off", {}, 0)


def test_presidio_without_its_extra_is_refused(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "presidio_analyzer", None)
    with pytest.raises(DependencyError, match="extra 'presidio'"):
        deidentify(corpus(), DeidentifyConfig(engine="presidio"), NAMES, SEEDS)


def test_no_identifier_of_the_clinics_key_is_left_with_declared_names():
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
