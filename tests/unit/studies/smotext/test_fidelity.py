import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from studies.smotext.fidelity import class_kept, mean_of
from synthgen.core.errors import DataError, InternalError

SEEDS = st.integers(0, 2**31)


def unit(n, d, seed):
    x = np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32)
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def rng(seed=0):
    return np.random.default_rng(seed)


def test_the_interval_contains_the_mean_and_has_the_theoretical_width():
    values = rng(1).normal(3, 2, size=400)
    found = mean_of(values, rng())
    assert found.value == pytest.approx(values.mean())
    assert found.low < found.value < found.high
    assert found.high - found.low == pytest.approx(2 * 1.96 * values.std() / math.sqrt(400), rel=0.1)


def test_the_interval_covers_the_truth_at_its_confidence_level():
    found = [mean_of(rng(seed).normal(size=60), rng(seed)) for seed in range(120)]
    assert 105 <= sum(m.low <= 0 <= m.high for m in found) <= 119


def test_equal_values_have_no_width_and_an_empty_list_is_refused():
    found = mean_of(np.full(7, 2.5), rng())
    assert (found.value, found.low, found.high) == (2.5, 2.5, 2.5)
    with pytest.raises(InternalError, match="one number per text"):
        mean_of(np.zeros(0), rng())


@given(st.integers(1, 8), st.integers(2, 5), st.integers(1, 2), SEEDS)
def test_the_class_agrees_with_leaving_out_one_by_one(m, d, p, seed):
    draw = rng(seed)
    of = [*"aabbccc", *"aaabbb"]
    reference, written = unit(len(of), d, seed), unit(m, d, seed + 1)
    labels = [str(c) for c in draw.choice([*"abc"], m)]
    own = np.array([[draw.choice([i for i, c in enumerate(of) if c == label]) for _ in range(p)] for label in labels])
    slow = []
    for y, label, left in zip(written, labels, own.tolist(), strict=True):
        score = {}
        for c in "abc":
            rows = [i for i, name in enumerate(of) if name == c and not (c == label and i in left)]
            centroid = reference[rows].sum(axis=0)
            score[c] = float(y @ centroid / np.linalg.norm(centroid))
        slow.append(max(score, key=score.get) == label)
    assert class_kept(written, labels, reference, of, own).tolist() == slow


def test_the_source_of_a_text_does_not_count_for_its_class():
    reference = np.array([[1, 0], [0, 1], [0, 1], [0.6, 0.8]], dtype=np.float32)
    of, written = [*"aabb"], reference[:1]
    # with the source, class a would be nearest; without it, the other text of a is orthogonal to the written text
    assert class_kept(written, ["a"], reference, of, np.array([[0]])).tolist() == [False]
    assert class_kept(written, ["a"], reference, of, np.array([[1]])).tolist() == [True]


def test_a_row_named_twice_is_excluded_once():
    reference = np.array([[1, 0], [0, 1], [-0.6, 0.8]], dtype=np.float32)
    written = np.array([[0.3, 0.954]], dtype=np.float32)
    # if the first row were subtracted twice, the sum of class a would be (-1, 1)
    for own in ([[0]], [[0, 0]]):
        assert class_kept(written, ["a"], reference, [*"aab"], np.array(own)).tolist() == [True]


def test_a_class_without_other_texts_is_refused():
    with pytest.raises(DataError, match="no texts other than the sources"):
        class_kept(unit(1, 3, 0), ["a"], unit(3, 3, 1), [*"aab"], np.array([[0, 1]]))
