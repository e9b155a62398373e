"""Membership scores of canaries."""

from dataclasses import replace

import numpy as np

from audits.attacks.membership.scores import Float, further_scores, membership_scores
from audits.core.holdout import Arms, HoldoutTables, arms, person_scores
from audits.core.inputs import take
from audits.core.types import Canaries, Table, persons
from audits.embeddings.encoders import encode


def score_canaries(
    canaries: Canaries, synthetic: Table, reference: Table, rng: np.random.Generator
) -> tuple[dict[str, Float], Arms]:
    """Return every membership score of every canary person, and the persons, inserted ones first.

    Inserted canaries take the place of train, the others that of control. The score of a person is the highest of its
    rows. Besides the scores of the membership audit there are further ones that the audit does not use.

    Args:
        canaries: the persons.
        synthetic: the table in which they are searched.
        reference: the table that encoders and models are fitted on, without canaries and train rows.
        rng: random stream for the seeds of the encoders.
    """
    inserted = canaries.inserted[persons(canaries.table.groups)[1]]
    holdout = HoldoutTables(
        # canaries have no vectors, so those of the tables are not used
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
