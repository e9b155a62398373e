"""Write the signed report of a refused release into the workspace; no data is released."""

from datetime import datetime
from pathlib import Path

from audits.core.instants import stamp
from audits.core.strictjson import canonical
from audits.gate.evidence import Evidence
from audits.gate.outcome import Decision
from audits.gate.policy import Policy, decide
from audits.verify.statement import (
    PAYLOAD_TYPE,
    REFUSAL_TYPE,
    SCHEMA_VERSION,
    RefusalStatement,
    read_statement,
    statement,
)
from synthgen.core.errors import InternalError
from synthgen.release.keys import SigningKey, write_new
from synthgen.release.sign import sign


def write_refusal(
    workspace: Path, *, decision: Decision, policy: Policy, evidence: Evidence, key: SigningKey, now: datetime
) -> Path:
    """Write `refusals/TIME/` into the workspace and return its path.

    The folder contains the signed statement `refusal.dsse.json`, the evidence, the policy, and `README.md`. The
    statement's predicate type differs from that of a release, so no verifier accepts it as a release.

    Raises:
        InternalError: the decision allows the release, or does not follow from this evidence and policy.
        StorageError: the report cannot be written.

    Privacy: writes only aggregates, which stay in the workspace.
    """
    if decision.allowed or decision != decide(evidence, policy):
        raise InternalError(
            "no refusal report: the decision allows the release or does not follow from this evidence and policy"
        )
    subjects = {"evidence/metrics.json": decision.evidence_digest, "policy/policy.json": decision.policy_digest}
    predicate = {
        "schemaVersion": SCHEMA_VERSION,
        "timeCreated": stamp(now),
        "verdict": "REFUSED",
        "policy": {"name": policy.name, "version": policy.version, "digest": {"sha256": decision.policy_digest}},
        "gates": [outcome.to_gate() for outcome in decision.outcomes],
        "reasons": list(decision.failures),
    }
    payload = canonical(statement(subjects, REFUSAL_TYPE, predicate))
    read_statement(RefusalStatement, PAYLOAD_TYPE, payload)
    folder = workspace / "refusals" / f"{now:%Y%m%dT%H%M%S%f}"
    write_new(folder / "evidence" / "metrics.json", evidence.to_bytes(), 0o600)
    write_new(folder / "policy" / "policy.json", policy.to_bytes(), 0o600)
    write_new(folder / "README.md", _readme(decision, policy, now), 0o600)
    write_new(folder / "refusal.dsse.json", sign(PAYLOAD_TYPE, payload, [key.private]), 0o600)
    return folder


def _readme(decision: Decision, policy: Policy, now: datetime) -> bytes:
    lines = [
        f"# Not released under {policy.name} version {policy.version}",
        "",
        f"{stamp(now)}. No data left the workspace. The gates that did not pass:",
        "",
        *(f"- {failure}" for failure in decision.failures),
        "",
        *decision.summary,
        "",
    ]
    return "\n".join(lines).encode()
