"""Rows that a release shares with the previous release, and whether both used the same random numbers."""

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
    """The rows that two releases share. A long row has at least 20 words.

    Args:
        n: number of long rows of this release.
        equal: number of them with an equal row in the previous release, ignoring case and spaces.
        near: number of them with a near copy (Jaccard of 5-token shingles >= .8) or an equal row there.
        by_chance: the share of long rows with a near copy in their own release, for the release with more of them.
        is_new: (m,); for each row of this release, long or short, whether the previous one has no copy of it.
        is_gone: (m',); for each row of the previous release whether this one has no copy of it.
    """

    n: int
    equal: int
    near: int
    by_chance: float
    is_new: Bool
    is_gone: Bool

    @property
    def limit(self) -> float:
        """The share of near rows above which the releases share random numbers or kept rows.

        It is 1 %, or twice the share that a release repeats itself if that is more. Independent writing does not
        repeat twenty words: at one bit per word, far less than text has, a row is found among 10,000 others with a
        probability of 10,000 / 2^20, under 1 %.
        """
        return max(LIMIT, 2 * self.by_chance)


def row_overlap(now: Table, then: Table) -> RowOverlap:
    """Compare the rows of this release with those of the previous one.

    Privacy: reads synthetic rows only.
    Cost: O((m + m') · 128) time, 64 bytes for each row.
    """
    keys = [[normalise(text) for text in table.texts] for table in (now, then)]
    is_long = [np.array([len(tokens(t)) >= MIN_WORDS for t in table.texts], dtype=np.bool_) for table in (now, then)]
    sketches = [sketch(table.texts, bands=CLOSE) for table in (now, then)]
    equal = [
        np.array([key in known for key in mine], dtype=np.bool_)
        for mine, known in ((keys[0], set(keys[1])), (keys[1], set(keys[0])))
    ]
    near_now, near_then = (_near(mine, other) for mine, other in (sketches, sketches[::-1]))
    twice = [_near(mine, mine, same=True)[long] for mine, long in zip(sketches, is_long, strict=True)]
    return RowOverlap(
        n=int(is_long[0].sum()),
        equal=int((equal[0] & is_long[0]).sum()),
        near=int(((near_now | equal[0]) & is_long[0]).sum()),
        by_chance=max(float(rows.mean()) if len(rows) > 0 else 0.0 for rows in twice),
        is_new=~(near_now | equal[0]),
        is_gone=~(near_then | equal[1]),
    )


def seeds_of(previous: Previous) -> Seeds:
    """Return whether the digests of the seeds of both releases are equal."""
    if previous.seed_digest is None or previous.seed_digest_now is None:
        return "unknown"
    return "equal" if previous.seed_digest == previous.seed_digest_now else "different"


def share_randomness(overlap: RowOverlap, seeds: Seeds) -> bool:
    """Return whether it is proven, at level .05, that the releases share random numbers or kept rows."""
    if seeds == "equal":
        return True
    return overlap.n > 0 and clopper_pearson(overlap.near, overlap.n, confidence=1 - FAIL_LEVEL).low > overlap.limit


def use_separate_randomness(overlap: RowOverlap, seeds: Seeds, *, confidence: float) -> bool:
    """Return whether the rows prove that the releases do not, or the digests differ and no rows contradict them."""
    if seeds == "different":
        return overlap.n == 0 or overlap.near / overlap.n <= overlap.limit
    return (
        seeds == "unknown"
        and overlap.n > 0
        and clopper_pearson(overlap.near, overlap.n, confidence=confidence).high <= overlap.limit
    )


def _near(mine: Sketch, other: Sketch, *, same: bool = False) -> Bool:
    """Return which rows have a near copy in the other table; with `same`, in another row of that table."""
    pairs = near_pairs(mine, other)
    near = np.zeros(len(mine), dtype=np.bool_)
    near[pairs.left[(pairs.jaccard >= NEAR) & ~(same & (pairs.left == pairs.right))]] = True
    return near
