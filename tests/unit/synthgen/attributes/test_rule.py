import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from synthgen.attributes import AttributeRule, contradictions, extract, is_fulfilled, mentions
from synthgen.attributes.person import MAX_AGE_YEARS
from synthgen.attributes.rule import ATTRIBUTES


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
def test_by_hand(text, phrase, is_there):
    assert mentions(text, phrase) == is_there


@given(st.lists(st.sampled_from(["ant", "bee", "cow"]), max_size=6), st.integers(0, 6), st.integers(1, 6))
def test_a_text_mentions_its_own_runs(words, start, n):
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


def rule(**asked):
    return AttributeRule.model_validate(asked)


def holds(text, **asked):
    return is_fulfilled(rule(**asked), text, extract(text))


@pytest.mark.parametrize(
    ("asked", "is_so"),
    [
        ({"age": "40-60"}, True),
        ({"age": "54-54"}, True),
        ({"age": 54}, True),
        ({"age": 53}, False),
        ({"age": "55-60"}, False),
        ({"age": "40 - 60"}, True),
        ({"age_band": "middle-aged"}, True),
        ({"age_band": "older adult"}, False),
        ({"sex": "female"}, True),
        ({"sex": "male"}, False),
        ({"condition": "gout"}, True),
        ({"condition": "Gouty arthritis"}, True),
        ({"condition": "asthma"}, False),
        ({"medication": "metformin"}, True),
        ({"medication": "glucophage"}, True),
        ({"medication": "insulin"}, False),
        ({"symptom": "chest pain"}, False),
        ({"smoking": "none"}, True),
        ({"smoking": "current"}, False),
        ({"occupation": "Baker"}, True),
        ({"mentions": "insulin"}, True),
        ({"mentions": "metformin"}, False),
        ({"not_mentions": "metformin"}, True),
        ({"not_mentions": "gout, on"}, False),
        ({"alcohol": "none"}, False),
    ],
)
def test_by_hand_rule(asked, is_so):
    assert holds(NOTE, **asked) is is_so


def test_what_is_not_stated_is_not_so():
    for asked in ({"age": "0-120"}, {"sex": "male"}, {"smoking": "none"}, {"mentions": "x"}):
        assert not holds("", **asked)
    assert holds("", not_mentions="x")


def test_a_decade_must_lie_inside():
    assert holds("in her 60s", age="60-69")
    assert not holds("in her 60s", age="65-70")


def test_the_first_age_counts():
    assert holds("Aged 54. A 7-year-old dog.", age=54)
    assert not holds("Aged 54. A 7-year-old dog.", age=7)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({}, "exactly one of age, age_band"),
        ({"prefer": True}, "got 0"),
        ({"age": 4, "sex": "male"}, "got 2"),
        ({"age": "60-40"}, "age must be years"),
        ({"age": "old"}, "age must be years"),
        ({"age": -1}, "age must be"),
        ({"age": 121}, "0 to 120"),
        ({"age": "40-"}, "age must be"),
        ({"age": True}, "valid integer"),
        ({"sex": "f"}, "'female', 'male' or 'nonbinary'"),
        ({"medication": "nostrum"}, "'nostrum' is not in the dict"),
        ({"condition": "metformin"}, "not in the dictionary"),
        ({"mentions": " -"}, "mentions must contain a word"),
        ({"not_mentions": ""}, "must contain a word"),
        ({"occupation": ""}, "must contain a word"),
        ({"heigth": 4}, "Extra"),
    ],
)
def test_a_rule_that_cannot_be_is_refused(asked, message):
    with pytest.raises(ValidationError, match=message):
        rule(**asked)


def test_it_is_written_as_it_was_read():
    for asked in ({"age": "40-60"}, {"sex": "male", "prefer": True}, {"not_mentions": "x"}):
        assert rule(**asked).model_dump(mode="json") == asked


def test_every_attribute_is_documented():
    assert all(f"        {name}: " in AttributeRule.__doc__ for name in ATTRIBUTES)


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
    for rules in ({"ant": [rule(**one), rule(**other)]}, {"ant": [rule(**one)], "*": [rule(**other)]}):
        assert (len(contradictions(rules)) == 1) is excludes
    assert contradictions({"ant": [rule(**one)], "bee": [rule(**other)]}) == []


@given(TEXTS, st.integers(0, MAX_AGE_YEARS), st.integers(0, MAX_AGE_YEARS))
def test_a_wider_range_never_refuses_more(text, a, b):
    low, high = sorted((a, b))
    if holds(text, age=f"{low}-{high}"):
        assert holds(text, age=f"0-{MAX_AGE_YEARS}")
        assert holds(text, age=f"{low}-{MAX_AGE_YEARS}")


@given(TEXTS, st.sampled_from(["gout", "a", "on insulin", "seven"]))
def test_mentions_and_not_mentions_are_opposite(text, phrase):
    assert holds(text, mentions=phrase) != holds(text, not_mentions=phrase)


@given(TEXTS)
def test_what_excludes_itself_is_never_fulfilled_together(text):
    pairs = [({"age": 54}, {"age": 7}), ({"sex": "male"}, {"sex": "female"})]
    for one, other in pairs:
        assert not (holds(text, **one) and holds(text, **other))
