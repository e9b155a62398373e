"""Measure what changed between two releases, and whether their difference follows the persons who joined or left."""

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

REPEATS = 20

Int = NDArray[np.int64]
ArmName = Literal["joined", "left", "records_added", "records_removed"]
ARMS: tuple[ArmName, ...] = ("joined", "left", "records_added", "records_removed")
ADDED: frozenset[ArmName] = frozenset({"joined", "records_added"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmAttack:
    """Results of the attacks on one arm."""

    membership: CrossFitted  # ranks of persons by an attack chosen on other persons, and the scans of all attacks
    people: Arms  # the persons of the arm (`is_train`) and the control persons
    shares: Mapping[str, Share]  # by encoder: the share of changed rows whose nearest person is of the arm
    shift: Estimate | None  # AUC of the arm against control without any release; None with under ten persons


def changed_records(now: Table, then: Table) -> dict[ArmName, Table]:
    """Return the records that only one of two train tables has, by whether their person is in both tables.

    joined: all records of persons who are only in the later table; left: of persons who are only in the earlier one;
    records_added, records_removed: the differing records of persons in both. Empty arms are omitted.
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
    rows = np.array([i for i, g in enumerate(control.groups) if g not in of_either], dtype=np.int64)
    return take(without_labels(control), rows)


def attack_arms(
    changed: Mapping[ArmName, Table],
    holdout: HoldoutTables,
    then: Table,
    overlap: RowOverlap,
    rng: np.random.Generator,
) -> dict[ArmName, ArmAttack]:
    """Attack each arm by the difference between the releases.

        D_x = a(x; now) - a(x; then)   if x was added,   a(x; then) - a(x; now)   if x was removed

    for every membership score a, the highest over the person's records. Control persons are scored in the same way.
    What a score learns from the reference is the same for both releases.

    Args:
        changed: the records of each arm.
        holdout: this release; the records of all arms in their order as train; control; reference.
        then: the previous release.
        overlap: the rows that both releases share.
        rng: draws one encoder seed for all arms, and folds and draws for each arm.
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
        scores = {a: person_scores(sign * (now[a] - before[a])[rows], people.row_person) for a in now}
        found[name] = ArmAttack(
            membership=cross_fit(scores, people, rng),
            people=people,
            shares=_shares(encoded[side], np.flatnonzero(kept), rows, people, rng),
            shift=shift_auc(table, holdout.control, rng),
        )
    return found


def _shares(
    encoded: tuple[Encoded, ...], kept: Int, rows: Int, people: Arms, rng: np.random.Generator
) -> dict[str, Share]:
    """Return by encoder the share of the kept rows whose nearest person is of the arm; empty without rows."""
    if len(kept) == 0:
        return {}
    included = balanced_draws(people, REPEATS, rng)
    found = {}
    for one in encoded:
        nearest = nearest_person_of_rows(one.synthetic[kept], stack_arms(one)[rows], people, included, rng)
        found[one.name] = share_of_train(nearest, included, people)
    return {name: share for name, share in found.items() if share.n > 0}


def without_labels(table: Table) -> Table:
    """Return the table without labels and vectors, which need not be comparable between releases."""
    return replace(table, labels=None, vectors={})


def concatenate_arms(tables: Mapping[ArmName, Table]) -> Table:
    """Return the records of all arms in order; a person of two arms is two persons."""
    return Table(
        texts=tuple(text for table in tables.values() for text in table.texts),
        labels=None,
        groups=tuple(f"{name}\0{group}" for name, table in tables.items() for group in table.groups),
        has_groups=True,
    )
