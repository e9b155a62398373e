import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.core.near_duplicates import _TOKEN, THRESHOLD, _shingles, jaccard, near_duplicates, repeated


def slow_reference(texts, others):
    def shingles(text):
        tokens = _TOKEN.findall(text.casefold())
        return {tuple(tokens[i : i + 5]) for i in range(max(1, len(tokens) - 4))}

    pairs = [[(shingles(text), shingles(other)) for other in others] for text in texts]
    return [any(len(a & b) / len(a | b) >= THRESHOLD for a, b in row) for row in pairs]


def edited(words, changes, rng):
    words = list(words)
    for at in rng.choice(len(words), size=changes, replace=False):
        words[at] = f"new{rng.integers(1000)}"
    return " ".join(words)


def test_near_duplicates_match_exhaustive_search_on_edited_copies():
    rng = np.random.default_rng(3)
    vocabulary = [f"w{i}" for i in range(300)]
    others = [" ".join(rng.choice(vocabulary, size=int(rng.integers(40, 120)))) for _ in range(60)]
    texts = [edited(others[i % 60].split(), i % 7, rng) for i in range(170)]
    expected = slow_reference(texts, others)
    assert near_duplicates(texts, others).tolist() == expected
    assert 40 < sum(expected) < 160


@given(st.lists(st.text("ab c", max_size=24), max_size=7), st.lists(st.text("ab c", max_size=24), max_size=5))
def test_near_duplicates_match_exhaustive_search_on_short_texts(texts, others):
    assert near_duplicates(texts, others).tolist() == slow_reference(texts, others)


def test_near_duplicates_worked_example():
    # 14 tokens give 10 shingles; a changed last token keeps 9 of them: J = 9 / 11 = .82; two give 8 / 12 = .67
    base = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen"
    one, two = base.replace("fourteen", "x"), base.replace("thirteen fourteen", "x y")
    assert near_duplicates([base.upper(), one + "!", two], [base]).tolist() == [True, True, False]
    a, b = _shingles(base), _shingles(one)
    assert jaccard(a, b) == pytest.approx(9 / 11)


def test_near_duplicates_of_equal_texts_take_subquadratic_time():
    start = time.monotonic()
    assert near_duplicates(["the same five words here"] * 3000, ["the same five words here"] * 2500).all()
    assert time.monotonic() - start < 10


@given(st.lists(st.text("ab c", max_size=24), max_size=8), st.data())
def test_repeated_texts_match_exhaustive_search(texts, data):
    owners = [data.draw(st.sampled_from("xy")) for _ in texts]
    for given_owners in (None, owners):
        kept, expected = [], []
        for text, owner in zip(texts, owners, strict=True):
            others = [t for t, o in kept if given_owners is None or o == owner]
            expected.append(slow_reference([text], others)[0])
            kept += [] if expected[-1] else [(text, owner)]
        assert repeated(texts, given_owners).tolist() == expected
