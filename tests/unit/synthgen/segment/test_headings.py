import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.segment.headings import heading_of, shared_headings


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("CHIEF COMPLAINT", "chief complaint"),
        ("  Past  Medical History: ", "past medical history"),
        ("## Plan", "plan"),
        ("# PLAN:", "plan"),
        ("HPI:", "hpi"),
        ("1. HISTORY:", "1. history"),
        ("", None),
        ("---", None),
        ("12:", None),
        ("#", None),
        ("Plan", None),
        ("COPD.", None),
        ("- Examination:", None),
        ("• Cardiovascular:", None),
        ("BP: 120/80", None),
        ("The patient has undergone all of the following:", None),
        ("A" * 61, None),
    ],
)
def test_a_heading_stands_alone_short_and_marked(line, name):
    assert heading_of(line) == name


def test_a_heading_is_used_only_where_enough_persons_have_it():
    texts = ["PLAN\nrest", "PLAN\nice", "PLAN\nheat", "JOHN SMITH\nill", "JOHN SMITH\nwell"]
    assert shared_headings(texts, ["a", "b", "c", "d", "d"], 2) == {"plan": "PLAN"}
    assert shared_headings(texts, ["a", "a", "a", "b", "c"], 2) == {"john smith": "JOHN SMITH"}
    assert shared_headings(texts, ["a", "b", "c", "d", "d"], 4) == {}


def test_it_is_written_as_most_persons_write_it():
    texts = ["Plan:\nx", "Plan:\nx", "PLAN\nx", "PLAN\nx", "PLAN\nx", "## Plan\nx"]
    assert shared_headings(texts, list("abcdef"), 2) == {"plan": "PLAN"}
    assert shared_headings(texts, list("abccce"), 2) == {"plan": "Plan:"}  # PLAN is one person's


def test_a_way_of_writing_that_few_share_is_not_used():
    assert shared_headings(["Plan:\nx", "# plan\nx", "PLAN :\nx"], list("abc"), 2) == {"plan": "PLAN"}


def test_a_heading_that_capitals_would_change_gets_a_colon():
    shared = shared_headings(["# Vitals 1\nx", "vitals 1:\nx"], list("ab"), 2)
    assert shared == {"vitals 1": "VITALS 1"}
    assert all(heading_of(written) == name for name, written in shared.items())


@given(st.lists(st.text(alphabet="aB:#-ßİ \n", max_size=12), min_size=2, max_size=6))
def test_what_is_written_is_read_as_the_same_heading(texts):
    groups = [str(i % 3) for i in range(len(texts))]
    shared = shared_headings(texts, groups, 2)
    assert all(heading_of(written) == name for name, written in shared.items())
    assert set(shared_headings(texts, groups, 3)) <= set(shared)
