"""Noise-tolerant attack: find the two real persons between whom each synthetic record lies, and test their roles.

The attack works on any encoding of the released text and does not need to know how the records were made.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from audits.attacks.parent_recovery.lineage import weights_by_person
from audits.core.holdout import Arms, person_scores
from audits.core.stats import FAIL_LEVEL, POWER, Scan, clopper_pearson, needed_for_share, power_of_each, scan_test
from audits.core.two_sided import is_inside
from audits.core.types import AuditInputs, Lineage, persons
from audits.embeddings.distances import Share, balanced_draws, share_of_train, stack_arms
from audits.embeddings.encoders import Encoded
from audits.embeddings.similarity import best_pairs, candidate_cosines, similarity_blocks

CANDIDATES = 40
MAX_CANDIDATES = 120  # of both arms; more than 40 are needed if few persons of a large arm take part in a repeat
REPEATS = 20
MAX_ROWS = 20_000  # synthetic rows attacked; enough to distinguish a share of .5 from one of .509
MARGINS = (0.03, 0.05, 0.10)
PERMUTATIONS = 2000  # over all repeats

Int = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class ParentPairs:
    """The pairs of persons found."""

    rows: Int  # (m,), synthetic rows attacked
    pairs: Int  # (repeats, m, 2), persons between whom each row lies, the nearer first
    included: list[Int]  # persons compared in each repeat, equally many of train and control in each class
    nearness: NDArray[np.float64]  # (P,), highest cosine of each person's records to any attacked row


@dataclass(frozen=True, slots=True, kw_only=True)
class ParentRecall:
    """How often the attack finds a person that a row was made from."""

    one: float  # share of rows whose first person is a parent
    one_chance: float  # expected value of `one` if the persons found were dealt randomly to the rows of a class
    pair: float  # share of rows whose two persons are both parents
    pair_chance: float
    n: float  # independent rows behind `one`; rows with the same heaviest parent count less if they agree

    def ends(self, confidence: float) -> tuple[float, float]:
        """Return the exact interval (Clopper and Pearson) of `one` for `n` rows."""
        return clopper_pearson(self.one * self.n, self.n, confidence=confidence)

    def p_above(self, limit: float) -> float:
        """Return the exact p-value of the hypothesis that the true recall is at most the limit."""
        k = self.one * self.n
        return 1.0 if self.one == 0 or limit >= 1 else float(stats.beta.cdf(limit, k, self.n - k + 1))


def find_parent_pairs(encoded: Encoded, people: Arms, rng: np.random.Generator) -> ParentPairs:
    """Return for each synthetic row the two persons between whom it lies best.

    The candidates are the most similar records, from one index over both arms that ignores the roles. In each
    repeat they belong to equally many train and control persons, about 40 candidates. Among all pairs of candidates
    of different persons, the attack chooses the pair whose non-negative combination comes nearest:

        (P, Q) = argmin over P, Q in C(z), min over a, b >= 0 of |z - a P - b Q|,   C(z) the candidates

    All rows have unit length. A point between two records is such a combination without a remainder, whatever the
    lengths of the records and the point were. It need not lie on the segment between the unit rows, so searching
    segments finds fewer parents: 30 % instead of 95 % for points of 256 dimensions (20 of them intrinsic) that were
    mixed from two neighbours among 1,500, with noise of twice the distance to the nearest.

    Randomness: rows, if there are more than 20,000; 20 equalised draws, or 1 if the arms are equal; the order of
        the index, which decides ties; persons for rows that resemble nobody.
    Cost: O(m · n · d + m · 40² · d) time; O(256 · (n + 40² + 40 · d)) memory beside the encoded tables.
    Reference: attacks on SMOTE, which need exact vectors; the combination instead of the line, the equalised index
        and the null are ours.
    """
    m = encoded.synthetic.shape[0]
    rows = np.arange(m) if m <= MAX_ROWS else np.sort(rng.choice(m, size=MAX_ROWS, replace=False))
    included = balanced_draws(people, REPEATS, rng)
    if all(len(among) == len(people.is_train) for among in included):
        included = included[:1]
    is_included = np.zeros((len(included), len(people.is_train)), dtype=np.bool_)
    for r, among in enumerate(included):
        is_included[r, among] = True
    columns = rng.permutation(len(people.row_person))
    real, owner = stack_arms(encoded)[columns], people.row_person[columns]
    k = min(MAX_CANDIDATES, math.ceil(CANDIDATES / is_included[:, owner].mean()), len(owner))
    pairs = np.empty((len(included), len(rows), 2), dtype=np.int64)
    nearness = np.full(len(owner), -np.inf, dtype=np.float32)
    for block, similarities in similarity_blocks(encoded.synthetic[rows], real):
        nearness = np.maximum(nearness, similarities.max(axis=0))
        top = np.argpartition(similarities, len(owner) - k, axis=1)[:, -k:]
        cosines, person = np.take_along_axis(similarities, top, axis=1), owner[top]
        found = best_pairs(cosines, candidate_cosines(real, top), person, is_included[:, person])
        nobody = cosines.max(axis=1) <= 0
        for r, among in enumerate(included):
            of_repeat = np.take_along_axis(person, found[r], axis=1)
            pairs[r, block] = _fill_pairs(of_repeat, nobody | ~is_included[r, of_repeat[:, 0]], among, rng)
    return ParentPairs(rows=rows, pairs=pairs, included=included, nearness=person_scores(nearness, owner))


def train_share(found: ParentPairs, people: Arms) -> Share:
    """Return the share of train among the persons found, with the exact variance under permuted roles."""
    return share_of_train(found.pairs.reshape(len(found.pairs), -1), found.included, people)


def first_share(found: ParentPairs, people: Arms) -> Share:
    """Return the share of train among the nearer of the two persons; it falls if rows near train were dropped."""
    return share_of_train(found.pairs[:, :, 0], found.included, people)


def both_train(found: ParentPairs, people: Arms, rng: np.random.Generator) -> tuple[Share, float]:
    """Return the share of rows whose two persons are both in train, and its null value under random roles.

    Under random roles, two persons of one class with n persons of each role are both in train with probability
    (n - 1) / (2 (2n - 1)), two persons of different classes with probability 1/4. The standard error comes from 2,000
    permutations of the roles within each class, so rows that share persons do not count as independent.
    """
    value, null, variance = 0.0, 0.0, 0.0
    n = -(-PERMUTATIONS // len(found.included))
    for pairs, among in zip(found.pairs, found.included, strict=True):
        classes = people.person_class[among]
        place = np.full(len(people.is_train), -1, dtype=np.int64)
        place[among] = np.arange(len(among))
        inside = place[pairs]
        size = np.bincount(classes)[classes[inside[:, 0]]]
        same = classes[inside[:, 0]] == classes[inside[:, 1]]
        null += float(np.where(same, (size / 2 - 1) / (2 * (size - 1)), 0.25).mean())
        value += float(people.is_train[pairs].all(axis=1).mean())
        of_permutation = _permuted(people.is_train[among], classes, n, rng)
        variance += float(np.var([roles[inside].all(axis=1).mean() for roles in of_permutation]))
    repeats = len(found.included)
    return Share(value=value / repeats, error=math.sqrt(variance / repeats)), null / repeats


def parent_recall(found: ParentPairs, people: Arms, lineage: Lineage, train_person: Int) -> ParentRecall | None:
    """Return how often true parents are found, or None if no attacked row has a parent.

    The chance values deal the same persons randomly to the rows of a class, because knowing the class of a row does
    not reveal its parents. With h_g hits in the n_g rows whose heaviest parent is person g, and the recall r,

        n = rows / max(1, sum_g (h_g - r n_g)² / (rows r (1 - r)))

    The persons of train come first in `people`, numbered as in `train_person` (n_T,), the person of each train row.
    """
    at = np.flatnonzero([len(lineage.parents[row]) > 0 for row in found.rows])
    if len(at) == 0:
        return None
    parents, heaviest = _parent_persons(lineage, found.rows[at].tolist(), train_person)
    pairs, classes = found.pairs[:, at], people.synthetic_class[found.rows[at]]
    first, second = ((pairs[:, :, i, None] == parents[None]).any(axis=2) for i in (0, 1))
    one_chance, pair_chance = _recall_by_chance(pairs, parents, classes, len(people.is_train))
    r, hits = float(first.mean()), first.mean(axis=0)
    spread = np.bincount(heaviest, weights=hits - r)
    agreement = float((spread**2).sum()) / (len(at) * r * (1 - r)) if 0 < r < 1 else 1.0
    both, n = float((first & second).mean()), len(at) / max(1.0, agreement)
    return ParentRecall(one=r, one_chance=one_chance, pair=both, pair_chance=pair_chance, n=n)


def _fill_pairs(found: Int, nobody: NDArray[np.bool_], among: Int, rng: np.random.Generator) -> Int:
    """Return pairs of distinct persons; random persons replace a missing second person and rows near nobody."""
    first = np.where(nobody, rng.choice(among, size=len(found)), found[:, 0])
    other = rng.integers(len(among) - 1, size=len(found))
    other = among[other + (other >= np.searchsorted(among, first))]
    return np.stack([first, np.where(nobody | (found[:, 0] == found[:, 1]), other, found[:, 1])], axis=1)


def _permuted(is_train: NDArray[np.bool_], classes: Int, n: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Return n permutations of the roles within each class; (n, P)."""
    roles = np.tile(is_train, (n, 1))
    for c in np.unique(classes):
        members = np.flatnonzero(classes == c)
        roles[:, members] = rng.permuted(roles[:, members], axis=1)
    return roles


def _parent_persons(lineage: Lineage, rows: list[int], train_person: Int) -> tuple[Int, Int]:
    """Return the distinct persons each row was made from, padded with -1, and the heaviest of them."""
    weights = [weights_by_person(lineage.parents[r], lineage.weights[r], train_person) for r in rows]
    parents = np.full((len(rows), max(map(len, weights))), -1, dtype=np.int64)
    for i, of_row in enumerate(weights):
        parents[i, : len(of_row)] = sorted(of_row)
    return parents, np.array([max(of_row, key=of_row.__getitem__) for of_row in weights], dtype=np.int64)


def _recall_by_chance(pairs: Int, parents: Int, classes: Int, n_persons: int) -> tuple[float, float]:
    """Return the chance that the first person, and that both persons found, are parents if dealt within classes."""
    rows_of_class = np.bincount(classes)[classes] * pairs.shape[0]
    ordered = np.sort(pairs, axis=2)
    first = np.sort((classes * n_persons + pairs[:, :, 0]).ravel())
    both = np.sort((((classes * n_persons) + ordered[:, :, 0]) * n_persons + ordered[:, :, 1]).ravel())
    one, two = np.zeros(len(parents)), np.zeros(len(parents))
    for i in range(parents.shape[1]):
        mine = classes * n_persons + parents[:, i]
        one += np.where(parents[:, i] >= 0, _count(first, mine), 0)
        for j in range(i + 1, parents.shape[1]):
            two += np.where(parents[:, j] >= 0, _count(both, mine * n_persons + parents[:, j]), 0)
    return float((one / rows_of_class).mean()), float((two / rows_of_class).mean())


def _count(ordered: Int, keys: Int) -> NDArray[np.float64]:
    return (np.searchsorted(ordered, keys, "right") - np.searchsorted(ordered, keys, "left")).astype(np.float64)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareTest:
    """A share, its null value under random roles, and the margin around the null (None if there are too few rows)."""

    what: str
    share: Share
    null: float
    margin: float | None

    def is_within(self, margin: float | None, confidence: float) -> bool:
        """Return whether the whole interval lies within a margin around the null."""
        excess = self.share.estimate(confidence, less=self.null)
        return margin is not None and self.share.n > 0 and is_inside(excess, margin, centre=0.0)

    def p_beyond(self, margin: float) -> float:
        """Return the two-sided p-value of the hypothesis that the share lies within a margin around the null."""
        return self.share.p_beyond(margin, null=self.null)

    def smallest_leak(self, n_shares: int, confidence: float) -> float | None:
        """Return the smallest distance from the null at which the audit does not pass, with power .8.

        The audit does not pass if the interval exceeds the margin d, or if the share differs significantly from the
        null and exceeds the strictest margin d_0. With the standard error e:

            min(d - (z_confidence - z_.8) e,  max(d_0, (z_(1 - .05 / (2 n_shares)) + z_.8) e))
        """
        if self.margin is None:
            return None
        z, z_power = float(stats.norm.ppf(confidence)), float(stats.norm.ppf(POWER))
        z_each = float(stats.norm.ppf(1 - FAIL_LEVEL / (2 * n_shares)))
        leaving = self.margin - (z - z_power) * self.share.error
        return min(leaving, max(MARGINS[0], (z_each + z_power) * self.share.error))


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderShares:
    """Results of one encoder: three shares, the scan over persons and, with a lineage, the recall of true parents."""

    encoder: str
    train: ShareTest
    first: ShareTest
    both: ShareTest
    scan: Scan
    recall: ParentRecall | None

    @property
    def shares(self) -> tuple[ShareTest, ...]:
        """The three shares."""
        return self.train, self.first, self.both


def encoder_shares(
    encoded: Encoded, people: Arms, inputs: AuditInputs, n_shares: int, rng: np.random.Generator
) -> EncoderShares:
    """Return the results of one encoder; `n_shares` is the number of shares tested in the whole audit."""
    found = find_parent_pairs(encoded, people, rng)
    both, both_null = both_train(found, people, rng)

    def share_test(what: str, share: Share, null: float) -> ShareTest:
        return ShareTest(what=what, share=share, null=null, margin=margin_of(share, n_shares))

    return EncoderShares(
        encoder=encoded.name,
        train=share_test("the two persons between whom records lie", train_share(found, people), 0.5),
        first=share_test("the nearer of the two persons", first_share(found, people), 0.5),
        both=share_test("records that lie between two train persons", both, both_null),
        scan=scan_test(found.nearness[people.is_train], found.nearness[~people.is_train]),
        recall=None
        if inputs.lineage is None
        else parent_recall(found, people, inputs.lineage, persons(inputs.train.groups)[1]),
    )


def margin_of(share: Share, n_shares: int) -> float | None:
    """Return the strictest margin that the independent rows behind a share support, or None.

    Rows support a margin d if all safe shares of the audit together lie within d with power .8:

        n >= ((z_.95 + z_(1 - .2 / (2 · n_shares))) / (2 d))²

    The widest margin is also supported if this share alone would lie within it. The confidence of the run is not
    used, because a run with a higher confidence would otherwise get a wider margin.
    """
    power = power_of_each(n_shares)
    for margin in MARGINS:
        if share.n >= needed_for_share(margin, power=power):
            return margin
    return MARGINS[-1] if share.n >= needed_for_share(MARGINS[-1]) else None
