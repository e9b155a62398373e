"""The membership scores of canaries."""

from dataclasses import replace

import numpy as np

from audits.attacks.membership.scores import further_scores, membership_scores
from audits.core.holdout import Arms, HoldoutTables, arms, person_scores
from audits.core.inputs import take
from audits.core.types import Canaries, Float, Table, persons
from audits.embeddings.encoders import encode


def score_canaries(
    canaries: Canaries, synthetic: Table, reference: Table, rng: np.random.Generator
) -> tuple[dict[str, Float], Arms]:
    """Return every membership score of every canary person, and the persons: those inserted first.

    The scores are those of the membership audit and those it leaves out, inserted canaries in the place of train and
    the others in that of control; each canary has the highest score of its rows.

    Args:
        canaries: the persons.
        synthetic: the table they are looked for in.
        reference: what everything is fitted on; neither canaries nor train.
        rng: seeds of the encoders.
    """
    inserted = canaries.inserted[persons(canaries.table.groups)[1]]
    holdout = HoldoutTables(
        # canaries have none of the vectors that the tables may have
        synthetic=replace(synthetic, vectors={}),
        train=take(canaries.table, np.flatnonzero(inserted)),
        control=take(canaries.table, np.flatnonzero(~inserted)),
        reference=replace(reference, vectors={}),
        reference_is_control=False,
    )
    people = arms(holdout)
    encoded = encode(holdout, rng)
    rows = membership_scores(holdout, encoded) | further_scores(holdout, encoded)
    return {name: person_scores(score, people.row_person) for name, score in rows.items()}, people
