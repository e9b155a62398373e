"""Attack any synthetic text dataset and judge whether it may be released; stands alone, without the engine."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from audits.base import AuditInputs, AuditResult, Estimate, Table
    from audits.errors import AuditError, InputError, NotMeasurable, PolicyError, VerifyError
    from audits.inputs import load_inputs, load_table
    from audits.report import AuditReport, audit_schema, read_report
    from audits.runner import run

_HOME = {
    "AuditError": "audits.errors",
    "AuditInputs": "audits.base",
    "AuditReport": "audits.report",
    "AuditResult": "audits.base",
    "Estimate": "audits.base",
    "InputError": "audits.errors",
    "NotMeasurable": "audits.errors",
    "PolicyError": "audits.errors",
    "Table": "audits.base",
    "VerifyError": "audits.errors",
    "audit_schema": "audits.report",
    "load_inputs": "audits.inputs",
    "load_table": "audits.inputs",
    "read_report": "audits.report",
    "run": "audits.runner",
}

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
    """Import a public name when it is first asked for, so that `import audits` is cheap."""
    import importlib

    if name not in _HOME:
        raise AttributeError(f"module 'audits' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)
