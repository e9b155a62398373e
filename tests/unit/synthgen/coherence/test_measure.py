"""Counts of contradictions by rule: real notes have few, and notes of randomly mixed sentences have many."""

import os
import re
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from audits.report.glossary import CONTRADICTIONS as SHOWN
from audits.verify.vocabulary import CONTRADICTIONS
from synthgen.coherence import RULES, coherence, contradictions

COHERENT, BOTH = "A 45-year-old man has gout.", "A 45-year-old man has gout. She is tired, tired of"


def test_the_published_names_are_those_of_the_rules():
    assert ("any", *RULES) == CONTRADICTIONS == tuple(SHOWN)


def test_texts_are_counted_once_for_each_rule():
    found = coherence([COHERENT, BOTH, f"{BOTH} BP 80/120, BP 70/110."])
    assert (found.n, found.n_contradictory) == (3, 2)
    assert {rule: k for rule, k in found.by_rule.items() if k} == {
        "sex": 2,
        "repeated": 2,
        "cut": 1,
        "implausible": 1,
    }
    assert [c.rule for c in contradictions(BOTH)] == ["sex", "repeated", "cut"]
    with pytest.raises(ValueError, match="at least one text"):
        coherence([])


@pytest.mark.parametrize(
    "text",
    ["\n" * 10, "the man ", "5 M ", "He. ", "metformin asthma. ", "old-", "no cough ", "She has gout and rests "],
)
def test_a_hostile_long_text_takes_seconds_and_not_minutes(text):
    start = time.process_time()
    contradictions(text * (100_000 // len(text)))
    assert time.process_time() - start < 8


@pytest.mark.skipif("SYNTHGEN_DATA" not in os.environ, reason="needs SYNTHGEN_DATA: real clinical notes")
@pytest.mark.parametrize(("name", "most", "least"), [("aci_bench", 0.1, 0.7), ("mts_dialog", 0.02, 0.3)])
def test_real_notes_contradict_themselves_rarely_and_mixed_sentences_often(name, most, least):
    path = Path(os.environ["SYNTHGEN_DATA"]) / name / "train.parquet"
    texts = [t for t in pq.read_table(path)["text"].to_pylist() if len(t.split()) > 20][:400]
    parts = [re.split(r"(?<=[.!?])\s+", text) for text in texts]
    pool = [sentence for of_text in parts for sentence in of_text]
    rng = np.random.default_rng(0)
    mixed = [" ".join(pool[i] for i in rng.integers(len(pool), size=len(of_text))) for of_text in parts]
    real, other = coherence(texts), coherence(mixed)
    assert real.n_contradictory / real.n <= most
    assert other.n_contradictory / other.n >= least
