import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audits.attacks.memorization.locations import (
    WHOLE_RECORD,
    SourceTexts,
    _placed,
    copied_rows,
    copied_runs,
    find_copied,
)
from audits.core.types import Finding
from audits.text.common_text import CommonText, own_text
from audits.text.normalise import tokens, without_numbers
from audits.text.shared_runs import CAP_TOKENS, TokenNumbers, number_rows, runs_alone

WORDS = [f"w{i}x" for i in range(400)]


def found(synthetic, train, owners, *, bound=5, whole=((), ()), masked=False):
    def split(text):
        return without_numbers(tokens(text)) if masked else tokens(text)

    runs = found_runs(map(split, synthetic), map(split, train), np.array(owners), masked=masked)
    texts = SourceTexts(synthetic, train, np.array(owners), ["ann", "bo", "cy", *"defghi"])
    records = copied_rows(*(np.array(column, dtype=np.int64) for column in whole), WHOLE_RECORD)
    return find_copied(texts, [runs, records], bound)


def found_runs(made, real, owners, *, masked=False):
    """Return the runs of texts without common text."""
    vocabulary = TokenNumbers()
    made, real = number_rows(made, vocabulary), number_rows(real, vocabulary)
    runs = runs_alone(made, real, owners, public=int(owners.max()) + 1)
    left = own_text(made, CommonText(phrases=np.zeros(0, np.uint64), forms=np.zeros(0, np.uint64)))
    return copied_runs(runs, left, made, runs.length >= 5, masked=masked)


def test_a_run_is_located_in_the_original_text():
    source = " ".join(WORDS[:12])
    made = f"Über  ﬁne:\u200b\n{source.upper().replace(' ', '  ')}! Straße"
    findings, n_left = found(["nothing here", made], ["other words", source], [0, 1])
    assert n_left == 0
    (one,) = findings
    assert (one.row, one.kind, one.person) == (1, "run", "bo")
    assert made[one.start : one.end] == source.upper().replace(" ", "  ")


def test_only_runs_beyond_the_cap_are_extended():
    """The first part of the copy is shared by seven persons, so the run of one person begins later than the copy."""
    shared, own = " ".join(WORDS[:80]), " ".join(WORDS[80:290])
    made = f"Before. {shared} {own} {WORDS[300]} {WORDS[301]}"
    findings, _ = found([made], [f"x {shared} {own} y", *[shared] * 6], [2, *range(3, 9)])
    assert [(f.kind, f.person) for f in findings] == [("run", "cy")]
    assert made[findings[0].start : findings[0].end] == f"{shared} {own}"
    own = " ".join(WORDS[:CAP_TOKENS])
    (one,), _ = found([f"a {own} b"], [f"c {own} d", f"e {own}"], [0, 0])
    assert (one.start, one.end) == (2, 2 + len(own))


def test_masked_numbers_are_located_with_all_digits():
    source = "the pressure was 120 / 80 on the 3rd day of march"
    made = "then the pressure was 95, 60 50 on the 4rd day of march again"
    (one,), _ = found([made], [source], [0], masked=True)
    assert made[one.start : one.end] == "the pressure was 95, 60 50 on the 4rd day of march"
    assert found([made], [source], [0], bound=11) == ([], 0)
    source, made = "now the pressure was 120 / 80", "but now the pressure was 95, 60 50"
    (one,), _ = found([made], [source], [0], masked=True)
    assert made[one.start : one.end] == "now the pressure was 95, 60 50"


def test_a_whole_record_covers_the_row_and_is_listed_once():
    own = " ".join(WORDS[:30])
    findings, _ = found([f" {own}. ", own], [own], [1], whole=([0], [1]))
    assert findings == [
        Finding(row=0, start=0, end=len(own) + 3, kind="whole record", person="bo"),
        Finding(row=1, start=0, end=len(own), kind="run", person="bo"),
    ]


def test_one_row_can_have_findings_of_several_persons():
    texts = [" ".join(WORDS[k : k + 9]) for k in (0, 20, 40)]
    made = f"{texts[2]} and {texts[0]}"
    findings, _ = found([made], texts, [0, 1, 2], bound=8)
    assert [(f.person, made[f.start : f.end]) for f in findings] == [("ann", texts[0]), ("cy", texts[2])]
    assert found([made], texts, [0, 1, 2], bound=10) == ([], 0)


def test_findings_beyond_the_limit_are_counted(monkeypatch):
    monkeypatch.setattr("audits.attacks.memorization.locations.MAX_FINDINGS", 3)
    text = " ".join(WORDS[:9])
    findings, n_left = found([text] * 5, [text], [0], whole=([1, 4], [0, 0]))
    assert ([f.row for f in findings], n_left) == ([0, 1, 2], 2)
    assert [f.kind for f in findings] == ["run", "whole record", "run"]
    assert found(["a b c"], ["d e f"], [0]) == ([], 0)


@pytest.mark.parametrize("seed", range(3))
def test_the_located_characters_contain_the_tokens_of_the_run(seed):
    rng = np.random.default_rng(seed)
    ends = [" ", ", ", " \u200b", "\n", " ½ "]

    def write():
        return "".join(f"{rng.choice(['ab', 'bé', 'Cß', 'ﬁd'])}{rng.choice(ends)}" for _ in range(40))

    made, train = [write() for _ in range(9)], [write() for _ in range(7)]
    owners = np.array([0, 1, 2, 0, 1, 2, 1])
    runs = found_runs(map(tokens, made), map(tokens, train), owners)
    findings, _ = find_copied(SourceTexts(made, train, owners, "xyz"), [runs], 0)
    assert len(findings) == len(runs.row) > 0
    for one, length in zip(findings, runs.length, strict=True):
        assert len(tokens(made[one.row][one.start : one.end])) == length


@given(st.text(alphabet="a0½12３ ,.\u200bß_٣", max_size=25))
def test_masked_tokens_equal_those_of_the_search(text):
    assert [place.word for place in _placed(text, masked=True)] == without_numbers(tokens(text))


def test_a_repeated_word_is_located_in_linear_time():
    start = time.process_time()
    text = "may " * 50_000
    (one,), _ = found([text], [text], [0])
    assert (one.start, one.end) == (0, len(text) - 1)
    assert time.process_time() - start < 60
