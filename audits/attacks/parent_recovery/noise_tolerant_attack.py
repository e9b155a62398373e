"""Find the two persons from whose records each synthetic row may have been mixed, for the audit `parent_recovery`.

A parent of a row is here a person from whose records the row was mixed. For each row, the attack searches among the
records of equally many train and control persons for the two records whose combination is nearest to the row. The
persons of these two records are the pair of the row. The generator never saw control persons. If pairs have more
train persons than chance explains, the release therefore reveals parents. The attack tolerates noise, so it works on
the vectors of the released texts by any encoder. The role of a person is train or control, and the class of a person
is the label of the person's first record.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.stats import beta, norm

from audits.attacks.parent_recovery.lineage import weights_by_person
from audits.core import stats
from audits.core.holdout import Arms, person_scores
from audits.core.two_sided import is_inside
from audits.core.types import AuditInputs, Bool, Float, Int, Lineage, Rng, persons
from audits.embeddings.distances import Share, balanced_draws, share_of_train, stack_arms
from audits.embeddings.encoders import Encoded
from audits.embeddings.similarity import best_pairs, candidate_cosines, similarity_blocks

REPEATS = 20  # number of random draws of equally many train and control persons
CANDIDATES = 40  # average number of records among which the pair of a row is searched in one repeat
MAX_CANDIDATES = 120  # largest number of candidates of a row, for all repeats together
MAX_ROWS = 20_000  # at most this many synthetic rows are attacked; enough to distinguish the shares .5 and .509
MARGINS = (0.03, 0.05, 0.10)  # allowed distances of a share from its value by chance; `margin_of` chooses one
PERMUTATIONS = 2000  # number of permutations of the roles (train or control), in all repeats together


@dataclass(frozen=True, slots=True, kw_only=True)
class ParentPairs:
    """The pairs that the attack finds for m attacked rows, in each repeat of the search."""

    rows: Int  # (m,), numbers of the attacked synthetic rows
    # (repeats, m, 2), the two persons of each pair, first the person whose record has the higher cosine to the row
    pairs: Int
    included: list[Int]  # the persons drawn in each repeat: equally many of train and control in each class
    nearness: Float  # (P,), for each of P persons, the highest cosine between the person's records and attacked rows


@dataclass(frozen=True, slots=True, kw_only=True)
class ParentRecall:
    """How often the attack finds parents, among the attacked rows that have parents."""

    one: float  # recall: share of rows with a pair whose first person is a parent
    one_chance: float  # expected value of `one` if the pairs are assigned at random to the rows of the same class
    pair: float  # share of rows with a pair of two parents
    pair_chance: float  # expected value of `pair` if the pairs are assigned at random to the rows of the same class
    n: float  # effective number of independent rows, computed by `parent_recall`

    def ends(self, confidence: float) -> tuple[float, float]:
        """Return the exact interval (Clopper and Pearson) of `one`; each end has this one-sided confidence."""
        return stats.clopper_pearson(self.one * self.n, self.n, confidence=confidence)

    def p_above(self, limit: float) -> float:
        """Return the exact p-value of the hypothesis that the true value of `one` is at most `limit`."""
        hits = self.one * self.n
        return 1.0 if self.one == 0 or limit >= 1 else float(beta.cdf(limit, hits, self.n - hits + 1))


def find_parent_pairs(encoded: Encoded, people: Arms, rng: Rng) -> ParentPairs:
    """Return the pair of each attacked row: the two persons whose records, combined, are nearest to the row.

    The candidates of a synthetic row z are the records most similar to z, at most 120. Each of 20 repeats draws
    persons, and uses only C(z), the candidates of these persons. C(z) has 40 records on average, unless the drawn
    persons have fewer than a third of the records. If train and control have equally many persons in each class,
    there is only one repeat, with all persons. Two records P and Q of different persons give the pair:

        (P, Q) = argmin over P, Q in C(z) of  min over the weights a, b >= 0 of |z - a·P - b·Q|

    All rows have unit length. Scaling a mixture to unit length moves it off the segment between the mixed records,
    but the result is still a combination of them. In a test with noise of twice the nearest-neighbour distance (1,500
    points in 256 dimensions, with intrinsic dimension 20), this attack found 95 % of the parents. A search for points
    on segments found 30 %.

    Randomness: the attacked rows, if there are more than 20,000; the persons of the 20 repeats; the order of the
        records, which decides ties; the missing persons of a pair, if no candidate has a positive cosine or C(z) has
        records of fewer than two persons.
    Reference: designed for this project, because attacks on SMOTE (interpolation between the vectors of two records)
        search for lines and need exact vectors.
    """
    m = encoded.synthetic.shape[0]
    rows = np.arange(m) if m <= MAX_ROWS else np.sort(rng.choice(m, size=MAX_ROWS, replace=False))
    included = balanced_draws(people, REPEATS, rng)
    if all(len(persons_of_repeat) == len(people.is_train) for persons_of_repeat in included):
        included = included[:1]
    is_included = np.zeros((len(included), len(people.is_train)), dtype=np.bool_)
    for repeat, persons_of_repeat in enumerate(included):
        is_included[repeat, persons_of_repeat] = True
    order = rng.permutation(len(people.row_person))
    real, owner = stack_arms(encoded)[order], people.row_person[order]
    k = min(MAX_CANDIDATES, math.ceil(CANDIDATES / is_included[:, owner].mean()), len(owner))
    pairs = np.empty((len(included), len(rows), 2), dtype=np.int64)
    nearness = np.full(len(owner), -np.inf, dtype=np.float32)
    for block, similarities in similarity_blocks(encoded.synthetic[rows], real):
        nearness = np.maximum(nearness, similarities.max(axis=0))
        top = np.argpartition(similarities, len(owner) - k, axis=1)[:, -k:]
        cosines, person = np.take_along_axis(similarities, top, axis=1), owner[top]
        best = best_pairs(cosines, candidate_cosines(real, top), person, is_included[:, person])
        has_no_similar = cosines.max(axis=1) <= 0
        for repeat, persons_of_repeat in enumerate(included):
            pair = np.take_along_axis(person, best[repeat], axis=1)
            without_pair = has_no_similar | ~is_included[repeat, pair[:, 0]]
            pairs[repeat, block] = _fill_pairs(pair, without_pair, persons_of_repeat, rng)
    return ParentPairs(rows=rows, pairs=pairs, included=included, nearness=person_scores(nearness, owner))


def share_of_nearest(result: ParentPairs, people: Arms, n: int) -> Share:
    """Return the share of train persons among the first (n = 1) or among both (n = 2) persons of all pairs."""
    return share_of_train(result.pairs[:, :, :n].reshape(len(result.pairs), -1), result.included, people)


def both_train(result: ParentPairs, people: Arms, rng: Rng) -> tuple[Share, float]:
    """Return the share of pairs of two train persons, and its expected value under random roles.

    The roles are random within each class. Two persons of a class with n persons of each role are then both in train
    with probability (n - 1) / (2·(2n - 1)), and two persons of different classes with probability 1/4. The standard
    error comes from 2,000 permutations of the roles within each class, so pairs with a common person do not count as
    independent.
    """
    value, null, variance = 0.0, 0.0, 0.0
    n_permutations = -(-PERMUTATIONS // len(result.included))
    for pairs, persons_of_repeat in zip(result.pairs, result.included, strict=True):
        classes = people.person_class[persons_of_repeat]
        place = np.full(len(people.is_train), -1, dtype=np.int64)
        place[persons_of_repeat] = np.arange(len(persons_of_repeat))
        places = place[pairs]
        class_size = np.bincount(classes)[classes[places[:, 0]]]
        same_class = classes[places[:, 0]] == classes[places[:, 1]]
        null += float(np.where(same_class, (class_size / 2 - 1) / (2 * (class_size - 1)), 0.25).mean())
        value += float(people.is_train[pairs].all(axis=1).mean())
        permutations = _permuted(people.is_train[persons_of_repeat], classes, n_permutations, rng)
        variance += float(np.var([roles[places].all(axis=1).mean() for roles in permutations]))
    repeats = len(result.included)
    return Share(value=value / repeats, error=math.sqrt(variance / repeats)), null / repeats


def parent_recall(result: ParentPairs, people: Arms, lineage: Lineage, train_person: Int) -> ParentRecall | None:
    """Return how often the pairs contain parents, or None if no attacked row has a parent.

    An attack that finds only the class of a row does not exceed `one_chance` and `pair_chance`. Rows with a common
    parent may be found or missed together. The effective number of independent rows is therefore

        n = R / max(1, sum_g (h_g - r·n_g)² / (R·r·(1 - r))),   n = R if r is 0 or 1

    R is the number of attacked rows with parents, and r is `ParentRecall.one`. n_g is the number of rows whose parent
    of highest weight is person g. h_g is the number of these rows whose pair has a parent as first person,
    averaged over the repeats. `train_person` (n_train,) has the person of each train row, numbered as in `people`.
    """
    with_parents = np.flatnonzero([len(lineage.parents[row]) > 0 for row in result.rows])
    n_rows = len(with_parents)
    if n_rows == 0:
        return None
    rows, pairs = result.rows[with_parents], result.pairs[:, with_parents]
    parents, heaviest = _parent_persons(lineage, rows.tolist(), train_person)
    first, second = ((pairs[:, :, i, None] == parents[None]).any(axis=2) for i in (0, 1))
    one_chance, pair_chance = _recall_by_chance(pairs, parents, people.synthetic_class[rows], len(people.is_train))
    recall, hits = float(first.mean()), first.mean(axis=0)
    excess = np.bincount(heaviest, weights=hits - recall)
    agreement = float((excess**2).sum()) / (n_rows * recall * (1 - recall)) if 0 < recall < 1 else 1.0
    return ParentRecall(
        one=recall,
        one_chance=one_chance,
        pair=float((first & second).mean()),
        pair_chance=pair_chance,
        n=n_rows / max(1.0, agreement),
    )


def _fill_pairs(pairs: Int, without_pair: Bool, included: Int, rng: Rng) -> Int:
    """Return the pairs; a missing pair is drawn at random, and so is the second person if both persons are equal."""
    first = np.where(without_pair, rng.choice(included, size=len(pairs)), pairs[:, 0])
    second = rng.integers(len(included) - 1, size=len(pairs))
    second = included[second + (second >= np.searchsorted(included, first))]  # any included person except the first
    return np.stack([first, np.where(without_pair | (pairs[:, 0] == pairs[:, 1]), second, pairs[:, 1])], axis=1)


def _permuted(is_train: Bool, classes: Int, n: int, rng: Rng) -> Bool:
    roles = np.tile(is_train, (n, 1))
    for c in np.unique(classes):
        members = np.flatnonzero(classes == c)
        roles[:, members] = rng.permuted(roles[:, members], axis=1)
    return roles


def _parent_persons(lineage: Lineage, rows: list[int], train_person: Int) -> tuple[Int, Int]:
    """Return the distinct parents of each row, ascending and padded with -1, and the parent of highest weight."""
    weights = [weights_by_person(lineage.parents[r], lineage.weights[r], train_person) for r in rows]
    parents = np.full((len(rows), max(map(len, weights))), -1, dtype=np.int64)
    for i, weight_of in enumerate(weights):
        parents[i, : len(weight_of)] = sorted(weight_of)
    return parents, np.array([max(weight_of, key=weight_of.__getitem__) for weight_of in weights], dtype=np.int64)


def _recall_by_chance(pairs: Int, parents: Int, classes: Int, n_persons: int) -> tuple[float, float]:
    """Return `one_chance` and `pair_chance` of `ParentRecall`; `classes` has the class of each row.

    Both are averages over the rows. For one row, they count the pairs of all rows of its class in all repeats.
    one_chance is the share of these pairs whose first person is a parent of the row. pair_chance is the share of
    these pairs whose persons are both parents of the row.
    """
    pairs_of_class = np.bincount(classes)[classes] * pairs.shape[0]
    ordered = np.sort(pairs, axis=2)
    first = np.sort((classes * n_persons + pairs[:, :, 0]).ravel())
    both = np.sort((((classes * n_persons) + ordered[:, :, 0]) * n_persons + ordered[:, :, 1]).ravel())
    n_first, n_both = np.zeros(len(parents)), np.zeros(len(parents))
    for i in range(parents.shape[1]):
        key_of_parent = classes * n_persons + parents[:, i]
        n_first += np.where(parents[:, i] >= 0, _count(first, key_of_parent), 0)
        for j in range(i + 1, parents.shape[1]):
            n_both += np.where(parents[:, j] >= 0, _count(both, key_of_parent * n_persons + parents[:, j]), 0)
    return float((n_first / pairs_of_class).mean()), float((n_both / pairs_of_class).mean())


def _count(ordered: Int, keys: Int) -> Float:
    """Return how often each key occurs in an ascending array."""
    return (np.searchsorted(ordered, keys, "right") - np.searchsorted(ordered, keys, "left")).astype(np.float64)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareTest:
    """A share of train persons, its expected value without a leak, and their allowed distance (margin)."""

    what: str  # the persons or records that the share refers to, as part of a sentence
    share: Share
    null: float  # expected value of the share under random roles
    margin: float | None  # allowed distance from `null` (`margin_of`); None if there are too few independent rows

    def is_within(self, margin: float | None, confidence: float) -> bool:
        """Return whether the whole interval of the share is at most `margin` from `null`; False without a margin."""
        excess = self.share.estimate(confidence, less=self.null)
        return margin is not None and self.share.n > 0 and is_inside(excess, margin, centre=0.0)

    def p_beyond(self, margin: float) -> float:
        """Return the two-sided p-value of the hypothesis that the true share is at most `margin` from `null`."""
        return self.share.p_beyond(margin, centre=self.null)

    def smallest_leak(self, n_shares: int, confidence: float) -> float | None:
        """Return the smallest distance of the true share from `null` that, with probability .8, prevents a pass.

        The audit does not pass if the interval of the share is not within the margin d around `null`. It also does
        not pass if the share differs significantly from `null` and its interval is not within the strictest margin
        d_0. The distance is

            min(d - (z_confidence - z_.8)·e,  max(d_0, (z_(1 - .05 / (2·n_shares)) + z_.8)·e))

        z_p is the normal quantile at p, and e the standard error of the share. If `margin` is None, return None.
        """
        if self.margin is None:
            return None
        z, z_power = float(norm.ppf(confidence)), float(norm.ppf(stats.POWER))
        z_each = float(norm.ppf(1 - stats.FAIL_LEVEL / (2 * n_shares)))
        beyond_margin = self.margin - (z - z_power) * self.share.error
        return min(beyond_margin, max(MARGINS[0], (z_each + z_power) * self.share.error))


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderShares:
    """Results with one encoder, which turns texts into vectors."""

    encoder: str
    train: ShareTest  # share of train persons among both persons of the pairs
    first: ShareTest  # share of train persons among the first persons of the pairs
    both: ShareTest  # share of pairs of two train persons
    scan: stats.Scan  # result of `scan_test`: whether the top of a ranking by `nearness` is a random draw of persons
    recall: ParentRecall | None  # None without a lineage (the list of the true parents of each row)

    @property
    def shares(self) -> tuple[ShareTest, ...]:
        """The three shares that are tested."""
        return self.train, self.first, self.both


def encoder_shares(encoded: Encoded, people: Arms, inputs: AuditInputs, n_shares: int, rng: Rng) -> EncoderShares:
    """Return the results with one encoder; `n_shares` is the number of shares tested in the whole audit."""
    result = find_parent_pairs(encoded, people, rng)
    both, both_null = both_train(result, people, rng)

    def share_test(what: str, share: Share, null: float) -> ShareTest:
        return ShareTest(what=what, share=share, null=null, margin=margin_of(share, n_shares))

    return EncoderShares(
        encoder=encoded.name,
        train=share_test("the two persons between whom records lie", share_of_nearest(result, people, 2), 0.5),
        first=share_test("the nearer of the two persons", share_of_nearest(result, people, 1), 0.5),
        both=share_test("records that lie between two train persons", both, both_null),
        scan=stats.scan_test(result.nearness[people.is_train], result.nearness[~people.is_train]),
        recall=None
        if inputs.lineage is None
        else parent_recall(result, people, inputs.lineage, persons(inputs.train.groups)[1]),
    )


def margin_of(share: Share, n_shares: int) -> float | None:
    """Return the strictest margin for which a share has enough independent rows; None if it has too few.

    The number n of independent rows (`Share.n`) is enough for a margin d if, without a leak, the intervals of all
    `n_shares` shares of the audit lie within d with a joint probability of .95. With z_p as the normal quantile at p:

        n >= ((z_.95 + z_(1 - .05 / (2·n_shares))) / (2·d))²

    For the widest margin, n >= ((z_.95 + z_.8) / (2·d))² is enough.
    """
    power = stats.power_of_each(n_shares, stats.PASS_POWER)
    for margin in MARGINS:
        if share.n >= stats.needed_for_share(margin, power=power):
            return margin
    return MARGINS[-1] if share.n >= stats.needed_for_share(MARGINS[-1]) else None
