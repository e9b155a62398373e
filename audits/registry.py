"""The audits of the contract, by name."""

import importlib

from audits.base import Attack
from audits.errors import InputError

PRESENT = {
    "replay": ("audits.replay", "Replay"),
    "neighbours": ("audits.neighbours", "Neighbours"),
    "identifiers": ("audits.identifiers", "Identifiers"),
    "membership": ("audits.membership", "Membership"),
}
# in the contract, not in this version: a policy that requires one of them finds it missing and refuses
ABSENT = ("interpolation", "linkage", "canaries", "accounting", "differencing")


def names() -> tuple[str, ...]:
    """Return the audits that can be run, in the order of the contract."""
    return tuple(PRESENT)


def build(name: str) -> Attack:
    """Return the audit of that name.

    Raises:
        InputError: there is none.
    """
    if name in ABSENT:
        raise InputError(f"the audit {name!r} is not in this version", hint=f"present: {', '.join(PRESENT)}")
    if name not in PRESENT:
        raise InputError(f"there is no audit {name!r}", hint=f"present: {', '.join(PRESENT)}")
    module, attribute = PRESENT[name]
    attack: Attack = getattr(importlib.import_module(module), attribute)()
    return attack
