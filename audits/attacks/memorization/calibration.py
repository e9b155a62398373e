"""Thresholds for copied text, and planted copies that test whether the memorization audit finds copies.

The audit measures values of each person, such as the length of the longest run (sequence) of own words in a synthetic
row. Own words are words outside common text, which several persons share. The generator never read the texts of
control persons, so the values of control persons are due to chance. The thresholds for train persons are therefore
calculated from the highest control values. A planted copy is a train record that the audit examines as if it were a
synthetic row.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from audits.attacks.memorization.search import CEILING_TOKENS, FLOOR_TOKENS, Matches, Pool
from audits.attacks.memorization.whole_records import RECORD_TOKENS
from audits.core.types import Bool, Float, Int
from audits.text.normalise import tokens
from audits.text.shared_runs import CAP_TOKENS

# A threshold is the highest control value plus MARGIN_*, and at least FLOOR_*. Whatever the control values are, a
# share of CEILING_NEAR or a run of CEILING_TOKENS own words of a train person prevents a pass.
FLOOR_SHORT, MARGIN_SHORT = 8, 4  # in tokens, for whole records of fewer than RECORD_TOKENS tokens
# in tokens, for runs: each further token makes a run 1.5 to 2 times rarer, and 8 tokens make it 26 to 256 times rarer
MARGIN_TOKENS = 8
FLOOR_NEAR, MARGIN_NEAR, CEILING_NEAR = 0.55, 0.15, 0.65  # shares of a record, for near copies in one row
# (floor, margin, ceiling), the last three arguments of `capped_thresholds`
OF_RUNS, OF_SHARES = (FLOOR_TOKENS, MARGIN_TOKENS, CEILING_TOKENS), (FLOOR_NEAR, MARGIN_NEAR, CEILING_NEAR)
FLOOR_LOOSE, MARGIN_LOOSE = 0.6, 0.2  # shares of a record, for records copied in pieces and for words in any order
MAX_BY_CHANCE = 0.6  # a test with FLOOR_LOOSE is not used if a control person has a higher share in this test
FLOOR_BAG, MARGIN_BAG = 0.65, 0.2  # shares of a bag (all words of a record), for words in changed order
CLOSE_MARGIN_BAG = 0.15  # margin for bags if a control person has a share above MAX_BY_CHANCE
MAX_BY_CHANCE_BAG = 0.92  # if a control person has a higher share of a bag, the test for bags is not used
# smallest share of a bag that can prove a leak; for a lower share that reaches `limit`, the row must be removed
CERTAIN_BAG = 0.8
CEILING_BAG = 0.97  # highest limit for bags; below 1, because corrected misspellings can lower the share of a copy
STRATA = (1, RECORD_TOKENS, CEILING_TOKENS, 64)  # smallest number of tokens in each length class of train records
N_PLANTED = 256  # largest number of planted copies with unchanged words per length class
N_REORDERED = 64  # largest number of these copies per length class that are also planted with shuffled words


class ChanceThresholds(NamedTuple):
    """Thresholds for one kind of copied text, in tokens of a run or as a share of a record; inf if not used."""

    by_chance: float  # highest value of a control person
    certain: float  # smallest value that proves a leak, unless chance explains the copies (`exceeds_control`)
    limit: float  # smallest value of a train person that prevents a pass; at most `certain`


def capped_thresholds(by_chance: float, floor: float, margin: float, ceiling: float) -> ChanceThresholds:
    """Return certain = max(floor, by_chance + margin) and limit = min(certain, ceiling).

    The last three arguments are OF_RUNS for runs of own words, and OF_SHARES for the share of a record in one row.
    """
    certain = max(floor, by_chance + margin)
    return ChanceThresholds(by_chance, certain, min(certain, ceiling))


def short_thresholds(by_chance: int) -> ChanceThresholds:
    """Return the thresholds for whole records of fewer than 13 tokens.

    limit = max(8, by_chance + 4) if by_chance is at most 8. If by_chance is 9 to 12, whole short records evidently
    occur by chance, so the limit is infinite. A single short record may be a quotation, so it proves no leak: certain
    is always infinite.
    """
    limit = max(FLOOR_SHORT, by_chance + MARGIN_SHORT)
    return ChanceThresholds(by_chance, np.inf, limit if limit < RECORD_TOKENS else np.inf)


def whole_thresholds(by_chance: int) -> ChanceThresholds:
    """Return the thresholds for runs of any words, common text included.

    certain = limit = max(30, 2 · by_chance) if 2 · by_chance is at most 64. Otherwise, both are infinite and the test
    is not used, because even control persons have long runs, for example from the text of forms.
    """
    certain = max(CEILING_TOKENS, 2 * by_chance) if 2 * by_chance <= CAP_TOKENS else np.inf
    return ChanceThresholds(by_chance, certain, certain)


def loose_thresholds(by_chance: float) -> ChanceThresholds:
    """Return the thresholds for the share of a record found in pieces in all rows, or in any word order in one row.

    certain = limit = max(.6, by_chance + .2) if by_chance is at most .6. Otherwise, both are infinite and the test is
    not used. by_chance is high if a large table contains short pieces of every record, or if long rows contain most
    words of every record.
    """
    certain = max(FLOOR_LOOSE, by_chance + MARGIN_LOOSE) if by_chance <= MAX_BY_CHANCE else np.inf
    return ChanceThresholds(by_chance, certain, certain)


def bag_thresholds(by_chance: Sequence[float]) -> tuple[ChanceThresholds, ...]:
    """Return the thresholds for bags of words in changed order, one per length class of `word_bags.LENGTHS`.

    `by_chance` has the highest control value of each class. For each class, b is the highest value among this class
    and the classes of longer records.

        limit = max(.65, b + .2),   certain = max(.8, limit)    if b is at most .6
        limit = min(.97, b + .15),  certain = inf               if b is above .6 and at most .92
        limit = certain = inf                                   if b is above .92

    The first class (8 to 12 words) has two exceptions. Many persons may write the same question in so few words, so a
    single record proves no leak: certain = inf for all b. If b is above .6 and at most .92, limit = .97.
    """
    highest = np.maximum.accumulate(np.array(by_chance)[::-1])[::-1].tolist()
    return tuple(_bag_thresholds(b, is_short=number == 0) for number, b in enumerate(highest))


def _bag_thresholds(by_chance: float, *, is_short: bool) -> ChanceThresholds:
    if by_chance <= MAX_BY_CHANCE:
        limit = max(FLOOR_BAG, by_chance + MARGIN_BAG)
        return ChanceThresholds(by_chance, np.inf if is_short else max(CERTAIN_BAG, limit), limit)
    limit = CEILING_BAG if is_short else min(CEILING_BAG, by_chance + CLOSE_MARGIN_BAG)
    return ChanceThresholds(by_chance, np.inf, limit if by_chance <= MAX_BY_CHANCE_BAG else np.inf)


def non_members(pool: Pool, found: Matches, rng: np.random.Generator) -> Int:
    """Return the control persons (indices within control) on whom the thresholds are calibrated.

    Control persons who share at least half of a record with a train person are excluded (`Matches.merged`), because a
    copy of this record would raise the thresholds. The highest value grows with the number of persons, so at most
    n_train persons are returned, drawn at random if there are more.
    """
    unrelated = np.flatnonzero(found.merged[pool.n_train : pool.n_persons] >= pool.n_train)
    return unrelated if len(unrelated) <= pool.n_train else rng.choice(unrelated, size=pool.n_train, replace=False)


@dataclass(frozen=True, slots=True)
class Planted:
    """Planted copies: n texts in which the audit should find a copy of a train record."""

    texts: tuple[str, ...]  # train records, followed by some of them with their words in random order
    is_reordered: Bool  # whether the words of each text are in random order, (n,)
    stratum: Int  # length class of each text, as an index into STRATA, (n,)
    share: Float  # fraction of all train records that are in each length class, (len(STRATA),)


def plant(texts: Sequence[str], rng: np.random.Generator) -> Planted:
    """Return up to N_PLANTED train records per length class, and up to N_REORDERED of them again with shuffled words.

    A record without tokens is in the first length class.
    """
    sizes = np.array([len(tokens(text)) for text in texts])
    length_class = np.maximum(np.searchsorted(STRATA, sizes, side="right") - 1, 0)
    classes = [np.flatnonzero(length_class == i) for i in np.unique(length_class)]
    rows = np.concatenate([rng.choice(rows, size=min(N_PLANTED, len(rows)), replace=False) for rows in classes])
    reordered_rows = np.concatenate([rows[length_class[rows] == i][:N_REORDERED] for i in np.unique(length_class)])
    share = np.bincount(length_class, minlength=len(STRATA)) / len(texts)
    reordered = (" ".join(rng.permutation(tokens(texts[i])).tolist()) for i in reordered_rows)
    is_reordered = np.arange(len(rows) + len(reordered_rows)) >= len(rows)
    return Planted(
        (*(texts[i] for i in rows), *reordered), is_reordered, length_class[np.append(rows, reordered_rows)], share
    )


@dataclass(frozen=True, slots=True)
class Caught:
    """How many planted copies the audit found, per length class of STRATA; arrays have the shape (len(STRATA),)."""

    found: Int  # number of planted copies found
    planted: Int  # number of planted copies
    share: Float  # fraction of all train records that are in the class

    @property
    def _is_missed(self) -> Bool:
        return 2 * self.found < self.planted

    @property
    def untested_share(self) -> float:
        """Return the share of train records in classes in which fewer than half of the planted copies were found."""
        return float(self.share[self._is_missed].sum())

    @property
    def untested_lengths(self) -> str:
        """Return the names of the length classes that `untested_share` counts, separated by commas; may be empty."""
        ends = [*(f"to {following - 1}" for following in STRATA[1:]), "or more"]
        names = [f"{shortest} {end} words" for shortest, end in zip(STRATA, ends, strict=True)]
        return ", ".join(name for name, is_missed in zip(names, self._is_missed, strict=True) if is_missed)

    def by_length(self) -> dict[str, list[float]]:
        """Return {smallest number of tokens: [found, planted, share]} of each class with planted copies."""
        rows = zip(STRATA, self.found.tolist(), self.planted.tolist(), self.share.tolist(), strict=True)
        return {str(shortest): [found, n, share] for shortest, found, n, share in rows if n > 0}


def caught(planted: Planted, is_found: Bool, *, reordered: bool) -> Caught:
    """Return how many planted copies were found in each length class.

    `is_found` states for each planted copy whether the audit found it, (n,). If `reordered` is true, only the copies
    with words in random order are counted, otherwise only the copies with unchanged words.
    """
    is_counted = planted.is_reordered == reordered
    length_classes = planted.stratum[is_found & is_counted], planted.stratum[is_counted]
    n_found, n_planted = (np.bincount(classes, minlength=len(STRATA)) for classes in length_classes)
    return Caught(n_found, n_planted, planted.share)
