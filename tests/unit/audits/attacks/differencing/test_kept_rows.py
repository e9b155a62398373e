"""Rows that two releases share: what counts as the same row, and when a common seed is sure, excluded, or open."""

import numpy as np
import pytest

from audits.attacks.differencing.kept_rows import (
    LIMIT,
    row_overlap,
    seeds_of,
    share_randomness,
    use_separate_randomness,
)
from audits.core.types import Previous, Table

WORDS = [f"word{i}" for i in range(900)]


def table(texts):
    texts = tuple(texts)
    return Table(texts=texts, labels=None, groups=tuple(f"s{i}" for i in range(len(texts))), has_groups=True)


def written(n, *, seed, words=30):
    rng = np.random.default_rng(seed)
    return [" ".join(rng.choice(WORDS, size=words)) for _ in range(n)]


def test_rows_are_counted_whatever_their_case_and_spaces_and_short_ones_are_not():
    then = [*written(5, seed=1), "no complaints today"]
    now = [then[0], then[1].upper(), f"  {then[2].replace(' ', '   ')}", "no complaints today", *written(3, seed=2)]
    overlap = row_overlap(table(now), table(then))
    assert (overlap.n, overlap.equal, overlap.near) == (6, 3, 3)
    assert overlap.is_new.tolist() == [False] * 4 + [True] * 3
    assert overlap.is_gone.tolist() == [False, False, False, True, True, False]
    assert overlap.by_chance == 0.0
    assert overlap.limit == LIMIT


def test_a_row_with_its_last_words_changed_is_near_and_not_equal():
    then = written(4, seed=1, words=60)
    now = [then[0].rsplit(" ", 2)[0] + " other end", *written(6, seed=2)]
    overlap = row_overlap(table(now), table(then))
    assert (overlap.equal, overlap.near) == (0, 1)
    assert overlap.is_gone.tolist() == [False, True, True, True]


def test_twenty_words_are_long():
    texts = written(1, seed=1, words=19) + written(1, seed=2, words=20)
    assert row_overlap(table(texts), table(texts)).n == 1


def test_what_a_release_repeats_by_itself_raises_the_limit():
    template = written(1, seed=9)[0]
    now, then = ([*[template] * k, *written(40 - k, seed=s)] for k, s in ((4, 1), (6, 2)))
    overlap = row_overlap(table(now), table(then))
    assert overlap.by_chance == pytest.approx(6 / 40)
    assert overlap.limit == pytest.approx(12 / 40)
    assert not share_randomness(overlap, "unknown")


@pytest.mark.parametrize(
    ("n", "shared", "seeds", "common", "apart"),
    [
        (320, 0, "unknown", False, True),
        (320, 0, "different", False, True),
        (320, 0, "equal", True, False),
        (298, 0, "unknown", False, False),  # 299 rows without one show a share of at most 1 %
        (299, 0, "unknown", False, True),
        (60, 0, "different", False, True),
        (60, 1, "different", False, False),
        (60, 1, "unknown", False, False),
        (60, 5, "different", True, False),
        (0, 0, "unknown", False, False),
        (0, 0, "different", False, True),
    ],
)
def test_a_common_seed_is_sure_or_excluded_or_open(n, shared, seeds, common, apart):
    now, then = written(n, seed=1), written(50, seed=2)
    now = [*then[:shared], *now[shared:]]
    overlap = row_overlap(table([*now, "short"]), table(then))
    assert (overlap.n, overlap.equal) == (n, shared)
    assert share_randomness(overlap, seeds) == common
    assert use_separate_randomness(overlap, seeds, confidence=0.95) == apart


@pytest.mark.parametrize(
    ("then", "now", "seeds"),
    [
        ("a", "a", "equal"),
        ("a", "b", "different"),
        ("a", None, "unknown"),
        (None, "a", "unknown"),
        (None, None, "unknown"),
    ],
)
def test_seeds_are_known_by_both_digests_or_not_at_all(then, now, seeds):
    previous = Previous(synthetic=table(["s"]), train=table(["t"]), seed_digest=then, seed_digest_now=now)
    assert seeds_of(previous) == seeds


def test_independent_writing_of_a_small_vocabulary_stays_under_the_limit():
    rng = np.random.default_rng(0)
    now, then = (
        [" ".join(rng.choice(["pain", "none"], size=20)) for _ in range(700)] for _ in range(2)
    )  # 1 bit a word
    overlap = row_overlap(table(now), table(then))
    assert overlap.equal / overlap.n < LIMIT
    assert not share_randomness(overlap, "unknown")
