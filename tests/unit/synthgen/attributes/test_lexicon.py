from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.attributes import lexicon as module
from synthgen.attributes.dictionaries import HABITS
from synthgen.attributes.lexicon import AttributeFinding, entries, find_terms, folded_words, sentence_words, value_of


def test_finding_is_affirmed_by_default_and_hides_its_value():
    found = AttributeFinding("age", "54", start=2, end=7)
    assert not found.negated
    assert repr(found) == "AttributeFinding(age, 2 to 7)"


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
def test_sentences_worked_examples(text, expected):
    assert [" ".join(word.text for word in words) for words in sentence_words(text)] == expected


def test_capitals_and_folding_of_words():
    (words,) = sentence_words("COPD HFrEF Cough cough T2DM")
    assert [word.text for word in words if word.is_mostly_capitals] == ["COPD", "HFrEF", "T2DM"]
    assert folded_words("Crohn’s Disease, T2DM beta-blocker") == ("crohn", "disease", "t2dm", "beta", "blocker")


@given(st.text(alphabet="aB1 .\n:•-'’", max_size=60))
def test_words_and_gaps_cover_the_text(text):
    words = [word for one in sentence_words(text) for word in one]
    for word, following in pairwise(words):
        assert text[word.start : word.end] == word.text
        assert text[word.end : following.start] == word.after
    assert sum(c.isalnum() for c in text) == sum(c.isalnum() for word in words for c in word.text)


def test_dictionary_names_are_unique():
    names = Counter(
        key
        for attribute, block in module.BLOCKS.items()
        for _, of in entries(block)
        for key in {folded_words(name) for name in (of[1:] if attribute in {*HABITS, module.OTHER} else of)}
    )
    assert [key for key, n in names.items() if n > 1] == []


@pytest.mark.parametrize(("attribute", "least"), [("condition", 100), ("symptom", 90), ("medication", 150)])
def test_every_dictionary_value_is_its_own_name(attribute, least):
    values = [value for value, _ in entries(module.BLOCKS[attribute])]
    assert least < len(values) < 2 * least
    assert [value_of(attribute, value) for value in values] == values
    assert all(module.lexicon())


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
def test_find_terms_worked_examples(text, expected):
    assert [(t.attribute, t.value) for words in sentence_words(text) for _, _, t in find_terms(words)] == expected


def test_value_of_unknown_name_is_none():
    assert value_of("medication", "asthma") is None
    assert value_of("condition", "no such thing") is None
