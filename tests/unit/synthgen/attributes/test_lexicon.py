from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.attributes.dictionaries import HABITS
from synthgen.attributes.lexicon import (
    BLOCKS,
    OTHER,
    AttributeFinding,
    entries,
    find_terms,
    folded_words,
    lexicon,
    sentence_words,
    value_of,
    values,
)


def test_a_finding_is_affirmed_by_default_and_hides_its_value():
    found = AttributeFinding(attribute="age", value="54", start=2, end=7)
    assert not found.negated
    assert repr(found) == "AttributeFinding(age, 2 to 7)"


def cut(text):
    return [" ".join(word.text for word in words) for words in sentence_words(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One two. Three", ["One two", "Three"]),
        ("takes 7.5 mg a day", ["takes 7 5 mg a day"]),
        ("wrapped\nline", ["wrapped line"]),
        ("Line\nNext", ["Line", "Next"]),
        ("Allergies:\nPenicillin", ["Allergies Penicillin"]),
        ("a\n\nb", ["a", "b"]),
        ("a • b | c", ["a", "b", "c"]),
        ("- a\n- b", ["a", "b"]),
        ("Really? Yes!", ["Really", "Yes"]),
        ("", []),
        (" ,. ", []),
    ],
)
def test_sentences_by_hand(text, expected):
    assert cut(text) == expected


def test_words_fold():
    assert folded_words("Crohn’s Disease, T2DM beta-blocker") == ("crohn", "disease", "t2dm", "beta", "blocker")


def test_shouting_is_mostly_capitals():
    capitals = {w.text: w.is_capitals for words in sentence_words("COPD HFrEF Cough cough T2DM") for w in words}
    assert capitals == {"COPD": True, "HFrEF": True, "Cough": False, "cough": False, "T2DM": True}


@given(st.text(alphabet="aB1 .\n:•-'’", max_size=60))
def test_no_word_is_lost_and_gaps_fill_the_text(text):
    words = [word for one in sentence_words(text) for word in one]
    for word, following in pairwise(words):
        assert text[word.start : word.end] == word.text
        assert text[word.end : following.start] == word.after
    assert sum(c.isalnum() for c in text) == sum(c.isalnum() for word in words for c in word.text)


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
