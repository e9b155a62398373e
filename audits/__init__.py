"""Audit any synthetic text dataset and decide whether it may be released; the package `synthgen` is not needed."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from audits.core.errors import AuditError, InputError, NotMeasurable, PolicyError, VerifyError
    from audits.core.inputs import load_inputs, load_table
    from audits.core.report import AuditReport, audit_schema, read_report
    from audits.core.types import AuditInputs, AuditResult, Estimate, Table
    from audits.runner.run import run

_NAMES = {
    "audits.core.errors": ("AuditError", "InputError", "NotMeasurable", "PolicyError", "VerifyError"),
    "audits.core.inputs": ("load_inputs", "load_table"),
    "audits.core.report": ("AuditReport", "audit_schema", "read_report"),
    "audits.core.types": ("AuditInputs", "AuditResult", "Estimate", "Table"),
    "audits.runner.run": ("run",),
}
_MODULES = {name: module for module, names in _NAMES.items() for name in names}

__all__ = [
    "AuditError",
    "AuditInputs",
    "AuditReport",
    "AuditResult",
    "Estimate",
    "InputError",
    "NotMeasurable",
    "PolicyError",
    "Table",
    "VerifyError",
    "audit_schema",
    "load_inputs",
    "load_table",
    "read_report",
    "run",
]


def __getattr__(name: str) -> Any:
    """Import a public name on first use, so that `import audits` is fast."""
    import importlib

    if name not in _MODULES:
        raise AttributeError(f"module 'audits' has no attribute {name!r}")
    return getattr(importlib.import_module(_MODULES[name]), name)
