"""Thresholds of the memorization audit, calibrated on control persons, and planted copies that test it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from audits.attacks.memorization.search import CEILING_TOKENS, FLOOR_TOKENS, RECORD_TOKENS, Matches, Pool
from audits.core.types import Bool, Float, Int
from audits.text.normalise import tokens
from audits.text.shared_runs import CAP_TOKENS

MARGIN_TOKENS = 8  # each further token divides chance runs by 1.5 to 2, so 8 more have a probability of .4-4 %
MARGIN_NEAR = 0.15
FLOOR_NEAR = 0.55
CEILING_NEAR = 0.65
FLOOR_LOOSE = 0.6
MARGIN_LOOSE = 0.2
MOST_BY_CHANCE = 0.6
STRATA = (1, RECORD_TOKENS, CEILING_TOKENS, 64)  # smallest number of tokens of each length class
N_PLANTED = 8  # per length class


class ChanceThresholds(NamedTuple):
    """Thresholds for shared text, in tokens of a run or as a share of a record."""

    by_chance: float  # the highest value that a control person reaches
    certain: float  # smallest value that proves a leak: the highest control value plus the margin
    limit: float  # smallest value that prevents a pass; below `certain` if control persons reach high values


def run_thresholds(by_chance: int) -> ChanceThresholds:
    """Return the thresholds for runs of own words: certain = max(13, by_chance + 8), limit = min(certain, 30)."""
    certain = max(FLOOR_TOKENS, by_chance + MARGIN_TOKENS)
    return ChanceThresholds(by_chance, certain, min(certain, CEILING_TOKENS))


def near_thresholds(by_chance: float) -> ChanceThresholds:
    """Return the thresholds for shares of a record in a row: certain = max(.55, by_chance + .15), limit <= .65."""
    certain = max(FLOOR_NEAR, by_chance + MARGIN_NEAR)
    return ChanceThresholds(by_chance, certain, min(certain, CEILING_NEAR))


def whole_thresholds(by_chance: int) -> ChanceThresholds:
    """Return the thresholds for runs of words, common text included, that only one person's texts contain.

    certain = limit = max(30, 2 by_chance). They are infinite above 64, because forms give non-members long runs too.
    """
    certain = max(CEILING_TOKENS, 2 * by_chance) if 2 * by_chance <= CAP_TOKENS else np.inf
    return ChanceThresholds(by_chance, certain, certain)


def loose_thresholds(by_chance: float) -> ChanceThresholds:
    """Return the thresholds for the share of a record found in pieces over the table, or in one row in any order.

    certain = limit = max(.6, by_chance + .2). They are infinite if by_chance > .6, because large tables contain short
    pieces of every record and long rows contain most words.
    """
    certain = max(FLOOR_LOOSE, by_chance + MARGIN_LOOSE) if by_chance <= MOST_BY_CHANCE else np.inf
    return ChanceThresholds(by_chance, certain, certain)


def non_members(pool: Pool, found: Matches, rng: np.random.Generator) -> Int:
    """Return the control persons (indices within control) on whom the thresholds are calibrated.

    Control persons who share a record with a train person are excluded, because a leak of that record would raise the
    threshold that it is compared with. A maximum grows with the number of persons, so at most n_train are drawn.
    """
    apart = np.flatnonzero(found.merged[pool.n_train : pool.n_persons] >= pool.n_train)
    return apart if len(apart) <= pool.n_train else rng.choice(apart, size=pool.n_train, replace=False)


@dataclass(frozen=True, slots=True)
class Planted:
    """Train records searched as if they were synthetic rows; the audit must find them."""

    texts: tuple[str, ...]  # the records
    stratum: Int  # length class of each, as an index into STRATA
    share: Float  # share of the train records in each length class, (len(STRATA),)


def plant(texts: Sequence[str], rng: np.random.Generator) -> Planted:
    """Return up to N_PLANTED records of each length class."""
    sizes = np.array([len(tokens(text)) for text in texts])
    length = np.maximum(np.searchsorted(STRATA, sizes, side="right") - 1, 0)
    members = [np.flatnonzero(length == i) for i in np.unique(length)]
    rows = np.concatenate([rng.choice(of, size=min(N_PLANTED, len(of)), replace=False) for of in members])
    share = np.bincount(length, minlength=len(STRATA)) / len(texts)
    return Planted(tuple(texts[i] for i in rows), length[rows], share)


@dataclass(frozen=True, slots=True)
class Caught:
    """Planted records found and planted, and the share of train records, per length class."""

    found: Int
    planted: Int
    share: Float

    @property
    def _blind(self) -> Bool:
        return 2 * self.found < self.planted

    @property
    def blind_share(self) -> float:
        """Return the share of train records in length classes with under half of the planted copies found."""
        return float(self.share[self._blind].sum())

    @property
    def blind_lengths(self) -> str:
        """Return these length classes as text; empty if there are none."""
        ends = [*(f"to {after - 1}" for after in STRATA[1:]), "or more"]
        names = [f"{least} {end} words" for least, end in zip(STRATA, ends, strict=True)]
        return ", ".join(name for name, is_blind in zip(names, self._blind, strict=True) if is_blind)

    def by_length(self) -> dict[str, list[float]]:
        """Return [found, planted, share of train] by the smallest number of tokens of the class."""
        rows = zip(STRATA, self.found.tolist(), self.planted.tolist(), self.share.tolist(), strict=True)
        return {str(least): [found, n, share] for least, found, n, share in rows if n > 0}


def caught(planted: Planted, is_found: Bool) -> Caught:
    """Return how many planted records of each length class were found."""
    of_found, of_all = planted.stratum[is_found], planted.stratum
    n_found, n = (np.bincount(stratum, minlength=len(STRATA)) for stratum in (of_found, of_all))
    return Caught(n_found, n, planted.share)
