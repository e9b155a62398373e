"""Compare the copied text of train persons and control persons with thresholds, and test the differences.

Seven values measure how much text of a person p the synthetic table S contains. Each value has two thresholds,
`limit` and `certain`, which are calibrated on control persons (formulas in `Memorization`). If a train person reaches
a limit, the audit does not pass. In the list below, the symbol in brackets is `certain` for hit and near, and `limit`
for the other values. A run is a sequence of consecutive words. Own words are the words outside common text, which
several persons share.

A row in which a value reaches `certain` proves a leak, unless the texts of control persons show that chance explains
the copies. This exception does not apply to pieces. If S contains whole records (of at least 13 words) of train
persons, this proves a leak in two cases: S contains none of control persons, or S contains whole records of
significantly more train than control persons. Tests on all persons can also prove a leak: significantly more train
than control persons have copied text, or the persons with the highest values include significantly more or fewer
train persons than chance explains (scan test).

- hit(p) [L*]: length, in words, of the longest run of own words of p in a row of S. The limit is L, the smaller of
  L* and 30.
- whole(p) [M*]: as hit(p), but for runs of any words, common text included.
- near(p) [C*]: largest share of the rare word pairs of one record of p that one row of S contains (`near_copies`).
  The limit is the smaller of C* and .65.
- words(p) [W*]: as near(p), but for single rare words in any order.
- pieces(p) [P*]: as near(p), but for rare runs of words, each of which may occur in a different row of S.
- short(p) [R*]: number of words of the longest record of p with fewer than 13 words that a row contains whole.
- bag(p) [B*]: largest share that the bags of a record of p and of a row have in common, if the row has the words in
  another order. The bag of a text is the multiset of its words. Each length class of records has its own value.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy import stats

from audits.attacks.memorization import calibration
from audits.attacks.memorization.calibration import FLOOR_LOOSE, Caught, ChanceThresholds, Planted
from audits.attacks.memorization.near_copies import NEAR
from audits.attacks.memorization.search import Matches, Pool
from audits.attacks.memorization.word_bags import N_LENGTHS, BagMatches
from audits.core.rates import difference, provable_limit
from audits.core.stats import CHANCE_LEVEL, FAIL_LEVEL, exceeds_control, holm, scan_test
from audits.core.types import Bool, Estimate, Float, Int

# smallest number of own words of a long run; persons who share a long run quote each other or a third text
LONG_TOKENS = 20
ALMOST_ALL = 0.95  # smallest share of a bag of words in changed order that `Measurements.bags_p` counts
MOST = 0.7  # smallest share of a bag of words in the same order that `Measurements.bags_p` counts
_KINDS = slice(0, N_LENGTHS), slice(N_LENGTHS, None)  # columns of `BagMatches.best`: changed order, and same order
MIN_SHARING = 2  # if fewer control persons share a long passage (`_n_sharing`), each value >= `certain` proves a leak


class Limits(NamedTuple):
    """The thresholds of one synthetic table, except those for pieces(p) (`Measurements.pieces`)."""

    calibrating: Int  # control persons who determine the thresholds, as indices into `Matches.best`
    run: ChanceThresholds  # for hit(p): `certain` is L*, and `limit` is L
    share: ChanceThresholds  # for near(p): `certain` is C*, and `limit` is the smaller of C* and .65
    whole: ChanceThresholds  # for whole(p): `certain` and `limit` are M*
    words: ChanceThresholds  # for words(p): `certain` and `limit` are W*
    short: ChanceThresholds  # for short(p): `limit` is R*
    bags: tuple[ChanceThresholds, ...]  # for bag(p), one per length class (`word_bags.LENGTHS`): `limit` is B*


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurements:
    """What the audit measures on one synthetic table; the verdict depends on these values."""

    limits: Limits
    pieces: ChanceThresholds  # thresholds for pieces(p): `certain` and `limit` are P*
    persons_in_pieces: Int  # train persons with pieces(p) >= P* but without a copy in a single row (`_in_pieces`)
    rows_above_limit: Int  # indices of the synthetic rows that prevent a pass
    quotations: Int  # those `rows_above_limit` that prove no leak and equal no record of at least 13 tokens
    # number of synthetic rows that prove a leak, alone or together with other rows (pieces); a row that proves a leak
    # only because it equals a record of at least 13 tokens does not count
    n_certain_rows: int
    n_records: tuple[int, int]  # numbers of train and control persons with a whole record of at least 13 tokens in S
    records_p: float  # p-value of the first number in `n_records`, given the sum of both (`_hypergeometric_p`)
    short_p: float  # as `records_p`, for records of fewer than 13 tokens
    # two Holm-corrected p-values, as `records_p`: for the persons who have a bag share of at least ALMOST_ALL in
    # changed order, and of at least MOST in the same order
    bags_p: tuple[float, float]
    copied: Estimate  # share of train persons minus share of control persons with a copy in a single row
    n_sharing: int  # number of control persons with a long passage that is shared without a leak (`_n_sharing`)
    n_non_members: int  # number of control persons on whom the thresholds are calibrated
    excess: Estimate  # Delta: share of train persons minus share of control persons with hit(p) >= L
    near: Estimate  # as `excess`, for persons with near(p) >= NEAR
    # larger lower end of the intervals of `excess` and `near` at confidence 1 - FAIL_LEVEL, minus `tau` (minus 0 if
    # `tau` is None); a positive value proves a leak
    proven_above_tau: float
    scan_p: float  # smaller Holm-corrected p-value of the scan tests (`scan_test`) on hit(p) and near(p)
    # smallest of four Holm-corrected p-values, as `records_p`: for the persons with hit(p) >= LONG_TOKENS, with
    # near(p) >= NEAR, with words(p) >= FLOOR_LOOSE, and with pieces(p) >= FLOOR_LOOSE; these thresholds do not depend
    # on control persons
    train_excess_p: float
    tau: float | None  # highest excess that allows a pass; None if there are too few persons
    n_for_stricter: int  # number of persons that train and control must each have for the next stricter tau
    # numbers of planted copies (train records that are searched as if they were synthetic rows) that the audit found
    planted: Caught  # copies with unchanged words
    reordered: Caught  # copies with their words in random order


def limits(pool: Pool, found: Matches, rng: np.random.Generator) -> Limits:
    """Return the thresholds for the matches of one synthetic table. Randomness: draws control persons."""
    calibrating = pool.n_train + calibration.non_members(pool, found, rng)
    return Limits(
        calibrating=calibrating,
        run=calibration.capped_thresholds(int(found.chance[calibrating].max(initial=0)), *calibration.OF_RUNS),
        share=calibration.capped_thresholds(float(found.near[calibrating].max(initial=0)), *calibration.OF_SHARES),
        whole=calibration.whole_thresholds(int(found.whole_chance[calibrating].max(initial=0))),
        words=calibration.loose_thresholds(float(found.words.best[calibrating].max(initial=0))),
        short=calibration.short_thresholds(int(found.short[calibrating].max(initial=0))),
        bags=calibration.bag_thresholds(found.bags.best[calibrating, :N_LENGTHS].max(axis=0, initial=0.0).tolist()),
    )


def measure(pool: Pool, planted: Planted, found: Matches, limits: Limits, confidence: float) -> Measurements:
    """Return the measurements for the verdict; `found` has the matches of the synthetic and then the planted rows."""
    n_train, n_control = pool.n_train, pool.n_control
    n_synthetic = len(found.row_run) - len(planted.texts)
    merged = found.merged[: pool.n_persons]
    measures = _measures(pool, found, limits)
    is_copied = np.logical_or.reduce([of_person >= thresholds.limit for of_person, _, thresholds in measures])
    pieces, persons_in_pieces, rows_in_pieces = _in_pieces(pool, found, limits.calibrating, is_copied[:n_train])
    is_long = (found.best >= LONG_TOKENS) | (found.near >= NEAR)
    n_sharing = _n_sharing(found, n_train, is_long[n_train:])
    # A long passage can be common to a synthetic row and a train person, to a synthetic row and a control person, or
    # to a train person and a control person. The test assumes that without a leak, each of these pairs is equally
    # likely to have a long passage in common.
    n_pairs = (n_synthetic * n_train, n_synthetic * n_control, n_train * n_control)
    n_copied = int((is_copied | is_long)[:n_train].sum())
    is_leak = exceeds_control(n_copied, n_sharing, n_pairs[0] / sum(n_pairs), minimum=MIN_SHARING)
    is_above_limit, is_certain = found.row_record > 0, np.zeros(n_synthetic, dtype=np.bool_)
    for _, of_row, thresholds in measures:
        is_above_limit |= of_row >= thresholds.limit
        is_certain |= is_leak & (of_row[:n_synthetic] >= thresholds.certain)
    short_p = _hypergeometric_p(found.short, n_train)
    bags_p, has_bag = _bag_tests(pool, found)
    for p, is_counted in ((short_p, found.row_short > 0), *zip(bags_p, has_bag, strict=True)):
        is_certain |= (p <= CHANCE_LEVEL) & is_counted[:n_synthetic]
    is_above_limit[:n_synthetic] |= is_certain
    is_above_limit[rows_in_pieces] = is_certain[rows_in_pieces] = True
    is_copied |= (found.record > 0) | (found.short > 0)
    train, control = np.split(found.best >= limits.run.limit, [n_train])
    scans = [scan_test(v[:n_train], v[n_train:]).p for v in (found.best.astype(np.float64), found.near)]
    in_pieces = np.zeros(pool.n_persons) if found.pieces is None else found.pieces.best[merged]
    # which persons reach the thresholds of `train_excess_p` in hit(p), near(p), words(p) and pieces(p)
    fixed = (found.best >= LONG_TOKENS, found.near >= NEAR, measures[3][0] >= FLOOR_LOOSE, in_pieces >= FLOOR_LOOSE)
    tau, n_for_stricter = provable_limit(min(n_train, n_control))
    compared = ((train, control), np.split(found.near >= NEAR, [n_train]))
    proven = max(difference(*arms, confidence=1 - FAIL_LEVEL).low for arms in compared)
    return Measurements(
        limits=limits,
        pieces=pieces,
        persons_in_pieces=persons_in_pieces,
        rows_above_limit=np.flatnonzero(is_above_limit[:n_synthetic]),
        quotations=np.flatnonzero((is_above_limit & (found.row_record == 0))[:n_synthetic] & ~is_certain),
        n_certain_rows=int(is_certain.sum()),
        n_records=(int((found.record[:n_train] > 0).sum()), int((found.record[n_train:] > 0).sum())),
        records_p=_hypergeometric_p(found.record, n_train),
        short_p=short_p,
        bags_p=bags_p,
        copied=difference(is_copied[:n_train], is_copied[n_train:], confidence=confidence),
        n_sharing=n_sharing,
        n_non_members=len(limits.calibrating),
        excess=difference(train, control, confidence=confidence),
        near=difference(*compared[1], confidence=confidence),
        proven_above_tau=proven - (0.0 if tau is None else tau),
        scan_p=min(holm(scans)),
        train_excess_p=min(holm([_hypergeometric_p(is_above, n_train) for is_above in fixed])),
        tau=tau,
        n_for_stricter=n_for_stricter,
        planted=calibration.caught(planted, is_above_limit[n_synthetic:], reordered=False),
        reordered=calibration.caught(planted, is_above_limit[n_synthetic:], reordered=True),
    )


def _measures(pool: Pool, found: Matches, limits: Limits) -> list[tuple[Int | Float, Int | Float, ChanceThresholds]]:
    """Return (values of persons, values of rows, thresholds) of hit, near, whole, words, short and each bag class."""
    merged = found.merged[: pool.n_persons]
    of_persons, of_rows = found.bags.best[merged], found.bags.of_rows(len(found.row_run), pool.n_train)
    return [
        (found.best, found.row_run, limits.run),
        (found.near, found.row_near, limits.share),
        (found.whole, found.row_whole, limits.whole),
        (found.words.best[merged], found.row_words, limits.words),
        (found.short, found.row_short, limits.short),
        *((of_persons[:, kind], of_rows[:, kind], thresholds) for kind, thresholds in enumerate(limits.bags)),
    ]


def _bag_tests(pool: Pool, found: Matches) -> tuple[tuple[float, float], tuple[Bool, Bool]]:
    """Return `Measurements.bags_p`, and for each of its p-values, which rows have a bag that the p-value counts."""
    of_persons = found.bags.best[found.merged[: pool.n_persons]]
    of_rows = found.bags.of_rows(len(found.row_run), pool.n_train)
    reordered, ordered = (
        (of_persons[:, kinds].max(axis=1) >= share, of_rows[:, kinds].max(axis=1) >= share)
        for kinds, share in zip(_KINDS, (ALMOST_ALL, MOST), strict=True)
    )
    reordered_p, ordered_p = holm(
        [_hypergeometric_p(reordered[0], pool.n_train), _hypergeometric_p(ordered[0], pool.n_train)]
    )
    return (reordered_p, ordered_p), (reordered[1], ordered[1])


def bags_at_limit(facts: Measurements, bags: BagMatches) -> Bool:
    """Return which bags prevent a pass: those in changed order that reach their limit.

    If a p-value of `Measurements.bags_p` is at most CHANCE_LEVEL, the bags that it counts prevent a pass, too.
    """
    limit = np.full(2 * N_LENGTHS, np.inf)
    limit[:N_LENGTHS] = [thresholds.limit for thresholds in facts.limits.bags]
    for kinds, p, share in zip(_KINDS, facts.bags_p, (ALMOST_ALL, MOST), strict=True):
        limit[kinds] = np.minimum(limit[kinds], share if p <= CHANCE_LEVEL else np.inf)
    return bags.share >= limit[bags.kind]


def _n_sharing(found: Matches, n_train: int, is_long: Bool) -> int:
    """Return how many control persons share a long passage with S or with train for reasons other than a leak.

    A long passage is a run of at least LONG_TOKENS own words, or at least NEAR of a record. `is_long` states for each
    control person whether S contains a long passage of the person. Two persons are merged if the texts of one repeat
    at least half of a record of the other. A control person counts if
    - S contains a run of at least LONG_TOKENS own words of the person that no train person has; or
    - S contains at least NEAR of a record of the person, and the person is not merged with a train person; or
    - the person shares a run of at least LONG_TOKENS own words with a train person, and `is_long` is false.
    """
    n_control = len(is_long)
    is_merged = found.merged[n_train : n_train + n_control] < n_train
    with_table = (found.chance[n_train:] >= LONG_TOKENS) | ((found.near[n_train:] >= NEAR) & ~is_merged)
    return int(with_table.sum() + ((found.shared >= LONG_TOKENS) & ~is_long).sum())


def _hypergeometric_p(values: Int | Bool, n_train: int) -> float:
    """Return the hypergeometric p-value of the number of train persons among all persons with a positive value.

    It is the probability of at least this many train persons if the persons with a positive value are a random draw,
    without replacement, from all persons. `values` has one value per train person and then per control person.
    """
    n_positive, n_of_train = int((values > 0).sum()), int((values[:n_train] > 0).sum())
    return float(stats.hypergeom.sf(n_of_train - 1, len(values), n_positive, n_train))


def _in_pieces(pool: Pool, found: Matches, calibrating: Int, is_copied: Bool) -> tuple[ChanceThresholds, Int, Int]:
    """Return the thresholds for pieces(p), the train persons with pieces(p) >= P*, and the rows with their pieces.

    A train person is left out if another value of the person reaches its limit (`is_copied`), or if a row equals a
    record of the person of at least 13 tokens.
    """
    none = np.zeros(0, dtype=np.int64)
    if found.pieces is None:
        return calibration.loose_thresholds(1.0), none, none
    best = found.pieces.best
    thresholds = calibration.loose_thresholds(float(best[calibrating].max(initial=0)))
    is_copied = is_copied | (found.record[: pool.n_train] > 0)
    above = np.flatnonzero((best[: pool.n_train] >= thresholds.limit) & ~is_copied)
    return thresholds, above, np.unique(found.pieces.row[np.isin(found.pieces.owner, above)])
