"""What the attacks by similarity see of the tables: parts, persons and encoded rows, made once for all of them."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from audits.core.holdout import Arms, Parts, arms, split_parts
from audits.core.types import AuditInputs
from audits.space.encoders import Encoded, encode


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """The tables with some persons set aside, who is compared, and all rows by each encoder."""

    parts: Parts
    people: Arms
    encoded: tuple[Encoded, ...]


See = Callable[[AuditInputs, np.random.Generator], Seen]


def see(inputs: AuditInputs, rng: np.random.Generator) -> Seen:
    """Return what is seen of the tables.

    Raises:
        NotMeasurable: fewer than 20 persons or synthetic records.
        InputError: passed vectors do not fit the tables.

    Random: the persons set aside, the encoders' seeds.
    """
    parts = split_parts(inputs, rng)
    return Seen(parts=parts, people=arms(parts), encoded=encode(parts, rng))


def seen_once(rng: np.random.Generator) -> See:
    """Return `see` for several audits of the same tables: computed when the first of them asks, then kept.

    It draws from this stream instead of the audits' own, so what an audit sees depends on no other audit.
    """
    kept: list[tuple[AuditInputs, Seen]] = []

    def same(inputs: AuditInputs, _rng: np.random.Generator) -> Seen:
        if not kept:
            kept.append((inputs, see(inputs, rng)))
        known, seen = kept[0]
        if known is not inputs:
            raise ValueError("the audits that share what they see must be given the same tables")
        return seen

    return same
