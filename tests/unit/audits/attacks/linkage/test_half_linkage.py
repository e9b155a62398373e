"""Joining the halves of a record over a synthetic row."""

import numpy as np
import pytest

from audits.attacks.linkage.half_linkage import join_halves
from audits.attacks.linkage.view_retrieval import NearestRows


def found(rows, similarities):
    return NearestRows(rows=np.array(rows), similarities=np.array(similarities, dtype=np.float32))


def test_two_lists_join_over_a_common_row_with_the_weaker_similarity_of_the_strongest():
    first = found([[3, 7, 9], [1, 2, 4], [5, 6, 8], [0, 1, 2]], [[0.9, 0.5, 0.25]] * 4)
    second = found([[9, 7, 0], [3, 5, 6], [5, 0, 1], [7, 2, 0]], [[0.75, 0.5, 0.125]] * 4)
    halved = np.array([True, True, True, False])
    one, three = (join_halves(first, second, k, halved) for k in (1, 3))
    assert list(one.correct) == [False, False, True, False]
    assert list(three.correct) == [True, False, True, True]
    assert three.confidence == pytest.approx([0.5, 0, 0.75, 0.25])
    assert list(three.is_trial) == [True, True, True, False]


def test_against_a_slow_reference():
    rng = np.random.default_rng(0)
    lists = [
        found(np.stack([rng.permutation(23)[:6] for _ in range(50)]), -np.sort(-rng.random((50, 6)), axis=1))
        for _ in "ab"
    ]
    for k in (1, 4, 6):
        joined = join_halves(*lists, k, np.ones(50, dtype=bool))
        for i in range(50):
            a, b = (dict(zip(v.rows[i, :k], v.similarities[i, :k], strict=True)) for v in lists)
            common = [min(a[r], b[r]) for r in a.keys() & b.keys()]
            assert joined.correct[i] == bool(common)
            assert joined.confidence[i] == pytest.approx(max(common, default=0))


def test_random_lists_join_about_k_squared_over_m_times():
    rng = np.random.default_rng(1)
    lists = [found(np.stack([rng.permutation(400)[:5] for _ in range(3000)]), np.ones((3000, 5))) for _ in "ab"]
    joined = join_halves(*lists, 5, np.ones(3000, dtype=bool))
    assert joined.correct.mean() == pytest.approx(25 / 400, abs=0.015)
