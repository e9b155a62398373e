"""What a refusal leaves: a signed report in the workspace, and no data anywhere."""

from collections.abc import Mapping, Sequence
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
from synthgen.config import WaiverConfig
from synthgen.core.errors import ConfigError, InternalError
from synthgen.release.keys import SigningKey, write_new
from synthgen.release.sign import sign


def check_waivers(waivers: Sequence[WaiverConfig], policy: Policy) -> None:
    """Refuse waivers of gates that the policy does not have.

    Raises:
        ConfigError: with all of them.
    """
    gates = policy.gates()
    if unknown := [f"release.waivers: {w.gate}" for w in waivers if w.gate not in gates]:
        hint = f"Its gates are {', '.join(gates)}."
        raise ConfigError("waivers name gates that the policy does not have", problems=unknown, hint=hint)


def write_refusal(  # noqa: PLR0913 - what is signed, each by its name
    workspace: Path,
    *,
    decision: Decision,
    policy: Policy,
    evidence: Evidence,
    key: SigningKey,
    now: datetime,
    waivers: Sequence[WaiverConfig] = (),
) -> Path:
    """Write `refusals/TIME/` into the workspace and return its path.

    It holds `refusal.dsse.json` (signed; its predicate is not that of a release, so it can never pass for one), the
    evidence and policy it is about, and `README.md` for people. Waivers are signed with it and change no verdict.

    Raises:
        InternalError: if the decision is yes, or not the one this evidence and policy lead to.
        ConfigError: if a waiver names no gate of the policy.
        StorageError: if it cannot be written.

    Privacy: aggregates only, and they stay in the workspace.
    """
    if decision.allowed or decision != decide(evidence, policy):
        raise InternalError("a refusal report needs the refusal that this evidence and policy lead to")
    check_waivers(waivers, policy)
    waived = _waived(decision, waivers)
    subjects = {"evidence/metrics.json": decision.evidence_digest, "policy/policy.json": decision.policy_digest}
    predicate = {
        "schemaVersion": SCHEMA_VERSION,
        "timeCreated": stamp(now),
        "verdict": "REFUSED",
        "policy": {"name": policy.name, "version": policy.version, "digest": {"sha256": decision.policy_digest}},
        "gates": [outcome.to_gate() for outcome in decision.outcomes],
        "reasons": list(decision.failures),
        "waivers": waived,
    }
    payload = canonical(statement(subjects, REFUSAL_TYPE, predicate))
    read_statement(RefusalStatement, PAYLOAD_TYPE, payload)
    folder = workspace / "refusals" / f"{now:%Y%m%dT%H%M%S%f}"
    write_new(folder / "evidence" / "metrics.json", evidence.to_bytes(), 0o600)
    write_new(folder / "policy" / "policy.json", policy.to_bytes(), 0o600)
    write_new(folder / "README.md", _readme(decision, policy, waived, now), 0o600)
    write_new(folder / "refusal.dsse.json", sign(PAYLOAD_TYPE, payload, [key.private]), 0o600)
    return folder


def _waived(decision: Decision, waivers: Sequence[WaiverConfig]) -> list[dict[str, str]]:
    verdicts = {outcome.id: outcome.verdict for outcome in decision.outcomes}
    return [
        # an attack that was not run has no gate in the decision
        {"gate": w.gate, "verdict": verdicts.get(w.gate, "INSUFFICIENT"), "by": w.by, "reason": w.reason}
        for w in waivers
    ]


def _readme(decision: Decision, policy: Policy, waived: Sequence[Mapping[str, str]], now: datetime) -> bytes:
    lines = [
        f"# Not released under {policy.name} version {policy.version}",
        "",
        f"{stamp(now)}. No data left the workspace. The gates that did not pass:",
        "",
        *(f"- {failure}" for failure in decision.failures),
        "",
        *decision.summary,
        "",
        *(
            f"{w['by']} accepts that {w['gate']} is {w['verdict']}: {w['reason']} It stays {w['verdict']}."
            for w in waived
            if w["verdict"] != "PASS"
        ),
    ]
    return "\n".join(lines).encode()
