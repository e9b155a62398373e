import numpy as np
import pytest

from audits.text.minhash import CLOSE, OVER_REPRESENTED, SHINGLE_TOKENS, near_pairs, sketch

RNG = np.random.default_rng(5)


def text(n):
    return [f"w{i}" for i in RNG.integers(0, 500, size=n)]


def joined(rows):
    return [" ".join(words) for words in rows]


def close_of(rows):
    return sketch(joined(rows), bands=CLOSE)


def exact(a, b):
    sets = [{tuple(t[i : i + SHINGLE_TOKENS]) for i in range(len(t) - SHINGLE_TOKENS + 1)} for t in (a, b)]
    shared = len(sets[0] & sets[1])
    return shared / len(sets[0] | sets[1]), shared / len(sets[1])


def test_similarities_equal_the_sets():
    base = text(60)
    left = [text(40), base, text(7), ["too", "short"]]
    right = [[*base[:50], *text(10)], text(33), base]
    pairs = near_pairs(sketch(joined(left)), sketch(joined(right)))
    assert {(1, 0), (1, 2)} <= set(zip(pairs.left.tolist(), pairs.right.tolist(), strict=True))
    for a, b, jaccard, containment in zip(pairs.left, pairs.right, pairs.jaccard, pairs.containment, strict=True):
        assert (jaccard, containment) == pytest.approx(exact(left[a], right[b]))


def test_the_knee_of_the_bands():
    """At J = .9 nearly every pair is found, at J = .3 nearly none by the close bands."""
    bases = [text(105) for _ in range(60)]
    close = near_pairs(close_of(bases), close_of([[*b[:100], *text(5)] for b in bases]))
    assert len(close.left) >= 57
    far = near_pairs(close_of(bases), close_of([[*b[:50], *text(55)] for b in bases]))
    assert len(far.left) <= 3


def test_a_template_is_left_out_and_counted():
    same = text(20)
    pairs = near_pairs(sketch(joined([same])), sketch(joined([same] * (OVER_REPRESENTED + 1))))
    assert len(pairs.left) == 0
    assert pairs.n_full > 0


def test_empty_tables():
    assert len(near_pairs(sketch([]), sketch(["a"])).left) == 0


def test_rows_are_read_in_blocks_to_the_same_end(monkeypatch):
    rng = np.random.default_rng(5)
    rows = joined([f"w{i}" for i in rng.integers(40, size=n)] for n in rng.integers(0, 30, size=23))
    whole = sketch(rows)
    monkeypatch.setattr("audits.text.minhash._BLOCK_ROWS", 7)
    parts = sketch(rows)
    np.testing.assert_array_equal(parts.buckets, whole.buckets)
    np.testing.assert_array_equal(parts.filled, whole.filled)


def test_pairs_are_compared_in_batches_to_the_same_end(monkeypatch):
    rng = np.random.default_rng(6)
    base = [f"w{i}" for i in rng.integers(500, size=40)]
    rows = joined([w for w in base if rng.random() < 0.95] for _ in range(31))
    whole = near_pairs(sketch(rows[:20]), sketch(rows[20:]))
    assert len(whole.left) > 20
    monkeypatch.setattr("audits.text.minhash._BATCH", 7)
    parts = near_pairs(sketch(rows[:20]), sketch(rows[20:]))
    for column in ("left", "right", "jaccard", "containment"):
        np.testing.assert_array_equal(getattr(parts, column), getattr(whole, column))
