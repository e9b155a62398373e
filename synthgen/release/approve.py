"""Sign one person's decision about one release: approve it, reject it, or close its list of approvals."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from audits.core.errors import VerifyError
from audits.core.instants import stamp
from audits.core.strictjson import canonical
from audits.gate.policy import ApprovalRule
from audits.verify.approvals import (
    PAYLOAD_SUBJECT,
    ApprovedRelease,
    SignedDecision,
    check_decision,
    deciders,
    file_name,
    not_named,
    objections,
    read_decisions,
)
from audits.verify.bundle import ENVELOPE, approved_release, verify_for_approval
from audits.verify.dsse import MAX_ENVELOPE_BYTES, parse_envelope
from audits.verify.statement import (
    APPROVAL_TYPE,
    PAYLOAD_TYPE,
    ApprovalStatement,
    ReleaseStatement,
    read_statement,
    statement,
)
from audits.verify.tree import open_tree
from audits.verify.trust import TrustRoot
from synthgen.core.errors import DataError, UsageError
from synthgen.release.keys import SigningKey, write_new
from synthgen.release.sign import sign

Kind = Literal["APPROVE", "REJECT", "CLOSE"]


def approve(
    bundle: Path, *, role: str, key: SigningKey, trust: TrustRoot, now: datetime, kind: Kind = "APPROVE"
) -> Path:
    """Verify a bundle, sign a decision about it, and return the path of the written envelope.

    A rejection blocks the release. Only a releaser can close the list of approvals, and only after all required
    approvals. `now` is the signing time that the decision states. The decision names all decisions that are in the
    bundle, so a verifier detects if one of them is removed later.

    Raises:
        UsageError: the key does not hold the role in the trust root or is not valid, or no key of the role may sign
            decisions.
        DataError: the bundle or a decision in it does not verify, the bundle changed during the check, the earlier
            decisions do not allow this one, or the verifier would refuse it.
        StorageError: the envelope cannot be written.
    """
    try:
        if key.keyid not in deciders(trust, role):
            raise UsageError(f"key {key.keyid} does not hold the role {role} in the trust root")
        trust.check_key(key.keyid, now)
    except VerifyError as error:
        hint = "`synthgen trust show` lists the roles and when each key is valid."
        raise UsageError(f"the verifier would refuse this signature: {error.message}", hint=hint) from None
    checked = verify_for_approval(bundle, trust, now)
    if checked.statement is None:
        raise DataError("the bundle does not verify, so it cannot be approved", problems=[checked.failure])
    try:
        with open_tree(bundle) as tree:
            envelope = parse_envelope(tree.read(ENVELOPE, MAX_ENVELOPE_BYTES))
            if read_statement(ReleaseStatement, envelope.payload_type, envelope.payload) != checked.statement:
                raise DataError("the bundle changed while it was checked, so nothing was signed")
            release = approved_release(envelope.payload, checked.statement)
            earlier = read_decisions(tree, trust, release, now)
    except VerifyError as error:
        raise DataError("the decisions in the bundle do not verify", problems=[error.message]) from None
    if problems := _against(kind, key.keyid, earlier, trust, checked.statement.predicate.approvals_required):
        raise DataError("nothing was signed", problems=problems)
    try:
        payload = _payload(release, role, kind, trust.keys[key.keyid].person, now, earlier)
    except VerifyError as error:
        raise DataError("nothing was signed", problems=[error.message]) from None
    data = sign(PAYLOAD_TYPE, payload, [key.private])
    path = bundle / file_name(role, key.keyid, data)
    write_new(path, data, 0o644)
    return path


def _against(
    kind: Kind, keyid: str, earlier: Sequence[SignedDecision], trust: TrustRoot, required: Sequence[ApprovalRule]
) -> list[str]:
    """Return the reasons why the earlier decisions do not allow one of this kind; a rejection is always allowed."""
    found = objections(earlier, trust, required) if kind == "CLOSE" else []
    if kind == "APPROVE" and any(one.kind == "CLOSE" for one in earlier):
        found.append("the releaser has closed the list of approvals")
    if kind != "REJECT" and [(one.kind, one.file.keys) for one in not_named(earlier)] == [(kind, (keyid,))]:
        found.append("the last signature is the same decision of this key")
    return found


def _payload(
    release: ApprovedRelease, role: str, kind: Kind, person: str, now: datetime, earlier: Sequence[SignedDecision]
) -> bytes:
    """Return the statement of a decision; raise VerifyError if the verifier would refuse it."""
    predicate: dict[str, Any] = {
        "role": role,
        "decision": kind,
        "seen": sorted(one.digest for one in earlier),
        "person": person,
        "time": stamp(now),
        "reportDigest": {"sha256": release.report_digest},
        "conflictOfInterest": False,
    }
    payload = canonical(statement({PAYLOAD_SUBJECT: release.payload_digest}, APPROVAL_TYPE, predicate))
    check_decision(read_statement(ApprovalStatement, PAYLOAD_TYPE, payload).predicate, role, person, release, now)
    return payload
