import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthgen.core.errors import DataError
from synthgen.decode.train.pieces import MAX_HELDOUT, pieces_of

LIMIT = 24


def test_pieces_contain_all_fitting_lines(words):
    note = "fever since monday\n\nno cough\nthe doctor sees the patient .\n  river garden  "
    texts = [note, *(f"text number {i} of a doctor" for i in range(30))]
    found = pieces_of({"a": texts}, words, LIMIT, 1000)
    of_note = [t for t in found.passages.texts if "river" in t or "cough" in t or "monday" in t]
    lines = [line for text in of_note for line in text.split("\n")]
    assert lines == ["fever since monday", "no cough", "the doctor sees the patient .", "river garden"]
    eos = words.eos_token_id
    for ids, length in zip(found.passages.tokens, found.passages.lengths, strict=True):
        assert 2 <= length <= LIMIT
        assert ids[:length].tolist().index(eos) == length - 1


def test_heldout_texts_are_not_trained_on(words):
    texts = {name: [f"{name} says {i} . and more {i}\nline {i} {name}" for i in range(60)] for name in ("one", "two")}
    found = pieces_of(texts, words, LIMIT, 40)
    n = len(found.passages.texts) - found.heldout
    seen, back = found.passages.texts[:n], found.passages.texts[n:]
    numbers = [{(i, "one" in text) for text in part for i in re.findall(r"\d+", text)} for part in (seen, back)]
    assert not numbers[0] & numbers[1]
    assert found.passages.sources == {"one": 40, "two": 40}
    assert 2 <= found.heldout <= MAX_HELDOUT
    again = pieces_of({k: list(reversed(v)) + v for k, v in texts.items()}, words, LIMIT, 40)
    assert again.passages.texts == found.passages.texts  # neither order nor repeats matter
    with pytest.raises(DataError, match="too few texts"):
        pieces_of({"a": ["one text"]}, words, LIMIT, 10)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.text(alphabet="ab .\n!", max_size=200), min_size=30, max_size=40, unique=True))
def test_pieces_fit_the_limit(words, texts):
    try:
        found = pieces_of({"a": texts}, words, 12, 1000)
    except DataError:
        return  # too few texts have a fitting line
    assert found.passages.tokens.shape[1] == 12
    assert all(text.strip() for text in found.passages.texts)
