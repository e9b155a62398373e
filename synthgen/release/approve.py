"""Sign the approval or rejection of exactly one release by a second person."""

import hashlib
from datetime import datetime
from pathlib import Path
from typing import Any

from audits.core.instants import stamp
from audits.core.strictjson import canonical
from audits.verify.approvals import PAYLOAD_SUBJECT
from audits.verify.bundle import ENVELOPE, REPORT_HTML, verify_for_approval
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


def approve(  # noqa: PLR0913 - the fields of an approval
    bundle: Path,
    *,
    role: str,
    key: SigningKey,
    trust: TrustRoot,
    now: datetime,
    reject: bool = False,
    comment: str = "",
) -> Path:
    """Verify a bundle, sign an approval or a rejection of it, and return the path of the written envelope.

    A signed rejection blocks the release. `now` is the signing time that the approval states.

    Raises:
        UsageError: the key does not hold the role in the trust root.
        DataError: the bundle does not verify, or it changed during the check.
        StorageError: this key has already signed, or the envelope cannot be written.
    """
    if key.keyid not in trust.public_keys(role):
        raise UsageError(f"key {key.keyid} does not hold the role {role} in the trust root")
    checked = verify_for_approval(bundle, trust, now)
    if checked.statement is None:
        raise DataError("the bundle does not verify, so it cannot be approved", problems=[checked.failure])
    with open_tree(bundle) as tree:
        envelope = parse_envelope(tree.read(ENVELOPE, MAX_ENVELOPE_BYTES))
    if read_statement(ReleaseStatement, envelope.payload_type, envelope.payload) != checked.statement:
        raise DataError("the bundle changed while it was checked, so nothing was signed")
    report = {subject.name: subject.digest.sha256 for subject in checked.statement.subject}[REPORT_HTML]
    predicate: dict[str, Any] = {
        "role": role,
        "decision": "REJECT" if reject else "APPROVE",
        "person": key.public.person,
        "time": stamp(now),
        "reportDigest": {"sha256": report},
        "statement": comment,
        "conditions": [],
        "conflictOfInterest": False,
    }
    subjects = {PAYLOAD_SUBJECT: hashlib.sha256(envelope.payload).hexdigest()}
    payload = canonical(statement(subjects, APPROVAL_TYPE, predicate))
    read_statement(ApprovalStatement, PAYLOAD_TYPE, payload)
    path = bundle / "attestation" / "approvals" / f"{role}.{key.keyid}.dsse.json"
    write_new(path, sign(PAYLOAD_TYPE, payload, [key.private]), 0o644)
    return path
