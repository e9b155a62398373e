"""Build the statement of a release as bytes, and validate it with the verifier's model before it is signed."""

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from audits.core.instants import stamp
from audits.core.strictjson import canonical
from audits.verify.contents import METRICS
from audits.verify.statement import (
    PAYLOAD_TYPE,
    RELEASE_TYPE,
    SCHEMA_VERSION,
    ReleaseStatement,
    read_statement,
    statement,
)
from synthgen.release.content import BundleContent
from synthgen.release.provenance import producer

CONFIG = "provenance/config.redacted.yaml"


def release_payload(content: BundleContent, digests: Mapping[str, str], release_id: str, now: datetime) -> bytes:
    """Return the canonical bytes of the release statement over all files of the bundle.

    `digests` maps the name of every file outside `attestation/` to its sha256.

    Raises:
        VerifyError: a verifier would not accept a part (models, inputs, privacy).
    """
    policy = content.policy
    expires = None if policy.validity_days is None else stamp(now + timedelta(days=policy.validity_days))
    predicate: dict[str, Any] = {
        "schemaVersion": SCHEMA_VERSION,
        "releaseId": release_id,
        "timeCreated": stamp(now),
        "expires": expires,
        "verdict": "RELEASED",
        "dataset": {
            "name": content.name,
            "records": len(content.records),
            "classes": len({label for _, _, label in content.records}),
            "language": list(content.languages),
            "intendedUse": ["train-on-synthetic"],
            "license": content.license,
        },
        "use": {"scope": policy.intended_use, "statement": policy.statement},
        "producer": producer(content.versions),
        "config": {"digest": {"sha256": digests[CONFIG]}, "redacted": CONFIG},
        "models": [dict(model) for model in content.models],
        "policy": {
            "name": policy.name,
            "version": policy.version,
            "digest": {"sha256": content.decision.policy_digest},
        },
        "gates": [outcome.to_gate() for outcome in content.decision.outcomes],
        "privacy": dict(content.privacy),
        "inputs": [dict(item) for item in content.inputs],
        "attempts": dict(content.attempts),
        "evidence": [{"name": METRICS, "digest": {"sha256": digests[METRICS]}}],
        "approvalsRequired": [rule.model_dump(mode="json") for rule in policy.approvals],
        "limitations": list(content.limitations),
    }
    payload = canonical(statement(dict(digests), RELEASE_TYPE, predicate))
    read_statement(ReleaseStatement, PAYLOAD_TYPE, payload)
    return payload


def short_id(content: BundleContent, data: Mapping[str, bytes], now: datetime) -> str:
    """Return the release id: the date and six hex digits derived from data, evidence and policy."""
    digest = hashlib.sha256(content.decision.evidence_digest.encode() + content.decision.policy_digest.encode())
    for name in sorted(data):
        digest.update(hashlib.sha256(data[name]).digest())
    return f"{stamp(now)[:10]}-{digest.hexdigest()[:6]}"
