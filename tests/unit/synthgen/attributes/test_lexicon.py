from collections import Counter

import pytest

from synthgen.attributes.habits import HABITS
from synthgen.attributes.lexicon import BLOCKS, OTHER, entries, find_terms, lexicon, value_of, values
from synthgen.attributes.word_patterns import folded_words, sentence_words


def found(text):
    return [(t.attribute, t.value) for words in sentence_words(text) for _, _, t in find_terms(words)]


def test_a_name_has_one_meaning():
    names = Counter(
        key
        for attribute, block in BLOCKS.items()
        for _, of in entries(block)
        for key in {folded_words(name) for name in (of[1:] if attribute in {*HABITS, OTHER} else of)}
    )
    assert [key for key, n in names.items() if n > 1] == []


def test_there_are_a_few_hundred_terms():
    assert 100 < len(values("condition")) < 200
    assert 90 < len(values("symptom")) < 200
    assert 150 < len(values("medication")) < 300
    assert all(key for key in lexicon())


@pytest.mark.parametrize("attribute", ["condition", "symptom", "medication"])
def test_every_value_names_itself(attribute):
    assert {value_of(attribute, value) for value in values(attribute)} == values(attribute)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("type 2 diabetes", [("condition", "type 2 diabetes")]),  # the longest, not diabetes alone
        ("Type-2 Diabetes", [("condition", "type 2 diabetes")]),
        ("diabetes, type 2", [("condition", "diabetes")]),  # a comma cuts a name
        ("headaches", [("symptom", "headache")]),
        ("COPD and copd", [("condition", "chronic obstructive pulmonary disease")]),
        ("cad files", []),
        ("Crohn's disease", [("condition", "crohn's disease")]),
        ("sleep\napnea", [("condition", "sleep apnea")]),
        ("Tylenol", [("medication", "acetaminophen")]),
        ("coughdrop", []),
    ],
)
def test_terms_by_hand(text, expected):
    assert found(text) == expected


def test_a_name_of_another_kind_is_not_known():
    assert value_of("medication", "asthma") is None
    assert value_of("condition", "no such thing") is None
