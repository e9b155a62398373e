"""Compare two releases of one source for the differencing audit: shared rows, changed records, and attacks.

If both releases have many synthetic rows in common, they have a common seed, or rows of the previous release were
kept. A changed record is in only one of the two train tables, and its person is a changed person. There are four
kinds of change: persons joined; persons left; records were added to persons who stayed; records of persons who stayed
were removed. A membership score says how strongly a synthetic table suggests that a record was in train. Attacks use
the difference of this score between the releases to distinguish changed persons from control persons, who are in
neither train table.
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

MIN_WORDS = 20  # smallest number of words of a long row
NEAR = 0.8  # smallest Jaccard index of near copies, over the runs of 5 words of both rows
LIMIT = 0.01  # smallest value of `RowOverlap.limit`, the limit on the share of near rows among long rows
REPEATS = 20  # number of random draws of equally many changed and control persons
Seeds = Literal["equal", "different", "unknown"]  # relation between the seeds of the two releases
Change = Literal["joined", "left", "records_added", "records_removed"]
CHANGES: tuple[Change, ...] = ("joined", "left", "records_added", "records_removed")
ADDED: frozenset[Change] = frozenset({"joined", "records_added"})  # changes that add records


@dataclass(frozen=True, slots=True, kw_only=True)
class RowOverlap:
    """The synthetic rows that two releases share.

    Rows are equal if their normalised texts are equal. A long row has at least 20 words. A near row is a long row of
    this release that has an equal row or a near copy in the previous release. Shared randomness means a common seed
    of both releases, or rows that were kept from the previous release.
    """

    n: int  # number of long rows of this release
    equal: int  # number of long rows of this release with an equal row in the previous release
    near: int  # number of near rows
    by_chance: float  # share of a release's long rows with a near copy in the same release; the larger of both shares
    is_new: Bool  # (m,): whether each row of this release has no equal row and no near copy in the previous release
    is_gone: Bool  # (m',): the same for each row of the previous release, compared with this release

    @property
    def limit(self) -> float:
        """The largest share of near rows that is possible without shared randomness.

        Independent texts rarely share 20 words. Even with one bit of entropy per word, far less than in real text, a
        row of 20 words equals one of 10,000 rows with a probability below 1 %.
        """
        return max(LIMIT, 2 * self.by_chance)

    def proves_shared_randomness(self, seeds: Seeds) -> bool:
        """Return whether the seeds are equal or the near rows prove shared randomness at level .05."""
        if seeds == "equal":
            return True
        return self.n > 0 and clopper_pearson(self.near, self.n, confidence=1 - FAIL_LEVEL).low > self.limit

    def excludes_shared_randomness(self, seeds: Seeds, *, confidence: float) -> bool:
        """Return whether the share of near rows among long rows excludes shared randomness.

        - Different seeds: true if the share is at most the limit, or if there are no long rows.
        - Unknown seeds: true if there are long rows, and the upper end of the share's interval is at most the limit.
        - Equal seeds: false.
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
        np.array([key in keys_there for key in keys_here], dtype=np.bool_)
        for keys_here, keys_there in ((keys[0], set(keys[1])), (keys[1], set(keys[0])))
    ]
    near_now, near_then = (_near(here, there) for here, there in (sketches, sketches[::-1]))
    repeated = [_near(here, here, same=True)[long] for here, long in zip(sketches, is_long, strict=True)]
    return RowOverlap(
        n=int(is_long[0].sum()),
        equal=int((equal[0] & is_long[0]).sum()),
        near=int(((near_now | equal[0]) & is_long[0]).sum()),
        by_chance=max(float(rows.mean()) if len(rows) > 0 else 0.0 for rows in repeated),
        is_new=~(near_now | equal[0]),
        is_gone=~(near_then | equal[1]),
    )


def seeds_of(previous: Previous) -> Seeds:
    """Return how the seeds of the releases are related, by their digests; `unknown` if a digest is missing."""
    if previous.seed_digest is None or previous.seed_digest_now is None:
        return "unknown"
    return "equal" if previous.seed_digest == previous.seed_digest_now else "different"


def _near(here: Sketch, there: Sketch, *, same: bool = False) -> Bool:
    """Return which rows of `here` have a near copy in `there`; if both are the `same`, no row is its own copy."""
    pairs = near_pairs(here, there)
    near = np.zeros(len(here), dtype=np.bool_)
    near[pairs.left[(pairs.jaccard >= NEAR) & ~(same & (pairs.left == pairs.right))]] = True
    return near


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeAttack:
    """Results of the attacks on the changed persons of one kind of change."""

    membership: CrossFitted  # AUC and scan test of each attack
    people: Arms  # the changed persons (`is_train` is true) and the control persons
    shares: Mapping[str, Share]  # result of `_shares`, by name of the encoder
    # AUC of a classifier that distinguishes the real records of changed and of control persons (`shift_auc`); None if
    # there are fewer than 10 changed or control persons
    shift: Estimate | None


def changed_records(now: Table, then: Table) -> dict[Change, Table]:
    """Return the changed records of each kind of change that occurred between two train tables.

    - joined: all records of persons who are only in the table of this release (`now`).
    - left: all records of persons who are only in the table of the previous release (`then`).
    - records_added: records that are only in `now`, of persons who are in both tables.
    - records_removed: records that are only in `then`, of persons who are in both tables.
    """
    changed: dict[Change, Table] = {}
    for here, there, change_of_persons, change_of_records in (
        (now, then, CHANGES[0], CHANGES[2]),
        (then, now, CHANGES[1], CHANGES[3]),
    ):
        persons_there, records_there = set(there.groups), set(zip(there.groups, there.texts, strict=True))
        has_person = np.array([group in persons_there for group in here.groups])
        has_record = np.array([record in records_there for record in zip(here.groups, here.texts, strict=True)])
        for name, rows in ((change_of_persons, ~has_person), (change_of_records, has_person & ~has_record)):
            if rows.any():
                changed[name] = take(without_labels(here), np.flatnonzero(rows))
    return {name: changed[name] for name in CHANGES if name in changed}


def unseen_controls(control: Table, now: Table, then: Table) -> Table:
    """Return the control records of persons who are in neither train table (`now` and `then`)."""
    seen = {*now.groups, *then.groups}
    rows = np.array([i for i, group in enumerate(control.groups) if group not in seen], dtype=np.int64)
    return take(without_labels(control), rows)


def attack_changes(
    inputs: AuditInputs, then: Table, changed: Mapping[Change, Table], controls: Table, overlap: RowOverlap, rng: Rng
) -> dict[Change, ChangeAttack]:
    """Return the results of the attacks on each kind of change that has at least 20 changed persons.

    new(x) and old(x) are a membership score of a record x, computed from the synthetic table of this release and of
    the previous release (`then`). The attack scores x by

        new(x) - old(x)   if persons joined or records were added
        old(x) - new(x)   if persons left or records were removed

    A person's score is the highest score of the person's changed records or, for a control person, of all records.
    Both scores use the same encoder seed and the same reference (texts of other persons, to which they are fitted).
    Only the synthetic tables can therefore cause differences. The result is empty if `controls` has fewer than 20
    persons or a synthetic table has fewer than 20 rows.

    Raises:
        NotMeasurable: the reference table has fewer than 20 records.
        InputError: no word occurs in two records of the compared persons.

    Randomness: the control persons who become the reference (if there is no reference table), one encoder seed and,
        for each kind of change, folds and draws of persons.
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
    new, old = (membership_scores(release, e) for release, e in zip(releases, encoded, strict=True))
    results: dict[Change, ChangeAttack] = {}
    start, control_rows = 0, np.arange(len(holdout.train), len(holdout.train) + len(holdout.control))
    for name, table in large.items():
        rows = np.concatenate([np.arange(start, start + len(table)), control_rows])
        start += len(table)
        people = arms(replace(holdout, train=table))
        sign, which, is_unshared = (1, 0, overlap.is_new) if name in ADDED else (-1, 1, overlap.is_gone)
        scores = {score: person_scores(sign * (new[score] - old[score])[rows], people.row_person) for score in new}
        results[name] = ChangeAttack(
            membership=cross_fit(scores, people, rng),
            people=people,
            shares=_shares(encoded[which], np.flatnonzero(is_unshared), rows, people, rng),
            shift=shift_auc(table, holdout.control, rng),
        )
    return results


def _shares(encoded: tuple[Encoded, ...], unshared: Int, rows: Int, people: Arms, rng: Rng) -> dict[str, Share]:
    """Return for each encoder the share of the `unshared` synthetic rows whose nearest person is a changed person.

    The nearest person is one of equally many changed and control persons, who are drawn 20 times. `rows` has the
    indices of the records of `people` in `stack_arms`. A share with `Share.n` = 0 is omitted.
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
    """Return the table without labels and vectors, which may not be comparable between releases."""
    return replace(table, labels=None, vectors={})


def concatenate_changes(tables: Mapping[Change, Table]) -> Table:
    """Return the records of all kinds of change in order; a person with two kinds of change becomes two persons."""
    return Table(
        texts=tuple(text for table in tables.values() for text in table.texts),
        labels=None,
        groups=tuple(f"{name}\0{group}" for name, table in tables.items() for group in table.groups),
        has_groups=True,
    )
