"""The tables that the attacks by similarity read: persons and encoded rows, made once for all of them."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from audits.core.holdout import Arms, HoldoutTables, arms, hold_out
from audits.core.types import AuditInputs
from audits.embeddings.encoders import Encoded, encode


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodedTables:
    """The tables with some persons set aside, who is compared, and all rows by each encoder."""

    holdout: HoldoutTables
    people: Arms
    encoded: tuple[Encoded, ...]


TableEncoder = Callable[[AuditInputs, np.random.Generator], EncodedTables]


def encode_tables(inputs: AuditInputs, rng: np.random.Generator) -> EncodedTables:
    """Return the tables encoded.

    Raises:
        NotMeasurable: fewer than 20 persons or synthetic records.
        InputError: passed vectors do not fit the tables.

    Random: the persons set aside, the encoders' seeds.
    """
    holdout = hold_out(inputs, rng)
    return EncodedTables(holdout=holdout, people=arms(holdout), encoded=encode(holdout, rng))


def encode_once(rng: np.random.Generator) -> TableEncoder:
    """Return `encode_tables` for several audits of the same tables: computed when the first of them asks, then kept.

    It draws from this stream instead of the audits' own, so what an audit reads depends on no other audit.
    """
    kept: list[tuple[AuditInputs, EncodedTables]] = []

    def cached(inputs: AuditInputs, _rng: np.random.Generator) -> EncodedTables:
        if not kept:
            kept.append((inputs, encode_tables(inputs, rng)))
        encoded_inputs, tables = kept[0]
        if encoded_inputs is not inputs:
            raise ValueError("the audits that share encoded tables must be given the same tables")
        return tables

    return cached
