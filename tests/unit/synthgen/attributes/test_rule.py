import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from synthgen.attributes import AttributeRule, extract, is_fulfilled
from synthgen.attributes.person import MAX_AGE_YEARS
from synthgen.attributes.rule import contradictions, mentions


@pytest.mark.parametrize(
    ("text", "phrase", "is_there"),
    [
        ("Stopped METFORMIN.", "metformin", True),
        ("metformins", "metformin", False),
        ("red, hot sun", "Red hot", True),
        ("hot red", "red hot", False),
        ("a b b c", "b c", True),
        ("", "a", False),
        ("straße", "STRASSE", True),
        ("ﬁne", "fine", True),
        ("x", "longer phrase", False),
        ("no metformin", "metformin", True),
    ],
)
def test_mentions_worked_examples(text, phrase, is_there):
    assert mentions(text, phrase) == is_there


@given(st.lists(st.sampled_from(["ant", "bee", "cow"]), max_size=6), st.integers(0, 6), st.integers(1, 6))
def test_text_mentions_its_own_phrases(words, start, n):
    run = words[start : start + n]
    if run:
        assert mentions(", ".join(words), " ".join(run).upper())
    assert not mentions(" ".join(words), "dog")


NOTE = (
    "A 54-year-old woman with gout, on Glucophage. Denies chest pain and smoking. Works as a baker. Insulin stopped."
)
TEXTS = st.lists(
    st.sampled_from(["A 54-year-old.", "She.", "Gout.", "No gout.", "On insulin.", "Aged 7.", "Smokes."]), max_size=4
).map(" ".join)


def rule(**fields):
    return AttributeRule.model_validate(fields)


def holds(text, **fields):
    return is_fulfilled(rule(**fields), text, extract(text))


@pytest.mark.parametrize(
    ("text", "fields", "expected"),
    [
        (NOTE, {"age": "40-60"}, True),
        (NOTE, {"age": "54-54"}, True),
        (NOTE, {"age": 54}, True),
        (NOTE, {"age": 53}, False),
        (NOTE, {"age": "55-60"}, False),
        (NOTE, {"age": "40 - 60"}, True),
        (NOTE, {"age_band": "middle-aged"}, True),
        (NOTE, {"age_band": "older adult"}, False),
        (NOTE, {"sex": "female"}, True),
        (NOTE, {"sex": "male"}, False),
        (NOTE, {"condition": "gout"}, True),
        (NOTE, {"condition": "Gouty arthritis"}, True),
        (NOTE, {"condition": "asthma"}, False),
        (NOTE, {"medication": "metformin"}, True),
        (NOTE, {"medication": "glucophage"}, True),
        (NOTE, {"medication": "insulin"}, False),
        (NOTE, {"symptom": "chest pain"}, False),
        (NOTE, {"smoking": "none"}, True),
        (NOTE, {"smoking": "current"}, False),
        (NOTE, {"occupation": "Baker"}, True),
        (NOTE, {"mentions": "insulin"}, True),
        (NOTE, {"mentions": "metformin"}, False),
        (NOTE, {"not_mentions": "metformin"}, True),
        (NOTE, {"not_mentions": "gout, on"}, False),
        (NOTE, {"alcohol": "none"}, False),
        ("", {"age": "0-120"}, False),
        ("", {"sex": "male"}, False),
        ("", {"smoking": "none"}, False),
        ("", {"mentions": "x"}, False),
        ("", {"not_mentions": "x"}, True),
        ("in her 60s", {"age": "60-69"}, True),
        ("in her 60s", {"age": "65-70"}, False),  # the whole decade must be in the range
        ("Aged 54. A 7-year-old dog.", {"age": 54}, True),  # the first age counts
        ("Aged 54. A 7-year-old dog.", {"age": 7}, False),
    ],
)
def test_rules_worked_examples(text, fields, expected):
    assert holds(text, **fields) is expected


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "exactly one of these keys, but this rule sets 0: age, age_band"),
        ({"prefer": True}, "but this rule sets 0: age, age_band"),
        ({"age": 4, "sex": "male"}, "but this rule sets 2: age, age_band"),
        ({"age": "60-40"}, "`age` must be years"),
        ({"age": "old"}, "`age` must be years"),
        ({"age": -1}, "`age` must be"),
        ({"age": 121}, "0 to 120"),
        ({"age": "40-"}, "`age` must be"),
        ({"age": True}, "valid integer"),
        ({"sex": "f"}, "'female', 'male' or 'nonbinary'"),
        ({"medication": "nostrum"}, "'nostrum' is not in SynthGen's dictionary of medications"),
        ({"condition": "metformin"}, "not in SynthGen's dictionary of conditions"),
        ({"mentions": " -"}, "`mentions` must contain a letter or digit"),
        ({"not_mentions": ""}, "`not_mentions` must contain a letter or digit"),
        ({"occupation": ""}, "`occupation` must contain a letter or digit"),
        ({"heigth": 4}, "Extra"),
    ],
)
def test_invalid_rule_is_rejected(fields, message):
    with pytest.raises(ValidationError, match=message):
        rule(**fields)


def test_rule_serialises_as_it_was_given():
    for fields in ({"age": "40-60"}, {"sex": "male", "prefer": True}, {"not_mentions": "x"}):
        assert rule(**fields).model_dump(mode="json") == fields


@pytest.mark.parametrize(
    ("one", "other", "excludes"),
    [
        ({"age": "40-60"}, {"age": "60-70"}, False),
        ({"age": "40-60"}, {"age": 61}, True),
        ({"sex": "male"}, {"sex": "female"}, True),
        ({"sex": "male"}, {"sex": "male"}, False),
        ({"mentions": "insulin pump"}, {"not_mentions": "Insulin"}, True),
        ({"mentions": "insulin"}, {"not_mentions": "insulin pump"}, False),
        ({"sex": "male"}, {"sex": "female", "prefer": True}, False),
        ({"condition": "gout"}, {"condition": "asthma"}, False),
        ({"age_band": "child"}, {"age_band": "infant"}, True),
    ],
)
def test_contradictions(one, other, excludes):
    both = [rule(**one), rule(**other)]
    for rules in ({"ant": both}, {"ant": both[:1], "*": both[1:]}, {"ant": [], "bee": [], "*": both}):
        assert (len(contradictions(rules)) == 1) is excludes
    assert contradictions({"ant": [rule(**one)], "bee": [rule(**other)]}) == []


@given(TEXTS, st.integers(0, MAX_AGE_YEARS), st.integers(0, MAX_AGE_YEARS))
def test_wider_age_range_is_fulfilled_too(text, a, b):
    low, high = sorted((a, b))
    if holds(text, age=f"{low}-{high}"):
        assert holds(text, age=f"0-{MAX_AGE_YEARS}")
        assert holds(text, age=f"{low}-{MAX_AGE_YEARS}")


@given(TEXTS, st.sampled_from(["gout", "a", "on insulin", "seven"]))
def test_not_mentions_is_the_negation_of_mentions(text, phrase):
    assert holds(text, mentions=phrase) != holds(text, not_mentions=phrase)


@given(TEXTS)
def test_contradictory_rules_are_never_fulfilled_together(text):
    for one, other in (({"age": 54}, {"age": 7}), ({"sex": "male"}, {"sex": "female"})):
        assert not (holds(text, **one) and holds(text, **other))
