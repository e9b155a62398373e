"""Parents: between which two real people does each synthetic record lie, and were they train people?

The noise-tolerant attack on records mixed from others: it works on any encoding of the released text, and needs no
knowledge of how the records were made. `audits/attacks/parent_recovery/parent_recovery_audit.py` draws the verdict.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from audits.attacks.parent_recovery.lineage_exposure import weights_by_person
from audits.core.holdout import Arms, person_scores
from audits.core.stats import Interval, clopper_pearson
from audits.core.types import Lineage
from audits.embeddings.distances import Share, balanced_draws, share_of_train, stack_arms
from audits.embeddings.encoders import Encoded
from audits.embeddings.similarity import best_pairs, candidate_cosines, similarity_blocks

CANDIDATES = 40
MAX_CANDIDATES = 120  # of both arms, where one is so much larger that few of its persons take part in a repeat
REPEATS = 20
MAX_ROWS = 20_000  # synthetic rows attacked; that many tell a share of .5 from one of .509
PERMUTATIONS = 2000  # over all repeats

Int = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class ParentPairs:
    """The pairs of persons found.

    Args:
        rows: the synthetic rows attacked; (m,).
        pairs: for each repeat and row the two persons between whom it lies, the nearer first; (repeats, m, 2).
        included: for each repeat the persons compared, as many of train as of control in each class.
        nearness: for each person the highest cosine of any of their records with any row attacked; (P,).
    """

    rows: Int
    pairs: Int
    included: list[Int]
    nearness: NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class BothTrainShare:
    """The share of rows whose two persons are both of train, and what it would be if roles meant nothing."""

    share: Share
    null: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ParentRecall:
    """How often the attack names a person that a row was really made from.

    Args:
        one: share of rows whose first person is a parent.
        one_chance: the same if the persons found were dealt out among the rows of a class blindly.
        pair: share of rows whose two persons are both parents.
        pair_chance: the same by chance.
        n: independent rows behind `one`; rows of one heaviest parent count together as far as they agree.
    """

    one: float
    one_chance: float
    pair: float
    pair_chance: float
    n: float

    def ends(self, confidence: float) -> Interval:
        """Return the exact interval of `one` (Clopper and Pearson) at its independent rows."""
        return clopper_pearson(self.one * self.n, self.n, confidence=confidence)

    def p_above(self, limit: float) -> float:
        """Return the exact p-value of `one` against a true recall of at most the limit."""
        k = self.one * self.n
        return 1.0 if self.one == 0 or limit >= 1 else float(stats.beta.cdf(limit, k, self.n - k + 1))


def find_parent_pairs(encoded: Encoded, people: Arms, rng: np.random.Generator) -> ParentPairs:
    """Return for each synthetic row the two persons between whom it lies best.

    Candidates are the most similar records, in one index over both arms that does not know the roles; in each repeat
    those of equally many train and control persons, about 40. Of each two of different persons the one is chosen
    whose non-negative combination comes nearest:

        (P, Q) = argmin over P, Q in C(z), min over a, b >= 0 of |z - a P - b Q|,   C(z) the candidates

    All rows have unit length. A point between two records, brought to unit length or not, and whatever lengths the
    records had, is such a combination without a remainder; it is no longer on the segment between their unit rows,
    which is why the segment is not what is searched. (Points of 256 dimensions, 20 of them intrinsic, mixed of two
    neighbours among 1,500, noise of twice the distance to the nearest: the segment names a parent for 30 %, the
    combination for 95 %.)

    Random: which rows where there are more than 20,000; 20 equalised draws, 1 where the arms are equal already; the
        order of the index, which decides ties; persons for rows that resemble nobody.
    Cost: O(m · n · d + m · 40² · d) time; O(256 · (n + 40² + 40 · d)) memory beside the encoded tables.
    Source: the search for parents follows the idea of attacks on SMOTE, which need exact vectors; the combination in
        place of the line, the equalised index and the null are ours.
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
    """Return the share of train among the persons found, with the exact variance of permuting the persons' roles."""
    repeats = found.pairs.shape[0]
    return share_of_train(found.pairs.reshape(repeats, -1), found.included, people)


def first_share(found: ParentPairs, people: Arms) -> Share:
    """Return the share of train among the nearer of the two persons; falls where rows near to train were dropped."""
    return share_of_train(found.pairs[:, :, 0], found.included, people)


def both_train(found: ParentPairs, people: Arms, rng: np.random.Generator) -> BothTrainShare:
    """Return how often both persons are of train.

    If roles meant nothing, two persons of one class with n of each role would both be train with probability
    (n - 1) / (2 (2n - 1)), two of different classes with 1/4. The error is that of permuting the roles of persons
    within each class, so that rows which share persons are not counted as independent.

    Random: 2,000 permutations, divided among the repeats.
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
    return BothTrainShare(
        share=Share(value=value / repeats, error=math.sqrt(variance / repeats)), null=null / repeats
    )


def parent_recall(found: ParentPairs, people: Arms, lineage: Lineage, train_person: Int) -> ParentRecall | None:
    """Return how often true parents are found; None where no attacked row has one.

    Chance is what the same persons would hit if they were dealt out among the rows of a class: knowing the class, and
    that some persons are found for every row, is not finding a parent. With h_g the hits and n_g the rows of the
    persons g who are heaviest parents, and r the recall,

        n = rows / max(1, sum_g (h_g - r n_g)² / (rows r (1 - r)))

    Args:
        found: what `find_parent_pairs` returned.
        people: the persons; those of train come first, numbered as in `train_person`.
        lineage: of all synthetic rows.
        train_person: the person of each train row; (n_T rows,).
    """
    with_parents = [i for i, row in enumerate(found.rows.tolist()) if len(lineage.parents[row]) > 0]
    if not with_parents:
        return None
    at = np.array(with_parents, dtype=np.int64)
    parents, heaviest = _parent_persons(lineage, found.rows[at].tolist(), train_person)
    pairs, classes = found.pairs[:, at], people.synthetic_class[found.rows[at]]
    first, second = (_are_parents(pairs[:, :, i], parents) for i in (0, 1))
    one_chance, pair_chance = _recall_by_chance(pairs, parents, classes, len(people.is_train))
    r, hits = float(first.mean()), first.mean(axis=0)
    spread = np.bincount(heaviest, weights=hits - r)
    agreement = float((spread**2).sum()) / (len(at) * r * (1 - r)) if 0 < r < 1 else 1.0
    return ParentRecall(
        one=r,
        one_chance=one_chance,
        pair=float((first & second).mean()),
        pair_chance=pair_chance,
        n=len(at) / max(1.0, agreement),
    )


def _fill_pairs(found: Int, nobody: NDArray[np.bool_], among: Int, rng: np.random.Generator) -> Int:
    """Return pairs of two persons each, with random persons in the place of nobody and of a missing second one."""
    first = np.where(nobody, rng.choice(among, size=len(found)), found[:, 0])
    other = rng.integers(len(among) - 1, size=len(found))
    other = among[other + (other >= np.searchsorted(among, first))]
    return np.stack([first, np.where(nobody | (found[:, 0] == found[:, 1]), other, found[:, 1])], axis=1)


def _permuted(is_train: NDArray[np.bool_], classes: Int, n: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Return the roles of the persons, handed out anew within each class n times; (n, P)."""
    roles = np.tile(is_train, (n, 1))
    for c in np.unique(classes):
        members = np.flatnonzero(classes == c)
        roles[:, members] = rng.permuted(roles[:, members], axis=1)
    return roles


def _parent_persons(lineage: Lineage, rows: list[int], train_person: Int) -> tuple[Int, Int]:
    """Return the distinct persons each row was made from, filled up with -1, and the heaviest of them."""
    weights = [weights_by_person(lineage.parents[r], lineage.weights[r], train_person) for r in rows]
    parents = np.full((len(rows), max(map(len, weights))), -1, dtype=np.int64)
    for i, of_row in enumerate(weights):
        parents[i, : len(of_row)] = sorted(of_row)
    return parents, np.array([max(of_row, key=of_row.__getitem__) for of_row in weights], dtype=np.int64)


def _are_parents(persons: Int, parents: Int) -> NDArray[np.bool_]:
    return np.asarray((persons[:, :, None] == parents[None]).any(axis=2))


def _recall_by_chance(pairs: Int, parents: Int, classes: Int, n_persons: int) -> tuple[float, float]:
    """Return how often one, and how often both persons found would be parents, dealt out within classes."""
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
