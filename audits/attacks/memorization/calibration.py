"""From where on a shared run is no chance, told by control; and how long a record must be to be judged at all."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from audits.attacks.memorization.search import CEILING_TOKENS, FLOOR_TOKENS, Matches, Pool
from audits.attacks.memorization.verbatim import RECORD_TOKENS
from audits.text.normalise import tokens
from audits.text.shared_runs import CAP_TOKENS

MARGIN_TOKENS = 8  # chance runs thin out 1.5-2 times per token, so 8 more are .4-4 % likely by chance
MARGIN_NEAR = 0.15
FLOOR_NEAR = 0.55
CEILING_NEAR = 0.65
FLOOR_LOOSE = 0.6
MARGIN_LOOSE = 0.2
MOST_BY_CHANCE = 0.6
STRATA = (1, RECORD_TOKENS, CEILING_TOKENS, 64)  # tokens from which a record is of the next length
N_PLANTED = 8  # of each length

Int = NDArray[np.int64]


class ChanceBound(NamedTuple):
    """From where on something shared counts; tokens of a run, or the share of a record.

    Args:
        by_chance: the most that a control person shares with a synthetic row.
        certain: from here on it is a leak: more than control ever comes to, by the margin.
        limit: from here on nothing passes; below `certain` where control shares so much that it could be chance.
    """

    by_chance: float
    certain: float
    limit: float


def run_bound(by_chance: int) -> ChanceBound:
    """Return the bound on runs of own words.

    certain = max(13, by_chance + 8),  limit = min(certain, 30)
    """
    certain = max(FLOOR_TOKENS, by_chance + MARGIN_TOKENS)
    return ChanceBound(by_chance, certain, min(certain, CEILING_TOKENS))


def near_bound(by_chance: float) -> ChanceBound:
    """Return the bound on the share of a record that stands in one row.

    certain = max(.55, by_chance + .15),  limit = min(certain, .65)
    """
    certain = max(FLOOR_NEAR, by_chance + MARGIN_NEAR)
    return ChanceBound(by_chance, certain, min(certain, CEILING_NEAR))


def whole_bound(by_chance: int) -> ChanceBound:
    """Return the bound on runs of words, common text and all, that one person's texts hold and nobody else's.

    certain = limit = max(30, 2 by_chance), and none, infinity, above 64: where forms repeat, non-members share as much.
    """
    tokens_alone = max(CEILING_TOKENS, 2 * by_chance)
    certain = tokens_alone if tokens_alone <= CAP_TOKENS else np.inf
    return ChanceBound(by_chance, certain, certain)


def loose_bound(by_chance: float) -> ChanceBound:
    """Return the bound on the share of a record that stands in the table in pieces, or in one row in any order.

    certain = limit = max(.6, by_chance + .2), and none, infinity, where by_chance > .6: large tables hold short
    pieces of everybody, and long rows everybody's words.
    """
    certain = max(FLOOR_LOOSE, by_chance + MARGIN_LOOSE) if by_chance <= MOST_BY_CHANCE else np.inf
    return ChanceBound(by_chance, certain, certain)


def non_members(pool: Pool, found: Matches, rng: np.random.Generator) -> Int:
    """Return the control persons who tell what chance does, as numbers among control.

    Those who share a record with a train person are no non-members to train: a leak of it would raise the bound that it
    is held against. A maximum grows with the number it is taken over, so there are at most as many as train persons.
    """
    apart = np.flatnonzero(found.merged[pool.n_train : pool.n_persons] >= pool.n_train)
    return apart if len(apart) <= pool.n_train else rng.choice(apart, size=pool.n_train, replace=False)


@dataclass(frozen=True, slots=True)
class Planted:
    """Train records that are searched for like synthetic rows: the audit must find them, or it is blind there.

    Args:
        texts: the records.
        stratum: length of each, as a number into STRATA.
        share: of the train records that are of each length, (len(STRATA),).
    """

    texts: tuple[str, ...]
    stratum: Int
    share: NDArray[np.float64]


def plant(texts: Sequence[str], rng: np.random.Generator) -> Planted:
    """Return up to N_PLANTED records of each length."""
    sizes = np.array([len(tokens(text)) for text in texts])
    length = np.maximum(np.searchsorted(STRATA, sizes, side="right") - 1, 0)
    chosen = [
        rng.choice(rows, size=min(N_PLANTED, len(rows)), replace=False)
        for rows in (np.flatnonzero(length == i) for i in range(len(STRATA)))
        if len(rows) > 0
    ]
    rows = np.concatenate(chosen)
    share = np.bincount(length, minlength=len(STRATA)) / len(texts)
    return Planted(tuple(texts[i] for i in rows), length[rows], share)


@dataclass(frozen=True, slots=True)
class Caught:
    """How many of the planted records of each length were found, of how many, and their share of train."""

    found: Int
    planted: Int
    share: NDArray[np.float64]

    @property
    def _blind(self) -> NDArray[np.bool_]:
        return 2 * self.found < self.planted

    @property
    def blind_share(self) -> float:
        """Return the share of the train records of lengths of which less than half of the planted were found."""
        return float(self.share[self._blind].sum())

    @property
    def blind_lengths(self) -> str:
        """Return these lengths, for a sentence; empty where there are none."""
        ends = [f"to {after - 1}" for after in STRATA[1:]] + ["or more"]
        return ", ".join(
            f"{least} {end} words" for least, end, is_blind in zip(STRATA, ends, self._blind, strict=True) if is_blind
        )

    def by_length(self) -> dict[str, list[float]]:
        """Return found, planted, and the share of train, by the least number of tokens."""
        rows = zip(STRATA, self.found.tolist(), self.planted.tolist(), self.share.tolist(), strict=True)
        return {str(least): [found, n, share] for least, found, n, share in rows if n > 0}


def caught(planted: Planted, is_found: NDArray[np.bool_]) -> Caught:
    """Return how many of the planted records were found."""
    found, n = (
        np.bincount(planted.stratum[some], minlength=len(STRATA)) for some in (is_found, np.ones_like(is_found))
    )
    return Caught(found, n, planted.share)
