"""Compare two releases: the rows they share, the records that changed, and attacks on the persons who changed.

There are four kinds of change: persons joined; persons left; records were added to persons who stayed; records of
persons who stayed were removed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from audits.attacks.membership.attack import CrossFitted, cross_fit
from audits.attacks.membership.scores import membership_scores
from audits.core.holdout import MIN_PERSONS, MIN_SYNTHETIC, Arms, arms, hold_out, person_scores
from audits.core.inputs import take
from audits.core.stats import FAIL_LEVEL, clopper_pearson
from audits.core.types import AuditInputs, Bool, Estimate, Int, Previous, Rng, Table
from audits.embeddings.distances import Share, balanced_draws, nearest_person_of_rows, share_of_train, stack_arms
from audits.embeddings.encoders import Encoded, encode
from audits.embeddings.shift import shift_auc
from audits.text.minhash import Sketch, near_pairs, sketch
from audits.text.normalise import normalise, tokens

MIN_WORDS = 20  # a row with at least this many words is long
NEAR = 0.8  # two rows are near copies if the Jaccard similarity of their 5-token shingles is at least this
LIMIT = 0.01  # in independent releases, at most this share of the long rows is near (`RowOverlap.near`)
REPEATS = 20  # number of random draws of equally many changed and control persons
Seeds = Literal["equal", "different", "unknown"]  # relation between the seeds of the two releases
Change = Literal["joined", "left", "records_added", "records_removed"]
CHANGES: tuple[Change, ...] = ("joined", "left", "records_added", "records_removed")
ADDED: frozenset[Change] = frozenset({"joined", "records_added"})  # changes that add records


@dataclass(frozen=True, slots=True, kw_only=True)
class RowOverlap:
    """The rows that two releases share.

    A long row has at least 20 words. Kept rows are rows of the previous release that were copied into this release.
    """

    n: int  # number of long rows of this release
    equal: int  # number of long rows with an equal row in the previous release, ignoring case and spaces
    near: int  # number of long rows with an equal row or a near copy in the previous release
    by_chance: float  # share of a release's long rows with a near copy in that release; maximum of both releases
    is_new: Bool  # (m,): whether a row of this release has no equal row or near copy in the previous release
    is_gone: Bool  # (m',): whether a row of the previous release has no equal row or near copy in this release

    @property
    def limit(self) -> float:
        """The largest share of near rows that releases without a common seed and without kept rows can have.

        Independent texts rarely share 20 words. Even if a word had one bit of entropy, far less than in text, a row
        of 20 words would equal one of 10,000 rows with a probability below 1 %.
        """
        return max(LIMIT, 2 * self.by_chance)

    def proves_shared_randomness(self, seeds: Seeds) -> bool:
        """Return whether a common seed or kept rows are proven, at level .05."""
        if seeds == "equal":
            return True
        return self.n > 0 and clopper_pearson(self.near, self.n, confidence=1 - FAIL_LEVEL).low > self.limit

    def excludes_shared_randomness(self, seeds: Seeds, *, confidence: float) -> bool:
        """Return whether a common seed and kept rows are excluded.

        - Different seeds: the share of near rows must be at most the limit, or there are no long rows.
        - Unknown seeds: there are long rows, and the upper end of the interval of this share is at most the limit.
        - Equal seeds: a common seed is known, so the result is false.
        """
        if seeds == "different":
            return self.n == 0 or self.near / self.n <= self.limit
        if seeds == "equal" or self.n == 0:
            return False
        return clopper_pearson(self.near, self.n, confidence=confidence).high <= self.limit


def row_overlap(now: Table, then: Table) -> RowOverlap:
    """Return which rows the synthetic tables of this release (`now`) and of the previous release (`then`) share."""
    keys = [[normalise(text) for text in table.texts] for table in (now, then)]
    is_long = [np.array([len(tokens(t)) >= MIN_WORDS for t in table.texts], dtype=np.bool_) for table in (now, then)]
    sketches = [sketch(table.texts) for table in (now, then)]
    equal = [
        np.array([key in known for key in mine], dtype=np.bool_)
        for mine, known in ((keys[0], set(keys[1])), (keys[1], set(keys[0])))
    ]
    near_now, near_then = (_near(mine, other) for mine, other in (sketches, sketches[::-1]))
    repeated = [_near(mine, mine, same=True)[long] for mine, long in zip(sketches, is_long, strict=True)]
    return RowOverlap(
        n=int(is_long[0].sum()),
        equal=int((equal[0] & is_long[0]).sum()),
        near=int(((near_now | equal[0]) & is_long[0]).sum()),
        by_chance=max(float(rows.mean()) if len(rows) > 0 else 0.0 for rows in repeated),
        is_new=~(near_now | equal[0]),
        is_gone=~(near_then | equal[1]),
    )


def seeds_of(previous: Previous) -> Seeds:
    """Return whether the digests of the seeds of both releases are equal, or unknown if one is missing."""
    if previous.seed_digest is None or previous.seed_digest_now is None:
        return "unknown"
    return "equal" if previous.seed_digest == previous.seed_digest_now else "different"


def _near(mine: Sketch, other: Sketch, *, same: bool = False) -> Bool:
    """Return which rows of `mine` have a near copy in `other`; if `same`, a row does not count as its own copy."""
    pairs = near_pairs(mine, other)
    near = np.zeros(len(mine), dtype=np.bool_)
    near[pairs.left[(pairs.jaccard >= NEAR) & ~(same & (pairs.left == pairs.right))]] = True
    return near


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeAttack:
    """Results of the attacks on the persons of one kind of change."""

    membership: CrossFitted  # AUC and scan test of each attack
    people: Arms  # the persons who changed (`is_train` is true) and the control persons
    shares: Mapping[str, Share]  # result of `_shares`, by name of the encoder
    # AUC with which a classifier distinguishes the real records that changed from those of control (`shift_auc`);
    # None for fewer than 10 persons
    shift: Estimate | None


def changed_records(now: Table, then: Table) -> dict[Change, Table]:
    """Return for each kind of change that occurred the records that only one of the two train tables has.

    - joined: all records of persons who are only in the later table (`now`).
    - left: all records of persons who are only in the earlier table (`then`).
    - records_added: records that are only in the later table, of persons in both tables.
    - records_removed: records that are only in the earlier table, of persons in both tables.
    """
    changed: dict[Change, Table] = {}
    for here, there, of_persons, of_records in (
        (now, then, CHANGES[0], CHANGES[2]),
        (then, now, CHANGES[1], CHANGES[3]),
    ):
        known, records = set(there.groups), set(zip(there.groups, there.texts, strict=True))
        is_known = np.array([group in known for group in here.groups])
        is_same = np.array([record in records for record in zip(here.groups, here.texts, strict=True)])
        for name, rows in ((of_persons, ~is_known), (of_records, is_known & ~is_same)):
            if rows.any():
                changed[name] = take(without_labels(here), np.flatnonzero(rows))
    return {name: changed[name] for name in CHANGES if name in changed}


def unseen_controls(control: Table, now: Table, then: Table) -> Table:
    """Return the control records of persons whom neither generator saw."""
    seen = {*now.groups, *then.groups}
    rows = np.array([i for i, group in enumerate(control.groups) if group not in seen], dtype=np.int64)
    return take(without_labels(control), rows)


def attack_changes(
    inputs: AuditInputs, then: Table, changed: Mapping[Change, Table], controls: Table, overlap: RowOverlap, rng: Rng
) -> dict[Change, ChangeAttack]:
    """Return the results of the attacks on each kind of change that has at least 20 persons.

    Let a(x; now) be a membership score of a record x given this release, and a(x; then) given the previous release.
    The attack on x is

        a(x; now) - a(x; then)   if x was added,   a(x; then) - a(x; now)   if x was removed

    A person's score is the highest score of the person's records. Control persons are scored in the same way. Both
    releases use the same reference and encoder seed, so only the synthetic tables cause differences. The result is
    empty if control has fewer than 20 persons or a release has fewer than 20 rows.

    Raises:
        NotMeasurable: the reference table has fewer than 20 records.
        InputError: no word occurs in two records of the compared persons.

    Randomness: one encoder seed for all kinds of change; folds and draws of persons for each kind of change.
    """
    large = {name: table for name, table in changed.items() if len(set(table.groups)) >= MIN_PERSONS}
    too_few = len(set(controls.groups)) < MIN_PERSONS or min(len(inputs.synthetic), len(then)) < MIN_SYNTHETIC
    if not large or too_few:
        return {}
    changed_inputs = AuditInputs(
        synthetic=without_labels(inputs.synthetic),
        train=concatenate_changes(large),
        control=controls,
        reference=None if inputs.reference is None else without_labels(inputs.reference),
    )
    holdout = hold_out(changed_inputs, rng)
    seed = int(rng.integers(2**31))
    releases = (holdout, replace(holdout, synthetic=without_labels(then)))
    encoded = [encode(release, np.random.default_rng(seed)) for release in releases]
    now, before = (membership_scores(release, e) for release, e in zip(releases, encoded, strict=True))
    results: dict[Change, ChangeAttack] = {}
    start, control_rows = 0, np.arange(len(holdout.train), len(holdout.train) + len(holdout.control))
    for name, table in large.items():
        rows = np.concatenate([np.arange(start, start + len(table)), control_rows])
        start += len(table)
        people = arms(replace(holdout, train=table))
        sign, release, is_unshared = (1, 0, overlap.is_new) if name in ADDED else (-1, 1, overlap.is_gone)
        scores = {score: person_scores(sign * (now[score] - before[score])[rows], people.row_person) for score in now}
        results[name] = ChangeAttack(
            membership=cross_fit(scores, people, rng),
            people=people,
            shares=_shares(encoded[release], np.flatnonzero(is_unshared), rows, people, rng),
            shift=shift_auc(table, holdout.control, rng),
        )
    return results


def _shares(encoded: tuple[Encoded, ...], unshared: Int, rows: Int, people: Arms, rng: Rng) -> dict[str, Share]:
    """Return by encoder the share of the unshared synthetic rows that are nearest to a changed person.

    `unshared` are the indices of these rows. `rows` are the rows of `people` in the encoded tables.
    """
    if len(unshared) == 0:
        return {}
    included = balanced_draws(people, REPEATS, rng)
    shares = {}
    for tables in encoded:
        nearest = nearest_person_of_rows(tables.synthetic[unshared], stack_arms(tables)[rows], people, included, rng)
        shares[tables.name] = share_of_train(nearest, included, people)
    return {name: share for name, share in shares.items() if share.n > 0}


def without_labels(table: Table) -> Table:
    """Return the table without labels and vectors, which need not be comparable between releases."""
    return replace(table, labels=None, vectors={})


def concatenate_changes(tables: Mapping[Change, Table]) -> Table:
    """Return the records of all kinds of change in order; a person with two kinds of change counts as two persons."""
    return Table(
        texts=tuple(text for table in tables.values() for text in table.texts),
        labels=None,
        groups=tuple(f"{name}\0{group}" for name, table in tables.items() for group in table.groups),
        has_groups=True,
    )
