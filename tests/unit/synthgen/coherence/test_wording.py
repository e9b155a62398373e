import pytest

from synthgen.coherence.wording import cut, repeated


@pytest.mark.parametrize(
    "text",
    [
        "The history is of weakness, weakness of the hands.",
        "She has pain, and pain.",
        "No history of history of diabetes.",
        "There is bilateral bilateral pain.",
        "She walks to work every day. She reads. She walks to work every day.",
        "We saw him in the clinic on Monday for his knee and saw him in the clinic on Monday for his knee",
    ],
)
def test_a_repeated_phrase_or_sentence_is_found(text):
    (found,) = repeated(text)
    assert found.rule == "repeated"


@pytest.mark.parametrize(
    "text",
    [
        "It happened many, many years ago, and it was more and more painful.",
        "Milk, water and water mixed with juice.",
        "No cough. No fever. No cough.",
        "She had had pain, and we gave her her tablets. LOWER\nLower back.",
        f"A man has gout and comes for a check. {'He rests. ' * 40}A man has gout and comes for a check.",
        "He has gout and comes for a check of it today.\n\nHe has gout and comes for a check of it today.",
        "",
    ],
)
def test_emphasis_and_restatements_far_apart_are_not_found(text):
    found = [c for c in repeated(text) if "rests" not in text[slice(*c.at)]]
    assert found == []


@pytest.mark.parametrize(
    "text",
    ["He has a", "He has pain,", "Started on 5 mg of", "She was seen by Dr. Lee and", "Plan:", "Plan\n1. Rest\n2."],
)
def test_a_text_that_stops_inside_a_sentence_is_found(text):
    assert [c.rule for c in cut(text)] == ["cut"]


@pytest.mark.parametrize(
    "text",
    ["He has pain", "He has pain.", "Seen by Dr. A", "Plan\n1. Rest\n2. Hb 12.", "Bye.\nKind regards,", "", "..."],
)
def test_a_text_that_ends_with_its_sentence_is_not_found(text):
    assert list(cut(text)) == []
