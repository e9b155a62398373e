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


def test_a_note_is_cut_at_known_headings_and_other_lines_are_text():
    segments = Splitter(90, HEADINGS).split(NOTE)
    assert [(s.heading, s.section, s.opening) for s in segments] == [
        ("", 0, ""),
        ("history", 1, "HISTORY"),
        ("plan", 2, "PLAN"),
    ]
    assert segments[1].text == "Cough for weeks. No fever.\nSmokes.\n\nJOHN SMITH"


def test_a_long_section_is_cut_on_into_windows():
    segments = Splitter(10, HEADINGS).split("PLAN\n" + "One two three four. " * 6 + "\nHISTORY\nNone.")
    assert [(s.heading, s.section, s.opening, len(s.text.split())) for s in segments] == [
        ("plan", 0, "PLAN", 8),
        ("plan", 0, "", 8),
        ("plan", 0, "", 8),
        ("history", 1, "HISTORY", 1),
    ]


def test_a_record_without_headings_is_windows_of_sentences():
    segments = Splitter(4, {}).split("One two three. Four five six.\nSeven eight nine")
    assert [s.text for s in segments] == ["One two three.", "Four five six.", "Seven eight nine"]
    assert {(s.heading, s.section) for s in segments} == {("", 0)}


def test_a_heading_with_nothing_below_it_is_kept_as_an_empty_segment():
    segments = Splitter(9, HEADINGS).split("HISTORY\n\nPLAN\nRest.")
    assert segments[0] == Segment(heading="history", section=0, opening="HISTORY", text="")


@given(notes, st.integers(1, 7))
def test_nothing_is_lost(text, words):
    for splitter in (Splitter(words, HEADINGS), Splitter(words, {})):
        segments = splitter.split(text)
        assert " ".join(f"{s.opening} {s.text}" for s in segments).split() == text.split()
        assert [s.section for s in segments] == sorted(s.section for s in segments)


@given(notes, st.integers(1, 7))
def test_windows_are_whole_pieces_and_about_as_long_as_asked(text, words):
    windows = list(windows_of(text, words))
    assert " ".join(windows).split() == text.split()
    assert all(window.strip() == window and window for window in windows)
    assert all(len(window.split()) <= 2 * words for window in windows)


def test_a_sentence_longer_than_a_window_is_cut():
    assert list(windows_of("one two three four five six seven", 3)) == ["one two three", "four five six", "seven"]


def test_what_is_joined_is_split_into_the_same_again():
    splitter = Splitter(3, HEADINGS)
    parts = [
        ("", 0, "Seen today."),
        ("plan", 1, "Rest now."),
        ("plan", 1, "Drink much."),
        ("history", 2, ""),
        ("history", 3, "Well."),
    ]
    text = splitter.join(parts)
    assert text == "Seen today.\n\nPLAN\nRest now. Drink much.\n\nHISTORY:\nWell."
    assert [(s.heading, s.text) for s in splitter.split(text)] == [(h, t) for h, _, t in parts if t]


def test_lines_that_would_begin_a_section_are_taken_out_of_what_was_written():
    splitter = Splitter(9, HEADINGS)
    assert splitter.without_headings("Plan:\nRest.\nJOHN SMITH\nHISTORY\n") == "Rest.\nJOHN SMITH"


def test_headings_are_learned_from_train_where_they_are_asked_for():
    texts, groups = [NOTE] * 3, list("abc")
    asked = {"words": 20, "least_persons": 3}
    known = {"history": "HISTORY", "john smith": "JOHN SMITH", "plan": "PLAN"}
    assert learn_splitter(SegmentsConfig(by="headings", **asked), texts, groups) == Splitter(20, known)
    assert learn_splitter(SegmentsConfig(by="auto", **asked), texts, groups) == Splitter(20, known)
    assert learn_splitter(SegmentsConfig(by="sentences", **asked), texts, groups) == Splitter(20, {})
    assert learn_splitter(SegmentsConfig(by="auto", **asked), texts, list("aab")) == Splitter(20, {})
    with pytest.raises(DataError, match="at least 3 persons"):
        learn_splitter(SegmentsConfig(by="headings", **asked), texts, list("aab"))


def test_a_splitter_is_known_by_all_that_decides_where_it_cuts_and_writes():
    splitters = [
        Splitter(9, HEADINGS),
        Splitter(8, HEADINGS),
        Splitter(9, {}),
        Splitter(9, {**HEADINGS, "plan": "Plan:"}),
    ]
    assert len({splitter.digest for splitter in splitters}) == 4


def test_a_repr_shows_no_text():
    assert "Rest" not in repr(Segment(heading="", section=0, opening="", text="Rest."))
