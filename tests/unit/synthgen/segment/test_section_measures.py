import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.core.types import Segments
from synthgen.segment.section_measures import section_measures
from synthgen.segment.split import Splitter

SPLITTER = Splitter(50, {"plan": "PLAN", "history": "HISTORY"})
TEXTS = [
    "HISTORY\nHe is 40 years old.\n\nPLAN\nHe rests.",
    "HISTORY\nHe coughs.\n\nPLAN\nShe is to rest a while.",
    "HISTORY\nCough.",
]
U = np.array([[1, 0, 0], [0, 2, 0], [1, 1, 0], [0, 0, 3], [0, 1, 0]], dtype=np.float32)


def test_section_measures_worked_example():
    segments = Segments(
        vectors=U,
        record_ids=("a", "a", "b", "b", "c"),
        headings=("history", "plan", "history", "plan", "history"),
        sections=(0, 1, 0, 1, 0),
    )
    found = section_measures(TEXTS, segments, SPLITTER)
    assert found["words"] == pytest.approx((9 + 10 + 2) / 3)
    assert found["sections"] == pytest.approx(5 / 3)
    assert found["next_cosine"] == pytest.approx(0)  # a: 0, b: 0
    # a's history with b's plan, b's history with a's plan
    assert found["other_cosine"] == pytest.approx((0 + 0.5**0.5) / 2)


@given(st.integers(0, 2**32 - 1))
def test_cosines_equal_those_of_all_pairs(seed):
    rng = np.random.default_rng(seed)
    records = np.sort(rng.integers(0, 4, 12))
    vectors, headings = rng.normal(size=(12, 3)).astype(np.float32), rng.choice(["", "plan", "history"], 12)
    made = Segments(
        vectors=vectors, record_ids=tuple(map(str, records)), headings=tuple(map(str, headings)), sections=(0,) * 12
    )
    found = section_measures(TEXTS, made, SPLITTER)
    cosine = vectors @ vectors.T / np.outer(*[np.linalg.norm(vectors, axis=1)] * 2)
    pairs = [(i, i + 1) for i in range(11) if records[i] == records[i + 1]]
    others = [(i, j) for i, k in pairs for j in range(12) if headings[j] == headings[k] and records[j] != records[i]]
    for name, chosen in (("next_cosine", pairs), ("other_cosine", others)):
        assert (name in found) == bool(chosen)
        if chosen:
            assert found[name] == pytest.approx(np.mean([cosine[p] for p in chosen]), abs=1e-5)


def test_section_measures_omit_measures_without_data():
    segments = Segments(vectors=U[:1], record_ids=("c",), headings=("history",), sections=(0,))
    assert set(section_measures(TEXTS[2:], segments, SPLITTER)) == {"words", "sections"}
