"""Sign the decision of a person: approve a release, reject it, or close the list of approvals of the release."""

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from audits.core.errors import VerifyError
from audits.core.instants import stamp
from audits.core.strictjson import canonical
from audits.gate.independent import INDEPENDENT
from audits.gate.policy import ApprovalRule
from audits.verify import approvals
from audits.verify.approvals import ReleaseToApprove, SignedDecision
from audits.verify.bundle import ENVELOPE, approved_release, verify_for_approval
from audits.verify.dsse import MAX_ENVELOPE_BYTES, parse_envelope
from audits.verify.statement import (
    APPROVAL_TYPE,
    PAYLOAD_TYPE,
    ApprovalStatement,
    DecisionKind,
    ReleasePredicate,
    ReleaseStatement,
    read_statement,
    statement,
)
from audits.verify.tree import open_tree
from audits.verify.trust import TrustRoot
from synthgen.core.errors import DataError, UsageError
from synthgen.release.keys import SigningKey, write_new
from synthgen.release.review.link import page_digest
from synthgen.release.review.signing_summary import signing_summary
from synthgen.release.sign import sign

_READ_PAGE = (
    "Read the page that `synthgen review WORKSPACE` writes and pass it with --review PAGE, or pass --no-review to "
    "approve without it."
)


def approve(  # noqa: PLR0913 - one argument for each property of the decision
    bundle: Path,
    *,
    role: str,
    key: SigningKey,
    trust: TrustRoot,
    now: datetime,
    kind: DecisionKind = "APPROVE",
    review: Path | None = None,
    no_review: bool = False,
    confirm: Callable[[str], None] = lambda _summary: None,
) -> Path:
    """Verify a bundle (a release folder), sign a decision about it, and return the path of the signed file.

    `kind` is the decision. `APPROVE` approves the release, and `REJECT` blocks it. `CLOSE` closes the list of
    approvals: a verifier refuses any later approval. Only a releaser can close the list, after all required approvals
    exist. The signed file, a DSSE envelope, names all earlier decisions in the bundle, so that a verifier detects the
    removal of one of them.

    `role` is the role of the key in the trust root, and `now` is the signing time. `review` is the review page that
    the person read; the decision states its sha256. `no_review` allows an approval without a page. Under an
    independent policy, no measurement on private records may affect the decision, so a page cannot be given.
    `confirm` gets a summary of what will be signed, and raises an error to prevent the signature.

    Raises:
        UsageError: the key may not sign in this role or is not valid; `review` and `no_review` are both given;
            `review` is given under an independent policy; or, under another policy, neither is given for an approval.
        DataError: the bundle or an earlier decision does not verify, the bundle changed during the check, the earlier
            decisions do not allow the new one, the review page belongs to a different release, or the verifier would
            refuse the new decision.
        StorageError: the review page cannot be read, or the envelope cannot be written.
    """
    _check_signer(trust, role, key, now)
    stated, release, earlier = _verified(bundle, trust, now)
    if problems := _reasons_against(kind, key.keyid, earlier, trust, stated.approvals_required):
        raise DataError("nothing was signed", problems=problems)
    person = trust.keys[key.keyid].person
    page = _page_digest(review, stated, release, is_approval=kind == "APPROVE", no_review=no_review)
    try:
        payload = _payload(release, role, kind, person, now, earlier, page)
    except VerifyError as error:
        raise DataError("nothing was signed", problems=[error.message]) from None
    signer = f"{person}, role {role}, key {key.keyid}"
    confirm(signing_summary(stated, release.payload_digest, earlier, kind=kind, signer=signer, review=page))
    data = sign(PAYLOAD_TYPE, payload, [key.private])
    path = bundle / approvals.file_name(role, key.keyid, data)
    write_new(path, data, 0o644)
    return path


def _check_signer(trust: TrustRoot, role: str, key: SigningKey, now: datetime) -> None:
    try:
        if key.keyid not in approvals.decision_keys(trust, role):
            message = f"the trust root does not list key {key.keyid} in the role {role}"
            raise UsageError(message, hint="`synthgen trust show` lists the keys of each role.")
        trust.check_key(key.keyid, now)
    except VerifyError as error:
        hint = "`synthgen trust show` lists the roles and when each key is valid."
        raise UsageError(f"the verifier would refuse this signature: {error.message}", hint=hint) from None


def _verified(
    bundle: Path, trust: TrustRoot, now: datetime
) -> tuple[ReleasePredicate, ReleaseToApprove, Sequence[SignedDecision]]:
    """Verify a bundle; return its description of the release, the digests to sign, and the earlier decisions."""
    checked = verify_for_approval(bundle, trust, now)
    if checked.statement is None:
        raise DataError("the bundle does not verify, so nothing was signed", problems=[checked.failure])
    try:
        with open_tree(bundle) as tree:
            envelope = parse_envelope(tree.read(ENVELOPE, MAX_ENVELOPE_BYTES))
            if read_statement(ReleaseStatement, envelope.payload_type, envelope.payload) != checked.statement:
                raise DataError("the bundle changed while it was checked, so nothing was signed")
            release = approved_release(envelope.payload, checked.statement)
            return checked.statement.predicate, release, approvals.read_decisions(tree, trust, release, now)
    except VerifyError as error:
        message = "the release or an earlier decision in the bundle does not verify, so nothing was signed"
        raise DataError(message, problems=[error.message]) from None


def _page_digest(
    review: Path | None, stated: ReleasePredicate, release: ReleaseToApprove, *, is_approval: bool, no_review: bool
) -> str | None:
    is_independent = stated.privacy.decision == INDEPENDENT
    if review is None:
        if is_approval and not no_review and not is_independent:
            message = "nothing was signed, because an approval must name the review page that the approver read"
            raise UsageError(message, hint=_READ_PAGE)
        return None
    if no_review:
        hint = "Pass one of the two options; under an independent policy, pass neither."
        raise UsageError("nothing was signed, because --review and --no-review cannot be combined", hint=hint)
    if is_independent:
        raise UsageError(
            f"nothing was signed, because --review cannot be used under the policy {stated.policy.name}: the release "
            "states that no measurement on private records affected the decision",
            hint="Do not base your decision on the review page, and sign without --review.",
        )
    return page_digest(review, release.payload_digest)


def _reasons_against(
    kind: DecisionKind,
    keyid: str,
    earlier: Sequence[SignedDecision],
    trust: TrustRoot,
    required: Sequence[ApprovalRule],
) -> list[str]:
    """Return the reasons why this key may not sign this decision after the decisions `earlier`."""
    found = approvals.objections(earlier, trust, required) if kind == "CLOSE" else []
    if kind == "APPROVE" and any(decision.kind == "CLOSE" for decision in earlier):
        found.append("the releaser has closed the list of approvals")
    if approvals.is_needless(kind, (keyid,), earlier):
        found.append("this key has already made this decision")
    return found


def _payload(  # noqa: PLR0913, PLR0917 - one argument for each field of the statement
    release: ReleaseToApprove,
    role: str,
    kind: DecisionKind,
    person: str,
    now: datetime,
    earlier: Sequence[SignedDecision],
    page: str | None,
) -> bytes:
    predicate: dict[str, Any] = {
        "role": role,
        "decision": kind,
        "seen": sorted(decision.digest for decision in earlier),
        "person": person,
        "time": stamp(now),
        "reportDigest": {"sha256": release.report_digest},
        "conflictOfInterest": False,
        **({} if page is None else {"review": {"sha256": page}}),
    }
    payload = canonical(statement({approvals.PAYLOAD_SUBJECT: release.payload_digest}, APPROVAL_TYPE, predicate))
    written = read_statement(ApprovalStatement, PAYLOAD_TYPE, payload).predicate
    approvals.check_decision(written, role, person, release, now)
    return payload
