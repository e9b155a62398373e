"""Build the statement of a release (the signed description of a bundle), and check it as a verifier would."""

import hashlib
from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from importlib import metadata
from typing import Any

from audits.core.instants import stamp
from audits.core.strictjson import canonical, parse
from audits.verify.contents import CONFIG, METRICS, samples_of, with_ids
from audits.verify.derived import release_id, source_files
from audits.verify.gates import check_agreement
from audits.verify.published import BundleParts, ReportFile, read_published, shown_results
from audits.verify.statement import (
    PAYLOAD_TYPE,
    RELEASE_TYPE,
    SCHEMA_VERSION,
    ReleasePredicate,
    ReleaseStatement,
    read_statement,
    statement,
)
from audits.verify.vocabulary import public_version
from synthgen.release.content import BundleContent


def bundle_parts(content: BundleContent, data: Mapping[str, bytes], now: datetime) -> BundleParts:
    """Return the parts from which the files of the bundle are made; `data` has the finished data files by name.

    Raise VerifyError if a part is malformed or more precise than the policy allows, or if two parts disagree.
    """
    policy, predicate = content.policy, _predicate(content, data, now)
    report = {
        "schemaVersion": 2,
        "releaseId": predicate.release_id,
        "verdict": "RELEASED",
        "gates": [outcome.to_gate() for outcome in content.decision.outcomes],
        "audit": {"results": shown_results(content.audit_json, policy)},
        "page": content.page,
    }
    parts = BundleParts(
        predicate=predicate,
        policy=policy,
        evidence=content.evidence,
        report=read_published(ReportFile, parse(canonical(report)), "the report", policy),
        config=content.config,
        classes=Counter(label for _, label in content.records),
        samples=samples_of(with_ids(content.records)),
        data=_digests(data),
    )
    check_agreement(parts)
    return parts


def release_payload(predicate: ReleasePredicate, digests: Mapping[str, str]) -> bytes:
    """Return the bytes of the release statement; `digests` maps each file name of the bundle to its sha256.

    Raise VerifyError if a verifier would not accept the statement.
    """
    stated = predicate.model_dump(mode="json", by_alias=True, exclude_unset=True)
    payload = canonical(statement(dict(digests), RELEASE_TYPE, stated))
    read_statement(ReleaseStatement, PAYLOAD_TYPE, payload)
    return payload


def release_id_of(content: BundleContent, data: Mapping[str, bytes], now: datetime) -> str:
    """Return the release id: the date and six hex digits derived from data, evidence and policy."""
    decision = content.decision
    return release_id(stamp(now), decision.evidence_digest, decision.policy_digest, _digests(data))


def producer(versions: Mapping[str, str]) -> dict[str, Any]:
    """Return the statement's description of the program.

    `versions` is the entry `versions` of run.json. It maps "python" and each library to a version, and "source" (the
    package synthgen) and "audits" to a digest of the source code.
    """
    sources = {name: versions[name] for name in ("source", "audits") if name in versions}
    libraries = {name: public_version(version) for name, version in versions.items() if name not in sources}
    python = libraries.pop("python")
    tool = {"tool": "synthgen", "version": metadata.version("synthgen")}
    return {**tool, "python": python, "madeBy": {**libraries, **sources}}


def _digests(files: Mapping[str, bytes]) -> dict[str, str]:
    return {name: hashlib.sha256(blob).hexdigest() for name, blob in files.items()}


def _predicate(content: BundleContent, data: Mapping[str, bytes], now: datetime) -> ReleasePredicate:
    """Return the predicate: the part of the signed statement that describes the release."""
    policy = content.policy
    expires = None if policy.validity_days is None else stamp(now + timedelta(days=policy.validity_days))
    config = hashlib.sha256(source_files(policy, content.config)[CONFIG]).hexdigest()
    predicate: dict[str, Any] = {
        "schemaVersion": SCHEMA_VERSION,
        "releaseId": release_id_of(content, data, now),
        "timeCreated": stamp(now),
        "expires": expires,
        "verdict": "RELEASED",
        "dataset": {
            "name": content.name,
            "records": len(content.records),
            "classes": len({label for _, label in content.records}),
            "language": list(content.languages),
            "intendedUse": ["train-on-synthetic"],
            "license": content.license,
        },
        "use": {"scope": policy.intended_use, "statement": policy.statement},
        "producer": producer(content.versions),
        "config": {"digest": {"sha256": config}, "redacted": CONFIG},
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
        "evidence": [{"name": METRICS, "digest": {"sha256": content.decision.evidence_digest}}],
        "approvalsRequired": [rule.model_dump(mode="json") for rule in policy.approvals],
        "limitations": list(content.limitations),
    }
    payload = canonical(statement({METRICS: content.decision.evidence_digest}, RELEASE_TYPE, predicate))
    return read_statement(ReleaseStatement, PAYLOAD_TYPE, payload).predicate
