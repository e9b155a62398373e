"""Check that the persons required by the policy have approved exactly this release."""

import re
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

from audits.core.errors import VerifyError
from audits.core.instants import instant
from audits.gate.policy import Policy
from audits.verify.dsse import MAX_ENVELOPE_BYTES, Envelope, parse_envelope, signers
from audits.verify.statement import ApprovalPredicate, ApprovalStatement, read_statement
from audits.verify.timestamps import SignedFile, signature_bytes
from audits.verify.tree import Tree
from audits.verify.trust import RELEASER, ROOT, TrustRoot, same_person

FOLDER = "attestation/approvals"
PAYLOAD_SUBJECT = "release.payload"
FILE = re.compile(r"attestation/approvals/(?P<role>[a-z][a-z0-9_]{0,31})\.(?P<keyid>[0-9a-f]{16})\.dsse\.json")


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovedRelease:
    """The release that an approval must name: the sha256 of its signed statement and of its report, and its time."""

    payload_digest: str
    report_digest: str
    created: datetime


def check_approvals(
    tree: Tree, trust: TrustRoot, policy: Policy, release: ApprovedRelease, now: datetime
) -> tuple[SignedFile, ...]:
    """Return all approvals in the bundle; raise VerifyError (E_APPROVAL) if one is invalid, rejects, or is missing.

    Nobody can approve their own release, because the trust root allows a person only one role.
    """
    approvers: dict[str, list[str]] = defaultdict(list)
    given = []
    for name, match in ((name, FILE.fullmatch(name)) for name in tree.files):
        if match is None:
            continue
        role, key = match["role"], match["keyid"]
        if role in {RELEASER, ROOT} or role not in trust.roles:
            raise VerifyError("E_APPROVAL", f"{name}: the trust root has no approvers in the role {role}")
        try:
            envelope = parse_envelope(tree.read(name, MAX_ENVELOPE_BYTES))
            predicate = _read(envelope, key, trust.public_keys(role), release)
        except VerifyError as error:
            raise VerifyError("E_APPROVAL", f"{name}: {error.message}") from None
        _check(predicate, name, role, trust.keys[key].person, release, now)
        approvers[role].append(key)
        given.append(SignedFile(name, (key,), signature_bytes(envelope), instant(predicate.time)))
    for rule in policy.approvals:
        n = len(trust.persons(approvers[rule.role]))
        needed = max(rule.threshold, trust.roles[rule.role].threshold if rule.role in trust.roles else 0)
        if n < needed:
            raise VerifyError("E_APPROVAL", f"role {rule.role}: {n} of {needed} required approvals are present")
    return tuple(given)


def _read(envelope: Envelope, key: str, keys: dict[str, bytes], release: ApprovedRelease) -> ApprovalPredicate:
    if signers(envelope, keys) != (key,):
        raise VerifyError("E_APPROVAL", "must be signed only by the key in its file name")
    statement = read_statement(ApprovalStatement, envelope.payload_type, envelope.payload)
    subjects = [(subject.name, subject.digest.sha256) for subject in statement.subject]
    if subjects != [(PAYLOAD_SUBJECT, release.payload_digest)]:
        raise VerifyError("E_APPROVAL", "approves another release")
    return statement.predicate


def _check(
    predicate: ApprovalPredicate, name: str, role: str, person: str, release: ApprovedRelease, now: datetime
) -> None:
    if predicate.role != role:
        raise VerifyError("E_APPROVAL", f"{name}: its statement names the role {predicate.role}")
    if predicate.decision != "APPROVE":
        raise VerifyError("E_APPROVAL", f"{name}: {predicate.person} rejects this release")
    if same_person(predicate.person) != same_person(person):
        raise VerifyError("E_APPROVAL", f"{name}: the statement names another person than the key")
    if predicate.report_digest.sha256 != release.report_digest:
        raise VerifyError("E_APPROVAL", f"{name}: names another report")
    if not release.created <= instant(predicate.time) <= now:
        raise VerifyError("E_APPROVAL", f"{name}: dated before the release was made, or in the future")
