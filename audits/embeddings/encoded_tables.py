"""Encoded tables for the similarity attacks, computed once for all of them."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from audits.core.holdout import Arms, HoldoutTables, arms, hold_out
from audits.core.types import AuditInputs
from audits.embeddings.encoders import Encoded, encode


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodedTables:
    """The tables with a reference, the compared persons, and the vectors of all rows by each encoder."""

    holdout: HoldoutTables
    people: Arms
    encoded: tuple[Encoded, ...]


TableEncoder = Callable[[AuditInputs, np.random.Generator], EncodedTables]


def encode_tables(inputs: AuditInputs, rng: np.random.Generator) -> EncodedTables:
    """Return the encoded tables; raise the errors of `hold_out` and `encode`.

    Randomness: the persons of the reference, the seeds of the encoders.
    """
    holdout = hold_out(inputs, rng)
    return EncodedTables(holdout=holdout, people=arms(holdout), encoded=encode(holdout, rng))


def encode_once(rng: np.random.Generator) -> TableEncoder:
    """Return a caching `encode_tables` for several audits of the same tables.

    It uses `rng` instead of the streams of the audits, so that the result does not depend on which audit runs first.
    """
    kept: list[tuple[AuditInputs, EncodedTables]] = []

    def cached(inputs: AuditInputs, _rng: np.random.Generator) -> EncodedTables:
        if not kept:
            kept.append((inputs, encode_tables(inputs, rng)))
        encoded_inputs, tables = kept[0]
        if encoded_inputs is not inputs:
            raise ValueError("audits that share encoded tables must use the same inputs")
        return tables

    return cached
