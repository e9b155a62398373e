"""Implement `synthgen schema`: return the JSON Schemas of the file formats."""

from typing import Any, Literal


def schema_of(kind: Literal["config", "policy", "audit", "attestation"]) -> dict[str, Any]:
    """Return the JSON Schema of a configuration, a policy, an audit.json or the signed statement of a release."""
    from pydantic import BaseModel

    from audits.core.report import audit_schema
    from audits.gate.policy import Policy
    from audits.verify.statement import ReleaseStatement
    from synthgen.config import Config

    if kind == "audit":
        return audit_schema()
    models: dict[str, type[BaseModel]] = {"config": Config, "policy": Policy, "attestation": ReleaseStatement}
    model = models[kind]
    schema: dict[str, Any] = model.model_json_schema()
    if kind == "config":
        for set_by_load in ("base", "file"):
            schema["properties"].pop(set_by_load, None)
    return schema
