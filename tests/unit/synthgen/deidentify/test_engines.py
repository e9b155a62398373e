"""Test the rules, and the Presidio engine with a fake library, and with the real one if it is installed."""

import importlib.util
import json
import os
import subprocess
import sys
import time
from collections import Counter
from itertools import pairwise
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
from fictional_clinic import generate
from hypothesis import given
from hypothesis import strategies as st

from synthgen.core.errors import DependencyError
from synthgen.core.seeds import SeedTree
from synthgen.deidentify import with_placeholders
from synthgen.deidentify.engines import LEAST_SCORE, PresidioEngine, find_identifiers, joined, spacy_model
from synthgen.deidentify.patterns import find_dates, find_patterns
from synthgen.deidentify.spans import Span


def found(text, names=()):
    return [(span.kind, text[span.start : span.end]) for span in find_identifiers(text, names)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("write to ann.lee+x@mail.example.org now", ("email", "ann.lee+x@mail.example.org")),
        ("see https://example.org/a?b=1 there", ("url", "https://example.org/a?b=1")),
        ("IBAN GB82 WEST 1234 5698 7654 32 is hers", ("iban", "GB82 WEST 1234 5698 7654 32")),
        ("card 4111 1111 1111 1111.", ("card", "4111 1111 1111 1111")),
        ("SSN 123-45-6789,", ("ssn", "123-45-6789")),
        ("NHS no. 943 476 5919", ("nhs_number", "943 476 5919")),
        ("from 192.168.10.254 today", ("ip", "192.168.10.254")),
        ("MRN: 00482913", ("record_number", "00482913")),
        ("Chart no. C-48291-7", ("record_number", "C-48291-7")),
        ("call (212) 555-0142 now", ("phone", "(212) 555-0142")),
        ("+44 20 7946 0018", ("phone", "+44 20 7946 0018")),
        ("tel 5550142", ("phone", "5550142")),
        ("at 12 Mill Pond Road, then", ("street", "12 Mill Pond Road")),
        ("in Stonewick, PA 16801", ("place", "Stonewick, PA 16801")),
        ("postcode SW1A 1AA", ("postal_code", "SW1A 1AA")),
        ("a 93-year-old man", ("age", "93")),
        ("aged 101, well", ("age", "101")),
        ("on 3/4/2021", ("date", "3/4/2021")),
        ("Dr. Thistlewood agreed", ("name", "Thistlewood")),
        ("then Margaret Quux called", ("name", "Margaret Quux")),
        ("Zed Q. Norquist came", ("name", "Zed Q. Norquist")),
        ("signed Zub Farrow, MD", ("name", "Zub Farrow")),
        ("Dear Ms Ilves,", ("name", "Ilves")),
        ("My name is Rubija", ("name", "Rubija")),
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
    values = ["Zyx", "Achterberg-Ilves", "Zyx", "achterberg", "ILVES", "Zyx's", "Rose"]
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


@pytest.mark.parametrize("piece", ["a@", "a.", "Aa ", "1 ", "1-", "Dr. ", "12 Aa ", "x@a.", "http://", " "])
def test_rules_take_linear_time(piece):
    # ten times the text takes ten times as long if linear, and a hundred times as long if quadratic
    times = [min(seconds(piece * (size // len(piece))) for _ in range(3)) for size in (12_000, 120_000)]
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


MODEL = "en_core_web_sm"


def provider(nlp_configuration):
    return SimpleNamespace(create_engine=lambda: nlp_configuration["models"][0]["model_name"])


class EmailRecognizer:
    """Like the recognizer of the library: it calls tldextract, which accesses the network by default."""

    def validate_result(self, address):
        return sys.modules["tldextract"].extract(address).fqdn != ""


class Registry(dict):
    def add_recognizer(self, recognizer):
        self[type(recognizer).__name__] = recognizer

    remove_recognizer = dict.pop


class Analyzer:
    def __init__(self, nlp_engine, supported_languages, default_score_threshold):
        self.folder, self.floor, self.registry = (
            nlp_engine,
            default_score_threshold,
            Registry(EmailRecognizer=EmailRecognizer()),
        )

    def analyze(self, text, language):
        results = [("PERSON", 0, 3, 0.85), ("DATE_TIME", 7, 13, 0.6), ("SOMETHING_NEW", 14, 16, 0.4)]
        if "@" in text and self.registry["EmailRecognizer"].validate_result(text.split()[-1]):
            results.append(("EMAIL_ADDRESS", text.rindex(" ") + 1, len(text), 1.0))
        results.append(("US_DRIVER_LICENSE", 0, 8, 0.01))
        return [SimpleNamespace(entity_type=k, start=a, end=b, score=s) for k, a, b, s in results if b <= len(text)]


def offline_list(cache_dir, suffix_list_urls):
    assert (cache_dir, suffix_list_urls) == (None, ())
    return lambda address: SimpleNamespace(fqdn=address.partition("@")[2])


def download(_address):
    raise AssertionError("the domain list was downloaded")


@pytest.fixture
def _library(monkeypatch, tmp_path):
    names = ("presidio_analyzer", "presidio_analyzer.nlp_engine", "presidio_analyzer.predefined_recognizers")
    package, nlp, recognizers = map(ModuleType, names)
    package.AnalyzerEngine, nlp.NlpEngineProvider, recognizers.EmailRecognizer = Analyzer, provider, EmailRecognizer
    tldextract = ModuleType("tldextract")
    tldextract.TLDExtract, tldextract.extract = offline_list, download
    for name, module in zip((*names, "tldextract"), (package, nlp, recognizers, tldextract), strict=True):
        monkeypatch.setitem(sys.modules, name, module)
    data = tmp_path / MODEL / f"{MODEL}-3.8.0"
    data.mkdir(parents=True)
    (data / "config.cfg").write_text("[nlp]")
    (tmp_path / MODEL / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)


@pytest.mark.usefixtures("_library")
def test_presidio_kinds_are_mapped_and_declared_names_added():
    engine = PresidioEngine()
    spans = engine.find("Zed on monday at Zub", ["Zub Zed"])
    assert engine._analyzer.floor == LEAST_SCORE == 0.4
    assert not any(span.kind == "record_number" for span in engine.find("00482913", ()))  # a low score
    assert spans == [Span(0, 3, "name"), Span(7, 13, "date"), Span(14, 16, "other"), Span(17, 20, "name")]


@pytest.mark.usefixtures("_library")
@pytest.mark.parametrize("address", ["ann@mail.org", "ann\uff20mail.org"])
def test_presidio_email_recognizer_uses_no_network(address):
    text = f"zzz to monday or {address}"
    assert text.index(address) in [span.start for span in PresidioEngine().find(text, ()) if span.kind == "email"]


@pytest.mark.usefixtures("_library")
def test_spacy_model_is_loaded_from_its_folder_and_has_a_digest(tmp_path):
    model = spacy_model()
    assert PresidioEngine()._analyzer.folder == str(model.folder) == str(tmp_path / MODEL / f"{MODEL}-3.8.0")
    before = model.digest()
    (model.folder / "config.cfg").write_text("[nlp] ")
    assert len(before) == 64
    assert spacy_model().digest() != before


@pytest.mark.usefixtures("_library")
def test_missing_spacy_model_is_an_error(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(DependencyError, match="spaCy models"):
        PresidioEngine()


@pytest.mark.usefixtures("_library")
def test_presidio_engine_includes_the_rules():
    """Presidio itself finds no record numbers and no addresses of domains outside the public list."""
    text = "Zed, monday, MRN 00482913, write to ann.lee@ward.intern"
    kinds = {text[s.start : s.end]: s.kind for s in PresidioEngine().find(text, ())}
    assert kinds["ann.lee@ward.intern"] == "email"
    assert any("00482913" in found and kind == "record_number" for found, kind in kinds.items())


def test_overlapping_spans_are_joined():
    rules = [Span(4, 9, "name"), Span(20, 30, "date"), Span(40, 50, "record_number")]
    more = [Span(4, 15, "name"), Span(22, 35, "date"), Span(42, 45, "url"), Span(48, 54, "phone"), Span(60, 61, "ip")]
    expected = [Span(4, 15, "name"), Span(20, 30, "date"), Span(40, 54, "record_number"), Span(60, 61, "ip")]
    assert joined(rules, more) == expected
    assert joined(rules, [Span(8, 44, "other")]) == [Span(4, 50, "name")]


REAL = """
import re, socket
def refused(*_): raise AssertionError("a socket was opened")
socket.socket.connect = socket.getaddrinfo = refused
from synthgen.deidentify.engines import PresidioEngine
text = "Write to ann.lee@example.org or ann.lee@ward.intern, number 00482913; MRN 00482914"
spans = PresidioEngine().find(text, ())
assert "ann.lee@example.org" in [text[s.start : s.end] for s in spans if s.kind == "email"], spans
numbers = [text[s.start : s.end] for s in spans if s.kind == "record_number"]
assert len(numbers) == 1 and "00482914" in numbers[0], spans
assert not any("ann" in part for part in re.split("|".join(re.escape(text[s.start : s.end]) for s in spans), text))
"""


def test_real_presidio_opens_no_socket(tmp_path):
    if importlib.util.find_spec("presidio_analyzer") is None:
        pytest.skip("presidio_analyzer is not installed")
    try:
        spacy_model()
    except DependencyError:
        pytest.skip("no spaCy model is installed")
    environment = {"HOME": str(tmp_path), "PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run([sys.executable, "-c", REAL], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-1500:]
    assert list(tmp_path.iterdir()) == []
