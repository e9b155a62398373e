"""Write the signed report of a refused release (the refusal) into the private workspace."""

from collections.abc import Sequence
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


def write_refusal(  # noqa: PLR0913 - one argument for each part of the written folder
    workspace: Path,
    *,
    decision: Decision,
    policy: Policy,
    evidence: Evidence,
    remedies: Sequence[str],
    advice: Sequence[str],
    key: SigningKey,
    now: datetime,
) -> Path:
    """Write `refusals/TIME/` into the workspace and return its path.

    The folder contains the signed statement `refusal.dsse.json`, the evidence, the policy, and `README.md`. The type
    of the statement differs from that of a release, so no verifier accepts the refusal as a release. `README.md`
    contains `remedies` (one line for each policy condition that is not met) and `advice` (what to do next).

    Raise InternalError if the decision allows the release or does not follow from `evidence` and `policy`, and
    StorageError if a file cannot be written.

    Privacy: writes only aggregates. `README.md` has exact numbers of private records, so the folder stays in the
        workspace.
    """
    if decision.allowed or decision != decide(evidence, policy):
        reason = "the decision allows the release or does not follow from this evidence and policy"
        raise InternalError(f"no refusal was written: {reason}")
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
    write_new(folder / "README.md", _readme(decision, policy, remedies, advice, now), 0o600)
    write_new(folder / "refusal.dsse.json", sign(PAYLOAD_TYPE, payload, [key.private]), 0o600)
    return folder


def _readme(
    decision: Decision, policy: Policy, remedies: Sequence[str], advice: Sequence[str], now: datetime
) -> bytes:
    lines = [
        f"# Not released under {policy.name} version {policy.version}",
        "",
        "This page has exact numbers of private records. Do not give it to others.",
        "",
        f"{stamp(now)}. No data left the workspace. These conditions of the policy (gates) are not met:",
        "",
        *(f"- {line}" for line in remedies),
        "",
        *decision.summary,
        *(line for sentence in advice for line in ("", sentence)),
        "",
    ]
    return "\n".join(lines).encode()
