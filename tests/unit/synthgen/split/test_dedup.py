import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.split import dedup
from synthgen.split.dedup import THRESHOLD, near_duplicates


def slow_reference(texts, others):
    def shingles(text):
        tokens = dedup._TOKEN.findall(text.casefold())
        return {tuple(tokens[i : i + 5]) for i in range(max(1, len(tokens) - 4))}

    def jaccard(a, b):
        return len(a & b) / len(a | b)

    return [any(jaccard(shingles(t), shingles(o)) >= THRESHOLD for o in others) for t in texts]


def edited(words, changes, rng):
    words = list(words)
    for at in rng.choice(len(words), size=changes, replace=False):
        words[at] = f"new{rng.integers(1000)}"
    return " ".join(words)


def test_agrees_with_the_slow_reference_on_edited_copies():
    rng = np.random.default_rng(3)
    vocabulary = [f"w{i}" for i in range(300)]
    others = [" ".join(rng.choice(vocabulary, size=int(rng.integers(40, 120)))) for _ in range(60)]
    texts = [edited(others[i % 60].split(), i % 7, rng) for i in range(170)]
    expected = slow_reference(texts, others)
    assert near_duplicates(texts, others).tolist() == expected
    assert 40 < sum(expected) < 160


@given(st.lists(st.text("ab c", max_size=24), max_size=7), st.lists(st.text("ab c", max_size=24), max_size=5))
def test_agrees_with_the_slow_reference_on_short_texts(texts, others):
    assert near_duplicates(texts, others).tolist() == slow_reference(texts, others)


def test_worked_example():
    # 14 tokens give 10 shingles; a changed last token keeps 9 of them: J = 9 / 11 = .82; two give 8 / 12 = .67
    base = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen"
    one, two = base.replace("fourteen", "x"), base.replace("thirteen fourteen", "x y")
    assert near_duplicates([base.upper(), one + "!", two], [base]).tolist() == [True, True, False]
    a, b = dedup._shingles(base), dedup._shingles(one)
    assert dedup.jaccard(a, b) == pytest.approx(9 / 11)


def test_many_equal_texts_cost_no_quadratic_time():
    start = time.monotonic()
    assert near_duplicates(["the same five words here"] * 3000, ["the same five words here"] * 2500).all()
    assert time.monotonic() - start < 10
