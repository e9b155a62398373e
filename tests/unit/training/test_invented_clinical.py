"""Invented clinical notes and letters differ, have the right length, and repeat no stock phrase or example note."""

import re
from collections import Counter
from functools import lru_cache

import numpy as np
import pytest
from fictional_clinic import generate
from invented.clinical import clinical_notes, clinical_shorthand
from invented.letters import clinic_letters, letters
from invented.medicine.case import ILLNESSES, finished, mended, rules_of, shortened, spelt
from invented.medicine.reports import REPORTS

WRITERS = (clinical_notes, clinical_shorthand, clinic_letters, letters)
RUN = 8
N = 250


@lru_cache
def texts_of(writer):
    return writer(N, np.random.default_rng(20))


def runs(text):
    words = re.findall(r"\w+", text.lower())
    return {tuple(words[i : i + RUN]) for i in range(len(words) - RUN + 1)}


@pytest.mark.parametrize("writer", WRITERS)
def test_texts_differ_have_the_right_length_and_depend_on_the_seed(writer):
    texts = texts_of(writer)
    assert len(set(texts)) == N
    assert all(30 <= len(text.split()) <= 200 for text in texts)
    assert writer(9, np.random.default_rng(20)) == texts[:9]


@pytest.mark.parametrize("writer", WRITERS)
def test_texts_have_no_stock_phrase_no_grammar_mark_and_no_identifier(writer):
    counts = Counter(run for text in texts_of(writer) for run in runs(text))
    # The limit of 3 % holds for very many texts; among N texts, a phrase of 2 % may exceed it by chance.
    assert max(counts.values()) <= 0.03 * N + 3 * (0.03 * 0.97 * N) ** 0.5
    for text in texts_of(writer):
        assert not re.search(r"[{}~]|@\w|\(\w+\||\.\.(?!\.)", text), text
        assert not re.search(r"\d{6}|\b\d{3}[- ]\d{4}\b|\S@\S|https?:", text), text


def test_no_run_of_words_of_the_example_clinic_occurs():
    example = set().union(*(runs(row["note"]) for row in generate(160, np.random.default_rng(4))[:300]))
    ours = set().union(*(runs(text) for writer in WRITERS for text in texts_of(writer)[:200]))
    assert len(example) > 10_000
    assert example & ours == set()


def test_illnesses_are_many_and_complete_and_a_note_is_about_its_own():
    assert len({illness.name for illness in ILLNESSES}) == len(ILLNESSES) >= 60
    assert len({illness.specialty for illness in ILLNESSES}) >= 20
    assert {report.kind for report in REPORTS} == {"radiology", "pathology", "procedure"}
    rng = np.random.default_rng(7)
    for illness in ILLNESSES:
        rules = rules_of(illness, "uk", rng)
        assert rules["condition"] == (illness.name,)
        assert rules["drugname1"][0] in " ".join(illness.drugs)
        assert "~" not in " ".join(rule[0] for rule in rules.values() if not callable(rule))
        lists = (illness.symptoms, illness.signs, illness.tests, illness.drugs, illness.plans, illness.absent)
        assert min(map(len, lists)) >= 3, illness.name


def test_numbers_and_words_are_drawn_within_their_bounds():
    rng = np.random.default_rng(3)
    for _ in range(20):
        found = re.fullmatch(r"(left|right) 1\.(\d) to (\d+)", spelt("(left|right) 1.2~1.8 to 40~90", rng))
        assert 2 <= int(found[2]) <= 8
        assert 40 <= int(found[3]) <= 90


def test_doses_and_spelling_are_those_of_the_country():
    text = "A 80 year old with anaemia, Hb 98; paracetamol 1 g @qds"
    for country, long, wanted in (
        ("us", False, "An 80 year old with anemia, Hgb 9.8; acetaminophen 1 g QID"),
        ("us", True, "An 80 year old with anemia, Hgb 9.8; acetaminophen 1 g four times a day"),
        ("uk", True, "An 80 year old with anaemia, Hb 98; paracetamol 1 g four times a day"),
    ):
        assert finished(text, country, np.random.default_rng(0), long=long) == wanted


def test_durations_are_abbreviated_and_punctuation_is_repaired():
    assert shortened("cough 4 days, rv 2 weeks", "uk") == "cough 4/7, rv 2/52"
    assert shortened("cough 4 days, rv 2 weeks", "us") == "cough 4d, rv 2wk"
    assert mended("bleeding.. next: - one\n- two?three") == "bleeding. next:\n- one\n- two ?three"
