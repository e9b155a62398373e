"""Rows of a release that already stood in the release before, and what they say about the random numbers of both."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from audits.core.stats import FAIL_LEVEL, clopper_pearson
from audits.core.types import Previous, Table
from audits.text.minhash import CLOSE, Sketch, near_pairs, sketch
from audits.text.normalise import normalise, tokens

MIN_WORDS = 20
NEAR = 0.8
LIMIT = 0.01

Bool = NDArray[np.bool_]
Seeds = Literal["equal", "different", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RowOverlap:
    """What two releases have in common, row by row; long rows are those of at least 20 words.

    Args:
        n: long rows of this release.
        equal: how many of them stand letter by letter in the release before, case and spaces aside.
        near: how many of them stand there nearly (Jaccard of 5-token shingles >= .8) or letter by letter.
        by_chance: the larger share, of the two releases, of long rows that nearly stand in their own release twice.
        is_new: for each row of this release, short ones too, whether the one before lacks it; (m,).
        is_gone: for each row of the release before whether this one lacks it; (m',).
    """

    n: int
    equal: int
    near: int
    by_chance: float
    is_new: Bool
    is_gone: Bool

    @property
    def limit(self) -> float:
        """The share of near rows above which the releases share their random numbers, or kept rows.

        1 %, or twice what a release repeats by itself where that is more. Twenty words are what independent writing
        does not repeat: at one bit per word, far less than text has, a row is found among 10,000 others with a chance
        of 10,000 / 2^20, under 1 %.
        """
        return max(LIMIT, 2 * self.by_chance)


def row_overlap(now: Table, then: Table) -> RowOverlap:
    """Return what this release has of the one before.

    Privacy: reads synthetic rows only.
    Cost: O((m + m') · 128) time, 64 bytes for each row.
    """
    keys = [[normalise(text) for text in table.texts] for table in (now, then)]
    is_long = [np.array([len(tokens(t)) >= MIN_WORDS for t in table.texts], dtype=np.bool_) for table in (now, then)]
    sketches = [sketch(table.texts, bands=CLOSE) for table in (now, then)]
    equal_now, equal_then = (_among(mine, set(other)) for mine, other in (keys, keys[::-1]))
    near_now, near_then = (_near(mine, other) for mine, other in (sketches, sketches[::-1]))
    twice = [_near(mine, mine, same=True)[long] for mine, long in zip(sketches, is_long, strict=True)]
    return RowOverlap(
        n=int(is_long[0].sum()),
        equal=int((equal_now & is_long[0]).sum()),
        near=int(((near_now | equal_now) & is_long[0]).sum()),
        by_chance=max(float(rows.mean()) if len(rows) > 0 else 0.0 for rows in twice),
        is_new=~(near_now | equal_now),
        is_gone=~(near_then | equal_then),
    )


def seeds_of(previous: Previous) -> Seeds:
    """Return what the digests say about the seeds of both releases."""
    if previous.seed_digest is None or previous.seed_digest_now is None:
        return "unknown"
    return "equal" if previous.seed_digest == previous.seed_digest_now else "different"


def share_randomness(overlap: RowOverlap, seeds: Seeds) -> bool:
    """Return whether the releases surely share their random numbers, or kept rows: a hard failure, at .05."""
    if seeds == "equal":
        return True
    return overlap.n > 0 and clopper_pearson(overlap.near, overlap.n, confidence=1 - FAIL_LEVEL).low > overlap.limit


def use_separate_randomness(overlap: RowOverlap, seeds: Seeds, *, confidence: float) -> bool:
    """Return whether they surely do not: the rows show it, or the digests differ and the rows do not contradict."""
    if seeds == "different":
        return overlap.n == 0 or overlap.near / overlap.n <= overlap.limit
    return (
        seeds == "unknown"
        and overlap.n > 0
        and clopper_pearson(overlap.near, overlap.n, confidence=confidence).high <= overlap.limit
    )


def _among(keys: Sequence[str], known: set[str]) -> Bool:
    return np.array([key in known for key in keys], dtype=np.bool_)


def _near(mine: Sketch, other: Sketch, *, same: bool = False) -> Bool:
    """Return which of my rows nearly stand in the other table; with `same`, in another row of it."""
    pairs = near_pairs(mine, other)
    near = np.zeros(len(mine), dtype=np.bool_)
    near[pairs.left[(pairs.jaccard >= NEAR) & ~(same & (pairs.left == pairs.right))]] = True
    return near
