import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.core.errors import DataError
from synthgen.segment.config import SegmentsConfig
from synthgen.segment.split import Segment, Splitter, heading_of, learn_splitter, shared_headings, windows_of


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
def test_heading_of_recognizes_headings(line, name):
    assert heading_of(line) == name


def test_shared_headings_require_enough_persons():
    texts = ["PLAN\nrest", "PLAN\nice", "PLAN\nheat", "JOHN SMITH\nill", "JOHN SMITH\nwell"]
    assert shared_headings(texts, ["a", "b", "c", "d", "d"], 2) == {"plan": "PLAN"}
    assert shared_headings(texts, ["a", "a", "a", "b", "c"], 2) == {"john smith": "JOHN SMITH"}
    assert shared_headings(texts, ["a", "b", "c", "d", "d"], 4) == {}


def test_shared_headings_use_the_most_frequent_form():
    texts = ["Plan:\nx", "Plan:\nx", "PLAN\nx", "PLAN\nx", "PLAN\nx", "## Plan\nx"]
    assert shared_headings(texts, list("abcdef"), 2) == {"plan": "PLAN"}
    assert shared_headings(texts, list("abccce"), 2) == {"plan": "Plan:"}  # only one person uses PLAN

    assert shared_headings(["Plan:\nx", "# plan\nx", "PLAN :\nx"], list("abc"), 2) == {"plan": "PLAN"}
    assert shared_headings(["# Vitals 1\nx", "vitals 1:\nx"], list("ab"), 2) == {"vitals 1": "VITALS 1"}


@given(st.lists(st.text(alphabet="aB:#-ßİ \n", max_size=12), min_size=2, max_size=6))
def test_shared_headings_round_trip(texts):
    groups = [str(i % 3) for i in range(len(texts))]
    shared = shared_headings(texts, groups, 2)
    assert all(heading_of(written) == name for name, written in shared.items())
    assert set(shared_headings(texts, groups, 3)) <= set(shared)


HEADINGS = {"plan": "PLAN", "history": "HISTORY:"}
NOTE = """Seen today.

HISTORY

Cough for weeks. No fever.
Smokes.

JOHN SMITH

PLAN
Rest. Fluids."""
piece = st.one_of(
    st.sampled_from(["PLAN", "History:", "## plan", "JOHN SMITH", "", " ", "A. B! C?", "no end"]),
    st.text(alphabet="ab.!?\"') \t\r\x0b\x1c\u2028", max_size=40),
)
notes = st.lists(piece, max_size=12).map("\n".join)


def test_splitter_cuts_at_known_headings():
    segments = Splitter(90, HEADINGS).split(NOTE)
    sections = [("", 0, ""), ("history", 1, "HISTORY"), ("plan", 2, "PLAN")]
    assert [(s.heading, s.section, s.opening) for s in segments] == sections
    assert segments[1].text == "Cough for weeks. No fever.\nSmokes.\n\nJOHN SMITH"


def test_splitter_cuts_long_sections_into_windows():
    segments = Splitter(10, HEADINGS).split("PLAN\n" + "One two three four. " * 6 + "\nHISTORY\nNone.")
    assert [(s.heading, s.section, s.opening, len(s.text.split())) for s in segments] == [
        ("plan", 0, "PLAN", 8),
        ("plan", 0, "", 8),
        ("plan", 0, "", 8),
        ("history", 1, "HISTORY", 1),
    ]


def test_splitter_without_headings_makes_windows_of_sentences():
    segments = Splitter(4, {}).split("One two three. Four five six.\nSeven eight nine")
    assert [s.text for s in segments] == ["One two three.", "Four five six.", "Seven eight nine"]
    assert {(s.heading, s.section) for s in segments} == {("", 0)}


def test_splitter_keeps_empty_sections():
    segments = Splitter(9, HEADINGS).split("HISTORY\n\nPLAN\nRest.")
    assert segments[0] == Segment(heading="history", section=0, opening="HISTORY", text="")
    assert "Rest" not in repr(segments[1])


@given(notes, st.integers(1, 7))
def test_splitter_keeps_all_text(text, words):
    for splitter in (Splitter(words, HEADINGS), Splitter(words, {})):
        segments = splitter.split(text)
        assert " ".join(f"{s.opening} {s.text}" for s in segments).split() == text.split()
        assert [s.section for s in segments] == sorted(s.section for s in segments)


@given(notes, st.integers(1, 7))
def test_windows_are_whole_sentences_of_similar_length(text, words):
    windows = list(windows_of(text, words))
    assert " ".join(windows).split() == text.split()
    assert all(window.strip() == window and window for window in windows)
    assert all(len(window.split()) <= 2 * words for window in windows)


def test_windows_cut_long_sentences():
    assert list(windows_of("one two three four five six seven", 3)) == ["one two three", "four five six", "seven"]


def test_splitter_join_round_trip():
    splitter, plan = Splitter(3, HEADINGS), [("plan", 1, "Rest now."), ("plan", 1, "Drink much.")]
    parts = [("", 0, "Seen today."), *plan, ("history", 2, ""), ("history", 3, "Well.")]
    text = splitter.join(parts)
    assert text == "Seen today.\n\nPLAN\nRest now. Drink much.\n\nHISTORY:\nWell."
    assert [(s.heading, s.text) for s in splitter.split(text)] == [(h, t) for h, _, t in parts if t]


def test_a_generated_segment_ends_at_the_heading_of_another_section():
    splitter = Splitter(3, HEADINGS)
    assert splitter.without_headings("Plan:\nRest.\nJOHN SMITH\nHISTORY\n") == "Rest.\nJOHN SMITH"
    assert splitter.without_headings("Plan:\n\nHISTORY:\nRest.\nPLAN\nDrink.\nHISTORY\nWell.") == "Rest."
    assert splitter.without_headings("HISTORY\nPLAN") == ""


def test_learn_splitter_uses_shared_headings():
    texts = [NOTE] * 3
    asked = {"words": 20, "least_persons": 3}
    known = {"history": "HISTORY", "john smith": "JOHN SMITH", "plan": "PLAN"}
    for by, who, headings in (
        ("headings", "abc", known),
        ("auto", "abc", known),
        ("sentences", "abc", {}),
        ("auto", "aab", {}),
    ):
        assert learn_splitter(SegmentsConfig(by=by, **asked), texts, list(who)) == Splitter(20, headings)
    with pytest.raises(DataError, match="at least 3 persons"):
        learn_splitter(SegmentsConfig(by="headings", **asked), texts, list("aab"))


def test_splitter_digest_covers_all_settings():
    settings = [(9, HEADINGS), (8, HEADINGS), (9, {}), (9, {**HEADINGS, "plan": "Plan:"})]
    assert len({Splitter(*each).digest for each in settings}) == 4
