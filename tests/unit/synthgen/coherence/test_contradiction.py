from synthgen.coherence.contradiction import Contradiction, sentences


def test_a_sentence_ends_at_an_end_mark_or_a_line_break_but_not_after_a_title():
    text = "Mr. Lee saw Dr. Ito. He rests\n\n- BP 120/80.\nPlan:"
    assert [text[a:b].strip() for a, b in sentences(text)] == [
        "Mr. Lee saw Dr. Ito.",
        "He rests",
        "BP 120/80.",
        "Plan:",
    ]
    assert list(sentences("")) == list(sentences(" \n ")) == []


def test_a_contradiction_shows_no_text():
    assert repr(Contradiction("sex", (3, 9))) == "Contradiction(sex)"
