import numpy as np
import pytest

from audits.text.minhash import FULL_BUCKET, SHINGLE_TOKENS, near_pairs, sketch

RNG = np.random.default_rng(5)


def text(n):
    return [f"w{i}" for i in RNG.integers(0, 500, size=n)]


def joined(rows):
    return [" ".join(words) for words in rows]


def exact(a, b):
    sets = [{tuple(t[i : i + SHINGLE_TOKENS]) for i in range(len(t) - SHINGLE_TOKENS + 1)} for t in (a, b)]
    return len(sets[0] & sets[1]) / len(sets[0] | sets[1])


def test_similarities_equal_those_of_the_sets():
    base = text(60)
    left = [text(40), base, text(7), ["too", "short"]]
    right = [[*base[:56], *text(4)], text(33), base]
    pairs = near_pairs(sketch(joined(left)), sketch(joined(right)))
    assert {(1, 0), (1, 2)} <= set(zip(pairs.left.tolist(), pairs.right.tolist(), strict=True))
    for a, b, jaccard in zip(pairs.left, pairs.right, pairs.jaccard, strict=True):
        assert jaccard == pytest.approx(exact(left[a], right[b]))


@pytest.mark.parametrize(("n_equal", "least", "most"), [(100, 57, 60), (50, 0, 3)])  # Jaccard similarity .9 and .3
def test_the_bands_find_similar_pairs_only(n_equal, least, most):
    bases = [text(105) for _ in range(60)]
    changed = [[*b[:n_equal], *text(105 - n_equal)] for b in bases]
    assert least <= len(near_pairs(*(sketch(joined(rows)) for rows in (bases, changed))).left) <= most


def test_templates_are_skipped_and_empty_tables_have_no_pairs():
    same = text(20)
    for n_copies, n_pairs in ((FULL_BUCKET, FULL_BUCKET), (FULL_BUCKET + 1, 0)):
        assert len(near_pairs(sketch(joined([same])), sketch(joined([same] * n_copies))).left) == n_pairs
    assert len(near_pairs(sketch([]), sketch(["a"])).left) == 0


def test_the_result_does_not_depend_on_blocks_and_batches(monkeypatch):
    rng = np.random.default_rng(6)
    base = [f"w{i}" for i in rng.integers(500, size=40)]
    rows = joined([[w for w in base if rng.random() < 0.98] for _ in range(31)] + [[], ["short"]])
    whole = sketch(rows[:20]), sketch(rows[20:])
    monkeypatch.setattr("audits.text.minhash._BLOCK_ROWS", 7)
    parts = sketch(rows[:20]), sketch(rows[20:])
    for one, other in zip(whole, parts, strict=True):
        np.testing.assert_array_equal(one.buckets, other.buckets)
        np.testing.assert_array_equal(one.filled, other.filled)
    pairs = near_pairs(*whole)
    assert len(pairs.left) > 20
    monkeypatch.setattr("audits.text.minhash._BATCH", 7)
    batched = near_pairs(*whole)
    for column in ("left", "right", "jaccard"):
        np.testing.assert_array_equal(getattr(batched, column), getattr(pairs, column))
