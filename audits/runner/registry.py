"""The audits of the contract, by name."""

import importlib

from audits.core.errors import InputError
from audits.core.types import Attack, AuditInputs
from audits.space.encoded_tables import See, see

PRESENT = {
    "replay": ("audits.replay.audit", "Replay"),
    "neighbours": ("audits.neighbours.audit", "Neighbours"),
    "identifiers": ("audits.identifiers.audit", "Identifiers"),
    "membership": ("audits.membership.audit", "Membership"),
    "interpolation": ("audits.interpolation.audit", "Interpolation"),
    "linkage": ("audits.linkage.audit", "Linkage"),
    "canaries": ("audits.canaries.audit", "CanaryAudit"),
    "accounting": ("audits.accounting.audit", "Accounting"),
    "differencing": ("audits.differencing.audit", "Differencing"),
}
# those that look for similar rows
SEEING = {"neighbours", "membership", "interpolation"}
# what an audit needs besides the three tables
NEEDS = {"canaries": "canaries", "accounting": "mechanism", "differencing": "previous"}


def names() -> tuple[str, ...]:
    """Return the audits, in the order of the contract."""
    return tuple(PRESENT)


def carried_by(inputs: AuditInputs) -> tuple[str, ...]:
    """Return the audits that these inputs can be given to: all whose needs are met."""
    return tuple(name for name in PRESENT if name not in NEEDS or getattr(inputs, NEEDS[name]) is not None)


def build(name: str, see: See = see) -> Attack:
    """Return the audit of that name; one that looks for similar rows sees them through `see`.

    Raises:
        InputError: there is none.
    """
    if name not in PRESENT:
        raise InputError(f"there is no audit {name!r}", hint=f"audits: {', '.join(PRESENT)}")
    module, attribute = PRESENT[name]
    made = getattr(importlib.import_module(module), attribute)
    attack: Attack = made(see) if name in SEEING else made()
    return attack
