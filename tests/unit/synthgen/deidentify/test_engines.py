"""Test the rules and the choice of the engine."""

import json
import os
import time
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
from fictional_clinic import generate
from hypothesis import given
from hypothesis import strategies as st

from synthgen.core.errors import UsageError
from synthgen.core.seeds import SeedTree
from synthgen.deidentify import finder_of_generated, with_placeholders
from synthgen.deidentify.dates import find_dates
from synthgen.deidentify.engines import engine_of, find_identifiers, finder, joined
from synthgen.deidentify.marked import read_marked_file
from synthgen.deidentify.patterns import find_patterns
from synthgen.deidentify.spans import Span


def found(text, names=()):
    return [(span.kind, text[span.start : span.end]) for span in find_identifiers(text, names)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("see https://example.org/a?b=1 there", ("url", "https://example.org/a?b=1")),
        ("SSN 123-45-6789,", ("ssn", "123-45-6789")),
        ("NHS no. 943 476 5919", ("nhs_number", "943 476 5919")),
        ("tel 5550142", ("phone", "5550142")),
        ("at 12 Mill Pond Road, then", ("street", "12 Mill Pond Road")),
        ("in Stonewick, PA 16801", ("place", "Stonewick, PA 16801")),
        ("postcode SW1A 1AA", ("postal_code", "SW1A 1AA")),
        ("a 93-year-old man", ("age", "93")),
        ("on 3/4/2021", ("date", "3/4/2021")),
        ("then Margaret Quux called", ("name", "Margaret Quux")),
        ("Zed Q. Norquist came", ("name", "Zed Q. Norquist")),
    ],
)
def test_rules_find_each_kind(text, expected):
    assert found(text) == [expected]


@pytest.mark.parametrize(
    "text",
    [
        "BP 120/80, pulse 72, A1c 7.2%",
        "LDL 94 mg/dL; saturations 93%",
        "4111 1111 1111 1112",
        "a 67-year-old man",
        "Rose to leave; will hope for May",
        "300.1.1.1",
        "visit 2021-1, room 12",
        "Parkinson disease with Graves disease",
        "metformin 500-1000 mg",
        "Young and Green leaves",
        "MRI brain normal",
    ],
)
def test_rules_ignore_lookalikes(text):
    assert found(text) == []


def test_rules_find_declared_names_in_parts_and_lower_case():
    text = "Saw Zyx Achterberg-Ilves. Zyx is well; ms achterberg, ILVES and Zyx's cat agree. A rose is not Rose."
    values = ["Zyx Achterberg-Ilves", "Zyx", "achterberg", "ILVES", "Zyx's", "Rose"]
    assert [value for _, value in found(text, ["Zyx Achterberg-Ilves", "Rose"])] == values


@given(st.text(max_size=200))
def test_spans_are_in_order_and_do_not_overlap(text):
    spans = find_identifiers(text, ["Ann Lee"])
    assert all(0 <= s.start < s.end <= len(text) for s in spans)
    assert all(a.end <= b.start for a, b in pairwise(spans))


def seconds(text):
    start = time.process_time()
    find_identifiers(text, ["Ann Lee"])
    return time.process_time() - start


@pytest.mark.parametrize("character", ["a", "A", "1"])
def test_rules_take_less_than_two_seconds_for_a_megabyte_in_one_token(character):
    assert seconds(character * 1_000_000) < 2


@pytest.mark.slow
@pytest.mark.parametrize(
    "piece", ["a@", "a.", "Aa ", "1 ", "1-", "Dr. ", "12 Aa ", "x@a.", "http://", " ", "Aa, ", "A. ", "1/", "AA,"]
)
def test_rules_take_linear_time(piece):
    # ten times the text takes ten times as long if linear, and a hundred times as long if quadratic
    times = [min(seconds(piece * (size // len(piece))) for _ in range(n)) for size, n in ((1_500, 3), (15_000, 2))]
    assert times[1] < 40 * times[0]


def covered(text, spans, start, end):
    return all(any(s.start <= i < s.end for s in spans) or not text[i].isalnum() for i in range(start, end))


def recall_and_precision(rows):
    """Return the recall by kind, and the precision, on (text, declared names, identifiers, key of their kind)."""
    wanted, hit, n_found, n_right = Counter(), Counter(), 0, 0
    for text, declared, identifiers, kind in rows:
        spans = find_identifiers(text, declared)
        for item in identifiers:
            wanted[item[kind]] += 1
            hit[item[kind]] += covered(text, spans, item["start"], item["end"])
        n_found += len(spans)
        n_right += sum(any(s.start < i["end"] and i["start"] < s.end for i in identifiers) for s in spans)
    return {name: hit[name] / n for name, n in wanted.items()}, n_right / n_found


@pytest.mark.parametrize(("is_declared", "floor"), [(True, 0.98), (False, 0.88)])
def test_recall_and_precision_on_the_fictional_clinic(is_declared, floor):
    recall, precision = recall_and_precision(
        (row["note"], [row["patient_name"]] if is_declared else [], row["key"]["identifiers"], "kind")
        for row in generate(120, SeedTree(21).generator())
    )
    assert recall.pop("name") > floor
    assert set(recall.values()) == {1}
    assert precision > 0.98


@pytest.mark.corpus
@pytest.mark.skipif("SYNTHGEN_DATA" not in os.environ, reason="needs the text sets of SYNTHGEN_DATA")
def test_recall_and_precision_on_presidio_sentences():
    import pyarrow.parquet as pq

    table = pq.read_table(Path(os.environ["SYNTHGEN_DATA"]) / "pii_presidio_synth" / "all.parquet").to_pylist()
    spans = [json.loads(row["spans"]) if isinstance(row["spans"], str) else row["spans"] for row in table]
    recall, precision = recall_and_precision(
        (row["text"], [], gold, "entity_type") for row, gold in zip(table, spans, strict=True)
    )
    floors = dict.fromkeys(("EMAIL_ADDRESS", "DOMAIN_NAME", "IBAN_CODE", "US_SSN", "IP_ADDRESS"), 1)
    floors |= {"CREDIT_CARD": 0.99, "PHONE_NUMBER": 0.9, "PERSON": 0.42}
    assert {kind: recall[kind] for kind, floor in floors.items() if recall[kind] < floor} == {}
    assert precision > 0.97


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("MRN 61825022, seen today.", "MRN [RECORD NUMBER], seen today."),
        ("Call (555) 010-4477 or write to a.b@example.org.", "Call [PHONE] or write to [EMAIL]."),
        ("SSN: 078-05-1120; see https://example.org/x", "SSN: [SSN]; see [URL]"),
        ("Lives at 12 Mill Road, aged 93.", "Lives at [STREET], aged 93."),
        ("Dr. Clarke saw Mrs Laura Nakamura; Emma drove.", "Dr. [NAME] saw Mrs [NAME]; [NAME] drove."),
        ("BP 120/80, sats 98%, metformin 500 mg, 03/11/2021, Parkinson's disease, back 2024-08-12.", None),
        ("Dear Colleague,\nHISTORY OF PRESENT ILLNESS\nCrohn disease, Murphy sign negative.", None),
        ("no number at all", None),
    ],
)
def test_with_placeholders_worked_examples(written, expected):
    assert with_placeholders(written) == (written if expected is None else expected)


@given(st.text(alphabet="MRN 0123456789-.@aAe/:+()", max_size=80))
def test_with_placeholders_leaves_no_pattern_and_is_idempotent(text):
    once = with_placeholders(text)
    left = [span for span in find_patterns(once) if span.kind != "age"]
    dates = find_dates(once)
    assert all(any(start < span.end and span.start < end for start, end in dates) for span in left)
    assert with_placeholders(once) == once


def test_placeholders_and_roles_after_names_are_masked_once():
    assert with_placeholders("Dr. [NAME] PA; Liz Parker, Fellow") == "Dr. [NAME] PA; [NAME], Fellow"


def test_overlapping_spans_are_joined():
    rules = [Span(4, 9, "name"), Span(20, 30, "date"), Span(40, 50, "record_number")]
    more = [Span(4, 15, "name"), Span(22, 35, "place"), Span(48, 54, "name"), Span(60, 61, "name")]
    assert joined(rules, more) == [Span(4, 15, "name"), *rules[1:], Span(60, 61, "name")]


def test_auto_uses_the_classifier_if_it_is_in_the_store(tmp_path, monkeypatch):
    monkeypatch.setenv("SYNTHGEN_MODELS", str(tmp_path))
    assert engine_of("auto") == "rules"
    assert finder("auto").func is find_identifiers
    (tmp_path / "rampart").mkdir()
    (tmp_path / "rampart" / "manifest.json").write_text("{}")
    assert engine_of("auto") == "rules+ner"
    with pytest.raises(UsageError, match="is not an engine for de-identification"):
        finder("presidio")


def missed(name):
    """Return the recall on a shared file, and the number of its texts without identifiers in which one is found."""
    items = list(read_marked_file(Path(os.environ["SYNTHGEN_DATA"]).parent / "cases" / "deid" / name))
    found_in = [(item, find_identifiers(item.text, ())) for item in items]
    hits = [covered(item.text, spans, *mark[:2]) for item, spans in found_in for mark in item.spans]
    return sum(hits) / max(1, len(hits)), sum(bool(spans) for item, spans in found_in if not item.spans)


@pytest.mark.corpus
@pytest.mark.skipif("SYNTHGEN_DATA" not in os.environ, reason="needs the text sets of SYNTHGEN_DATA")
def test_shared_sentences():
    if not (Path(os.environ["SYNTHGEN_DATA"]).parent / "cases" / "deid").is_dir():
        pytest.skip("the marked sentences are not beside SYNTHGEN_DATA")
    assert missed("identifiers.txt")[0] >= 0.95
    assert missed("false_friends.txt")[1] <= 1


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("the Republic of Colombia and Peru", "the Republic of [NAME] and Peru"),
        ("a part of Sears, Roebuck since", "a part of [NAME] since"),
        ("he saw Roebuck and Company", "he saw [NAME] and Company"),
        ("the Mountain in November", "the Mountain in November"),  # ordinary words are not names
        ("no name at all", "no name at all"),
    ],
)
@pytest.mark.parametrize("engine", ["off", "rules"])
def test_names_that_were_replaced_in_train_are_placeholders_in_generated_text(written, expected, engine):
    names = ["Colombia", "Sears Roebuck", "Mountain", "November"]
    assert with_placeholders(written, finder_of_generated(engine, names)) == expected
    assert with_placeholders(written, finder_of_generated(engine, ())) == written
