"""The audits by name, and the inputs that they need."""

import importlib

from audits.core.errors import InputError
from audits.core.types import Attack, AuditInputs
from audits.embeddings.encoders import TableEncoder, encode_tables

AUDITS = {  # name of an audit -> (module, class)
    "memorization": ("audits.attacks.memorization.memorization_audit", "Memorization"),
    "neighbours": ("audits.attacks.neighbours.neighbours_audit", "Neighbours"),
    "identifiers": ("audits.attacks.identifiers.identifiers_audit", "Identifiers"),
    "membership": ("audits.attacks.membership.membership_audit", "Membership"),
    "parent_recovery": ("audits.attacks.parent_recovery.parent_recovery_audit", "ParentRecovery"),
    "linkage": ("audits.attacks.linkage.linkage_audit", "Linkage"),
    "canaries": ("audits.attacks.canaries.canaries_audit", "CanaryAudit"),
    "accounting": ("audits.attacks.accounting.accounting_audit", "Accounting"),
    "differencing": ("audits.attacks.differencing.differencing_audit", "Differencing"),
}
# audits that compare embeddings of rows; the tables are encoded once for all of these audits
ON_ENCODED_TABLES = {"neighbours", "membership", "parent_recovery"}
# audits that pass if the synthetic rows are no more similar to train persons than to control persons
BY_SIMILARITY = {*ON_ENCODED_TABLES, "linkage"}
# audits that read a log and no texts, so problems of the tables do not affect their verdicts
ON_LOGS = {"accounting"}
# audit that requires an input besides the three tables -> field of `AuditInputs` that holds this input
NEEDS = {"canaries": "canaries", "accounting": "mechanism", "differencing": "previous"}


def applicable_audits(inputs: AuditInputs) -> tuple[str, ...]:
    """Return the names of the audits whose required inputs are present."""
    return tuple(name for name in AUDITS if name not in NEEDS or getattr(inputs, NEEDS[name]) is not None)


def check_name(name: str) -> None:
    """Raise InputError if there is no audit with this name."""
    if name not in AUDITS:
        raise InputError(f"there is no audit {name!r}", hint=f"Choose from: {', '.join(AUDITS)}")


def build(name: str, encode_tables: TableEncoder = encode_tables) -> Attack:
    """Return the audit with this name; raise InputError if there is none.

    The audits in `ON_ENCODED_TABLES` get their vectors from `encode_tables`.
    """
    check_name(name)
    module, attribute = AUDITS[name]
    audit_class = getattr(importlib.import_module(module), attribute)
    attack: Attack = audit_class(encode_tables) if name in ON_ENCODED_TABLES else audit_class()
    return attack
