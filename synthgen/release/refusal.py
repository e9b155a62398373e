"""What a refusal leaves: a signed report in the workspace, and no data anywhere."""

from datetime import datetime
from pathlib import Path

from audits.dsse import seal
from audits.evidence import Evidence
from audits.instants import stamp
from audits.policy import Decision, Policy, decide
from audits.statement import (
    PAYLOAD_TYPE,
    REFUSAL_TYPE,
    SCHEMA_VERSION,
    RefusalStatement,
    read_statement,
    statement,
)
from audits.strictjson import canonical
from synthgen.errors import InternalError
from synthgen.release.keys import SigningKey, write_new


def write_refusal(
    workspace: Path, *, decision: Decision, policy: Policy, evidence: Evidence, key: SigningKey, now: datetime
) -> Path:
    """Write `refusals/TIME/` into the workspace and return its path.

    It holds `refusal.dsse.json` (signed; its predicate is not that of a release, so it can never pass for one), the
    evidence and policy it is about, and `README.md` for people.

    Raises:
        InternalError: if the decision is yes, or not the one this evidence and policy lead to.
        StorageError: if it cannot be written.

    Privacy: aggregates only, and they stay in the workspace.
    """
    if decision.allowed or decision != decide(evidence, policy):
        raise InternalError("a refusal report needs the refusal that this evidence and policy lead to")
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
    write_new(folder / "refusal.dsse.json", seal(PAYLOAD_TYPE, payload, [key.private]), 0o600)
    return folder


def _readme(decision: Decision, policy: Policy, now: datetime) -> bytes:
    lines = [
        f"# Not released under {policy.name} version {policy.version}",
        "",
        f"{stamp(now)}. No data left the workspace. The gates that did not pass:",
        "",
        *(f"- {failure}" for failure in decision.failures),
        "",
    ]
    return "\n".join(lines).encode()
