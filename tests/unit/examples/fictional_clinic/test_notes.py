import re
from collections import Counter, defaultdict

import pytest
from fictional_clinic import generate
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from synthgen.core.seeds import SeedTree


@pytest.fixture(scope="module")
def rows():
    return generate(500, SeedTree(7).child("clinic").generator())


def test_the_same_seed_gives_the_same_notes_and_another_seed_others():
    first, again, other = (generate(20, SeedTree(seed).generator()) for seed in (3, 3, 4))
    assert first == again
    assert first != other


def test_notes_have_the_documented_length_no_grammar_marks_and_six_specialties_of_unequal_size(rows):
    for row in rows:
        assert 60 <= len(row["note"].split()) <= 140
        assert not re.search(r"[;,][A-Za-z]|  ", row["note"])
        assert not re.search(r"[\[\]{}<>|\ue000-\ue002]", row["note"].replace(" | ", ""))
    counts = Counter(row["specialty"] for row in rows)
    assert len(counts) == 6
    assert 0.03 < min(counts.values()) / len(rows) < 0.1
    assert max(counts.values()) / len(rows) > 0.2


def test_the_key_names_every_identifier_with_its_position(rows):
    kinds = Counter()
    for row in rows:
        for item in row["key"]["identifiers"]:
            assert row["note"][item["start"] : item["end"]] == item["value"]
            kinds[item["kind"]] += 1
    assert set(kinds) == {"name", "date", "phone", "record_number", "email", "street", "place", "age"}


def test_no_two_patients_share_all_their_traits():
    rows = generate(150, SeedTree(11).generator())
    traits_of = defaultdict(dict)
    for row in rows:
        traits_of[row["patient_id"]].update(row["key"]["traits"])
    whole = [tuple(sorted(traits.items())) for traits in traits_of.values() if len(traits) == 3]
    assert len(whole) == len(set(whole)) > 30


def test_patients_do_not_share_long_runs_of_words(rows):
    owners = defaultdict(set)
    for row in rows:
        words = re.findall(r"\w+", row["note"].lower())
        for i in range(len(words) - 11):
            owners[tuple(words[i : i + 12])].add(row["patient_id"])
    shared = sum(len(people) > 1 for people in owners.values()) / len(owners)
    assert shared < 0.01
    assert max(len(people) for people in owners.values()) <= 8


def test_the_specialties_are_neither_trivial_nor_random_to_classify(rows):
    half = len(rows) // 2
    texts, labels = [r["note"] for r in rows], [r["specialty"] for r in rows]
    model = make_pipeline(TfidfVectorizer(min_df=2), LogisticRegression(C=10, max_iter=300))
    accuracy = model.fit(texts[:half], labels[:half]).score(texts[half:], labels[half:])
    assert 0.75 < accuracy < 0.98
