"""Identifiers that stand with a person of train and with one of control: who is one person was declared wrongly."""

from audits.core.types import AuditInputs, Table
from audits.identifiers.ownership import MOST_OWNERS
from audits.identifiers.patterned import MAX_COINCIDENCES_OF_KIND
from audits.identifiers.patterns import DIRECT, Entity, entities
from audits.identifiers.surprisal import Surprisal


def straddling_identifiers(inputs: AuditInputs) -> int:
    """Return how many direct identifiers stand both with persons of train and with persons of control.

    A record number is one person's. Where it is under two ids, one on each side, a copy of the one looks like chance.
    Left out is what more than ten persons have, and what chance would bring to both sides:

        (train's of the kind) (control's of the kind) 2^-bits >= .05

    Args:
        inputs: texts, and identifiers on record where there are any.

    Privacy: reads train and control; returns a count.
    """
    sides = [
        _owners(table, on_record)
        for table, on_record in ((inputs.train, inputs.identifiers), (inputs.control, inputs.control_identifiers))
    ]
    counts = [{kind: sum(e.kind == kind for e in side) for kind in DIRECT} for side in sides]
    surprisal = Surprisal(())
    return sum(
        len(sides[0][e]) + len(sides[1][e]) <= MOST_OWNERS
        and counts[0][e.kind] * counts[1][e.kind] * 2.0 ** -surprisal.entity_bits(e) < MAX_COINCIDENCES_OF_KIND
        for e in sides[0].keys() & sides[1].keys()
    )


def _owners(table: Table, on_record: tuple[tuple[str, ...], ...] | None) -> dict[Entity, set[str]]:
    found: dict[Entity, set[str]] = {}
    for i, (text, group) in enumerate(zip(table.texts, table.groups, strict=True)):
        listed = () if on_record is None else on_record[i]
        for entity in set().union(*map(entities, (text, *listed))):
            if entity.kind in DIRECT:
                found.setdefault(entity, set()).add(group)
    return found
