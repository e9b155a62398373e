"""What changed between two releases: who joined or left, and whether the difference follows them.

This file holds the measurements; `audits/attacks/differencing/differencing_audit.py` draws the verdict from them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from audits.attacks.differencing.kept_rows import RowOverlap
from audits.attacks.membership.attack import CrossFitted, cross_fit
from audits.attacks.membership.scores import membership_scores
from audits.core.holdout import Arms, HoldoutTables, arms, person_scores
from audits.core.inputs import take
from audits.core.types import Estimate, Table
from audits.embeddings.distances import Share, balanced_draws, nearest_person_of_rows, share_of_train, stack_arms
from audits.embeddings.encoders import Encoded, encode
from audits.embeddings.shift import shift_auc
from audits.embeddings.similarity import Matrix

REPEATS = 20

Int = NDArray[np.int64]
ArmName = Literal["joined", "left", "records_added", "records_removed"]
ARMS: tuple[ArmName, ...] = ("joined", "left", "records_added", "records_removed")
ADDED: frozenset[ArmName] = frozenset({"joined", "records_added"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmAttack:
    """Whether the difference of two releases follows the persons of one arm.

    Args:
        attacked: ranks of persons by an attack chosen on other persons, and the scans of all attacks.
        people: the arm's persons (`is_train`) and the control persons.
        shares: for each encoder, the share of changed rows whose nearest person is of the arm.
        shift: how well the arm is told from control without any release; None with under ten persons.
    """

    membership: CrossFitted
    people: Arms
    shares: Mapping[str, Share]
    shift: Estimate | None


def changed_records(now: Table, then: Table) -> dict[ArmName, Table]:
    """Return the records that one train table has and the other lacks, by whether their person stayed.

    joined: all records of persons who were not there then; left: of persons who are not there now;
    records_added, records_removed: records of persons who stayed, but with other records. Empty arms are left out.
    """
    found: dict[ArmName, Table] = {}
    for here, there, whole, part in ((now, then, ARMS[0], ARMS[2]), (then, now, ARMS[1], ARMS[3])):
        known, records = set(there.groups), set(zip(there.groups, there.texts, strict=True))
        is_known = np.array([group in known for group in here.groups])
        is_same = np.array([record in records for record in zip(here.groups, here.texts, strict=True)])
        for name, rows in ((whole, ~is_known), (part, is_known & ~is_same)):
            if rows.any():
                found[name] = take(without_labels(here), np.flatnonzero(rows))
    return {name: found[name] for name in ARMS if name in found}


def unseen_controls(control: Table, now: Table, then: Table) -> Table:
    """Return the control records of persons whom neither generator saw."""
    of_either = {*now.groups, *then.groups}
    return take(
        without_labels(control),
        np.array([i for i, g in enumerate(control.groups) if g not in of_either], dtype=np.int64),
    )


def attack_arms(
    changed: Mapping[ArmName, Table],
    holdout: HoldoutTables,
    then: Table,
    overlap: RowOverlap,
    rng: np.random.Generator,
) -> dict[ArmName, ArmAttack]:
    """Return for each arm whether the difference between the releases follows its persons.

        D_x = a(x; now) - a(x; then)   for who came,   a(x; then) - a(x; now)   for who went

    for every membership score a, the highest over the person's records; control persons have it in the same way. What
    the score learns from the reference is the same for both releases.

    Args:
        changed: the records of each arm.
        holdout: this release, the records of all arms one after the other as train, control and reference.
        then: the release before.
        overlap: which rows both have.
        rng: the arms share one seed for the encoders; folds and draws are each arm's own.
    """
    seed = int(rng.integers(2**31))
    both = (holdout, replace(holdout, synthetic=without_labels(then)))
    encoded = [encode(p, np.random.default_rng(seed)) for p in both]
    now, before = (membership_scores(p, e) for p, e in zip(both, encoded, strict=True))
    found: dict[ArmName, ArmAttack] = {}
    start, controls = 0, np.arange(len(holdout.train), len(holdout.train) + len(holdout.control))
    for name, table in changed.items():
        rows = np.concatenate([np.arange(start, start + len(table)), controls])
        start += len(table)
        people = arms(replace(holdout, train=table))
        sign, side, kept = (1, 0, overlap.is_new) if name in ADDED else (-1, 1, overlap.is_gone)
        found[name] = ArmAttack(
            membership=cross_fit(
                {a: person_scores(sign * (now[a] - before[a])[rows], people.row_person) for a in now}, people, rng
            ),
            people=people,
            shares=_shares(encoded[side], np.flatnonzero(kept), rows, people, rng),
            shift=shift_auc(table, holdout.control, rng),
        )
    return found


def _shares(
    encoded: tuple[Encoded, ...], kept: Int, rows: Int, people: Arms, rng: np.random.Generator
) -> dict[str, Share]:
    """Return by encoder the share of the kept rows whose nearest person is of the arm; nothing without rows."""
    if len(kept) == 0:
        return {}
    included = balanced_draws(people, REPEATS, rng)
    found = {}
    for one in encoded:
        synthetic: Matrix = one.synthetic[kept]
        share = share_of_train(
            nearest_person_of_rows(synthetic, stack_arms(one)[rows], people, included, rng), included, people
        )
        if share.n > 0:
            found[one.name] = share
    return found


def without_labels(table: Table) -> Table:
    """Return the table without labels and vectors, which the releases need not have in common."""
    return replace(table, labels=None, vectors={})


def concatenate_arms(tables: Mapping[ArmName, Table]) -> Table:
    """Return the records of all arms one after the other; a person of two arms counts once in each."""
    return Table(
        texts=tuple(text for table in tables.values() for text in table.texts),
        labels=None,
        groups=tuple(f"{name}\0{group}" for name, table in tables.items() for group in table.groups),
        has_groups=True,
    )
