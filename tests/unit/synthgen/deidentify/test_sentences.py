"""Invented sentences by writers who did not know the rules: 1,045 identifiers, and 580 sentences without any."""

import re
from functools import cache
from pathlib import Path

import pytest

from audits.attacks.identifiers.judged_codes import codes_of
from audits.attacks.identifiers.patterns import read_content
from audits.text.identifier_grammar import PROVINCES, STATES
from audits.text.name_lists import PARTICLES
from synthgen.core.seeds import SeedTree
from synthgen.deidentify.deidentify import Surrogates
from synthgen.deidentify.engines import finder
from synthgen.deidentify.places import STREET_TYPE
from synthgen.pipeline.engine_shares import measure, read_texts

HERE = Path(__file__).parent
BARS = {"rules": 0.88, "rules+ner": 0.97}  # the rules were corrected on these texts; other texts give lower recall


@pytest.fixture(scope="module", params=[pytest.param("rules+ner", marks=pytest.mark.models), "rules"])
def engine(request):
    """Return the name of an engine, and its finder, which reads each sentence once for all tests."""
    return request.param, cache(finder(request.param))


@pytest.mark.slow
def test_most_identifiers_of_the_sentences_are_found(engine):
    name, find = engine
    table = measure(read_texts(str(HERE / "sentences_identifiers.txt")), find, with_names=False).table
    recall = table["recall"]
    assert recall["all"]["n"] == 1_045
    assert recall["all"]["share"] >= BARS[name], recall
    by_rules = (
        "DATE",
        "PHONE",
        "FAX",
        "EMAIL",
        "SSN",
        "MRN",
        "PLAN",
        "ACCOUNT",
        "LICENCE",
        "VEHICLE",
        "DEVICE",
        "IP",
    )
    assert all(recall[category]["share"] >= 0.95 for category in by_rules), recall
    assert table["precision"]["share"] >= 0.98


@pytest.mark.slow
def test_at_most_one_sentence_in_forty_without_identifiers_is_changed(engine):
    texts = list(read_texts(str(HERE / "sentences_false_friends.txt")))
    assert sum(bool(engine[1](item.text, ())) for item in texts) <= len(texts) / 40


KEPT = {"example", "org", "www", "https", "net", "com", "iii"} | PARTICLES
KEPT |= {region.casefold() for region in f"{STATES}|{PROVINCES}".split("|")}
PARTS = re.compile(r"[^\W\d_]{3,}|\d{5,}")  # a shorter number can be the same by chance


def test_no_part_of_a_found_identifier_is_in_its_surrogate(engine):
    for item in read_texts(str(HERE / "sentences_identifiers.txt")):
        own = Surrogates(SeedTree(5), item.person, ())
        for span in (span for span in engine[1](item.text, ()) if span.kind != "date"):
            value = item.text[span.start : span.end]
            kinds = STREET_TYPE.findall(value) if span.kind == "street" else ()
            kept = KEPT | {kind.casefold() for kind in kinds}
            new = own.replace(span.kind, value).casefold()
            assert not set(PARTS.findall(value.casefold())) & set(PARTS.findall(new)) - kept, (value, new)


ADDRESSES = (
    "5th and Alder",
    "Elm and 9th",
    "Route 33",
    "PO Box 318, Oban, NS B0K 1V0",
    "Flat 2/1, 88 Dun Rd, Perth PH1 6XX",
)


@pytest.mark.parametrize("value", ADDRESSES)
def test_surrogates_of_streets_keep_nothing_but_the_kind_of_street_and_the_region(value):
    new = Surrogates(SeedTree(5), "p", ()).replace("street", value)
    assert re.fullmatch(r"\d{1,3} \w+ (?:Street|Rd)(?:, \w+)?(?:, NS)?(?: [A-Z]{1,2}\d\w? ?\d[A-Z]\w)?", new)
    original = {"Alder", "Elm", "5th", "9th", "33", "318", "Oban", "B0K", "1V0", "88", "Dun", "PH1", "6XX"}
    assert not original & set(re.findall(r"\w+", new))


NUMBERED = {"MRN", "PLAN", "ACCOUNT", "LICENCE", "VEHICLE", "DEVICE", "SSN", "PHONE", "FAX"}


def characters(text):
    return "".join(re.findall(r"[a-z0-9]+", text.casefold()))


def test_the_identifiers_audit_reads_every_number_of_six_digits_that_a_writer_marked():
    for item in read_texts(str(HERE / "sentences_identifiers.txt")):
        row = read_content(item.text)
        keys = {e.key for e in row.entities | row.numbers if e.kind != "date"} | {code.key for code in codes_of(row)}
        for start, end, category in item.spans:
            value = characters(item.text[start:end])
            if sum(map(str.isdecimal, value)) >= 6 and category in NUMBERED:
                assert any(characters(key) in value or value in characters(key) for key in keys), value
