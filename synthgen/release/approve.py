"""Sign the decision of a person about a release: approve it, reject it, or close its list of approvals."""

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from audits.core.errors import VerifyError
from audits.core.instants import stamp
from audits.core.strictjson import canonical
from audits.gate.independent import INDEPENDENT
from audits.gate.policy import ApprovalRule
from audits.verify.approvals import (
    PAYLOAD_SUBJECT,
    ApprovedRelease,
    SignedDecision,
    check_decision,
    decision_keys,
    file_name,
    is_needless,
    objections,
    read_decisions,
)
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

_NO_PAGE = "nothing was signed, because an approval must name the review page that the approver read"
_READ_PAGE = (
    "Read the page that `synthgen review WORKSPACE` writes and pass it with --review PAGE, or pass --no-review to "
    "approve without it."
)
_EXCLUSIVE = "Pass one of the two options; under an independent policy, pass neither."


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
    """Verify a bundle, sign a decision about it, and return the path of the written envelope.

    A rejection blocks the release. Only a releaser can close the list of approvals, and only after all required
    approvals. The new decision names all earlier decisions in the bundle, so that a verifier detects if one of them
    is removed later.

    `role` is the role of the key in the trust root, and `now` is the signing time. `review` is the review page that
    the person read; the decision states its sha256. `no_review` approves without a page. `confirm` is called with a
    summary before the signature, and raises an error to prevent it.

    Raises:
        UsageError: the key may not sign in this role or is not valid, or the review page is missing or not allowed:
            an approval needs either a page or `no_review`; under an independent policy, a page is not allowed.
        DataError: the bundle or a decision in it does not verify, the bundle changed during the check, the earlier
            decisions do not allow this decision, the review page belongs to another release, or the verifier would
            refuse the decision.
        StorageError: the review page cannot be read, or the envelope cannot be written.
    """
    _check_signer(trust, role, key, now)
    stated, release, earlier = _verified(bundle, trust, now)
    if problems := _reasons_against(kind, key.keyid, earlier, trust, stated.approvals_required):
        raise DataError("nothing was signed", problems=problems)
    person = trust.keys[key.keyid].person
    needs_page = kind == "APPROVE" and not no_review and stated.privacy.decision != INDEPENDENT
    _check_page_options(review, needs_page=needs_page, no_review=no_review)
    page = None if review is None else _page_digest(review, stated, release)
    try:
        payload = _payload(release, role, kind, person, now, earlier, page)
    except VerifyError as error:
        raise DataError("nothing was signed", problems=[error.message]) from None
    signer = f"{person}, role {role}, key {key.keyid}"
    confirm(signing_summary(stated, release.payload_digest, earlier, kind=kind, signer=signer, review=page))
    data = sign(PAYLOAD_TYPE, payload, [key.private])
    path = bundle / file_name(role, key.keyid, data)
    write_new(path, data, 0o644)
    return path


def _check_signer(trust: TrustRoot, role: str, key: SigningKey, now: datetime) -> None:
    try:
        if key.keyid not in decision_keys(trust, role):
            raise UsageError(f"key {key.keyid} does not hold the role {role} in the trust root")
        trust.check_key(key.keyid, now)
    except VerifyError as error:
        hint = "`synthgen trust show` lists the roles and when each key is valid."
        raise UsageError(f"the verifier would refuse this signature: {error.message}", hint=hint) from None


def _verified(
    bundle: Path, trust: TrustRoot, now: datetime
) -> tuple[ReleasePredicate, ApprovedRelease, Sequence[SignedDecision]]:
    checked = verify_for_approval(bundle, trust, now)
    if checked.statement is None:
        raise DataError("the bundle does not verify, so it cannot be approved", problems=[checked.failure])
    try:
        with open_tree(bundle) as tree:
            envelope = parse_envelope(tree.read(ENVELOPE, MAX_ENVELOPE_BYTES))
            if read_statement(ReleaseStatement, envelope.payload_type, envelope.payload) != checked.statement:
                raise DataError("the bundle changed while it was checked, so nothing was signed")
            release = approved_release(envelope.payload, checked.statement)
            return checked.statement.predicate, release, read_decisions(tree, trust, release, now)
    except VerifyError as error:
        raise DataError("the decisions in the bundle do not verify", problems=[error.message]) from None


def _check_page_options(review: Path | None, *, needs_page: bool, no_review: bool) -> None:
    if needs_page and review is None:
        raise UsageError(_NO_PAGE, hint=_READ_PAGE)
    if review is not None and no_review:
        raise UsageError("nothing was signed, because --review and --no-review exclude each other", hint=_EXCLUSIVE)


def _page_digest(review: Path, stated: ReleasePredicate, release: ApprovedRelease) -> str:
    """Return the sha256 of the review page; raise UsageError under an independent policy."""
    if stated.privacy.decision == INDEPENDENT:
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
    """Return why the earlier decisions do not allow a decision of this kind; a rejection is always allowed."""
    found = objections(earlier, trust, required) if kind == "CLOSE" else []
    if kind == "APPROVE" and any(decision.kind == "CLOSE" for decision in earlier):
        found.append("the releaser has closed the list of approvals")
    if is_needless(kind, (keyid,), earlier):
        found.append("this key has already made this decision")
    return found


def _payload(  # noqa: PLR0913, PLR0917 - one argument for each field of the statement
    release: ApprovedRelease,
    role: str,
    kind: DecisionKind,
    person: str,
    now: datetime,
    earlier: Sequence[SignedDecision],
    page: str | None,
) -> bytes:
    """Return the statement of a decision; raise VerifyError if the verifier would refuse it."""
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
    payload = canonical(statement({PAYLOAD_SUBJECT: release.payload_digest}, APPROVAL_TYPE, predicate))
    check_decision(read_statement(ApprovalStatement, PAYLOAD_TYPE, payload).predicate, role, person, release, now)
    return payload
