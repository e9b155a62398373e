"""Check the approvals of a release: whether enough persons approved it, and whether a decision was removed.

A decision is a file that one person signed: an approval, a rejection, or a closing. With a closing, a releaser (a
person who may sign releases) states that the list of decisions is complete. Each decision names, by sha256, the
release's signed statement and every decision that was already in the bundle. The removal of a named decision is thus
detected.

Every decision except the last must be named. If two persons sign copies of a bundle at the same time, neither
decision names the other. A further decision, such as the closing, must then name both. The removal of the last
decision is not detected. A policy with `closing: required` therefore requires a closing after all approvals and
rejections.
"""

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from audits.core.errors import VerifyError
from audits.core.instants import instant
from audits.gate.policy import ApprovalRule
from audits.verify.dsse import MAX_ENVELOPE_BYTES, parse_envelope, signers
from audits.verify.statement import MAX_SEEN, ApprovalPredicate, ApprovalStatement, DecisionKind, read_statement
from audits.verify.timestamps import SignedFile, signature_bytes
from audits.verify.tree import Tree
from audits.verify.trust import RELEASER, ROOT, TrustRoot

FOLDER = "attestation/approvals"
PAYLOAD_SUBJECT = "release.payload"  # name of the signed release statement in `subject` of a decision
# the word for a decision of each kind in messages
_NOUNS: dict[DecisionKind, str] = {"APPROVE": "approval", "REJECT": "rejection", "CLOSE": "closing"}
_DIGEST_HEX = 16  # number of hex digits of a decision's sha256 in its file name
FILE = re.compile(
    r"attestation/approvals/(?P<role>[a-z][a-z0-9_]{0,31})\.(?P<keyid>[0-9a-f]{16})\.(?P<digest>[0-9a-f]{16})\.dsse\.json"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseToApprove:
    """The properties of a release that every decision about it must match."""

    payload_digest: str  # sha256 of the signed statement
    report_digest: str  # sha256 of the report
    created: datetime
    # whether the policy is independent: no measurement on private records may then affect the decision to release
    is_independent: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedDecision:
    """A decision whose signature and content were checked."""

    file: SignedFile
    digest: str  # sha256 of the file
    role: str
    person: str
    kind: DecisionKind
    seen: frozenset[str]  # sha256 of each earlier decision that this decision names
    review: str | None = None  # sha256 of the review page that the person read; None if none is stated


def file_name(role: str, key: str, envelope: bytes) -> str:
    """Return the name of a decision's file: role, id of the key, and the first digits of the sha256 of the file."""
    return f"{FOLDER}/{role}.{key}.{hashlib.sha256(envelope).hexdigest()[:_DIGEST_HEX]}.dsse.json"


def read_decisions(
    tree: Tree, trust: TrustRoot, release: ReleaseToApprove, now: datetime
) -> tuple[SignedDecision, ...]:
    """Return the checked decisions in the bundle; each follows the decisions that it names.

    Raises:
        VerifyError: E_APPROVAL, with all problems, if there are too many decisions, or if a decision is invalid,
            concerns a different release, names a missing or later decision, follows a closing or is needless
            (`is_needless`). If decision C names B, and B names A, then C must also name A.
    """
    found, problems = [], []
    files = [(name, match) for name in tree.files if (match := FILE.fullmatch(name)) is not None]
    if len(files) > MAX_SEEN:
        raise VerifyError(
            "E_APPROVAL", f"the bundle contains more than {MAX_SEEN} approvals, rejections and closings"
        )
    for name, match in files:
        try:
            found.append(_read(tree.read(name, MAX_ENVELOPE_BYTES), name, match, trust, release, now))
        except VerifyError as error:
            problems.append(f"{name}: {error.message.removeprefix('E_APPROVAL ')}")
    by_digest, all_read = {decision.digest: decision for decision in found}, not problems
    for decision in found:
        named = [by_digest[digest] for digest in decision.seen if digest in by_digest]
        if all_read and len(named) < len(decision.seen):
            n = len(decision.seen) - len(named)
            missing = f"{n} of the approvals, rejections and closings that it names are missing from the bundle"
            problems.append(f"{decision.file.name}: {missing}")
        problems += [f"{decision.file.name}: {problem}" for problem in _problems_of(decision, named, found)]
    if problems:
        raise VerifyError("E_APPROVAL", "; ".join(problems))
    return tuple(sorted(found, key=lambda decision: (len(decision.seen), decision.file.name)))


def _problems_of(
    decision: SignedDecision, named: Sequence[SignedDecision], found: Sequence[SignedDecision]
) -> Iterator[str]:
    """Yield the problems of a decision; `named` has the decisions that it names, `found` all decisions."""
    if not all(earlier.seen <= decision.seen for earlier in named):
        yield "names an earlier decision, but omits a decision that the earlier decision names"
    if any(earlier.file.created > decision.file.created for earlier in named):
        yield "is dated before an approval, rejection or closing that it names"
    if decision.kind != "CLOSE" and any(earlier.kind == "CLOSE" for earlier in named):
        yield f"{decision.person} signed after the release was closed"
    if is_needless(decision.kind, decision.file.keys, named) or _is_parallel_repeat(decision, found):
        noun = _NOUNS[decision.kind]
        reason = f"a repeated {noun} is refused, because it could carry hidden data"
        yield f"{decision.person} signed more than one {noun}; {reason}"


def check_approvals(
    decisions: Sequence[SignedDecision], trust: TrustRoot, required: Sequence[ApprovalRule], *, must_close: bool
) -> str:
    """Return a summary of the decisions; raise VerifyError (E_APPROVAL) if they do not approve the release.

    With `must_close`, a closing is required. The trust root allows a person only one role, so a releaser cannot
    approve the release.
    """
    problems = [*objections(decisions, trust, required)]
    unlinked = unnamed_decisions(decisions)
    if len(unlinked) > 1:
        names = " and ".join(decision.file.name for decision in unlinked)
        remedy = "put these files into one bundle; then one person must sign a decision, which names them all"
        problems.append(f"{names} do not name each other; {remedy}")
    to_be_named = {decision.digest for decision in decisions if decision.kind != "CLOSE"}
    closings = [decision for decision in decisions if decision.kind == "CLOSE" and to_be_named <= decision.seen]
    is_closed = trust.has_enough(RELEASER, [key for closing in closings for key in closing.file.keys])
    if must_close and not is_closed:
        problems.append("the policy requires a closing by the releaser; run `synthgen approve --close`")
    if problems:
        raise VerifyError("E_APPROVAL", "; ".join(problems))
    given = [
        f"{decision.person} ({decision.role}{f', reviewed page sha256 {decision.review}' if decision.review else ''})"
        for decision in decisions
        if decision.kind == "APPROVE"
    ]
    counts = f"{len(given)} given, {sum(rule.threshold for rule in required)} required"
    closed = "closed: no decision was removed afterwards"
    end = closed if is_closed else "not closed: a removal of the last decision is not detected"
    return "; ".join([counts, end, *given])


def objections(decisions: Sequence[SignedDecision], trust: TrustRoot, required: Sequence[ApprovalRule]) -> list[str]:
    """Return one sentence for each rejection, and for each role with too few approvals."""
    rejections = [decision for decision in decisions if decision.kind == "REJECT"]
    found = [f"{rejection.file.name}: {rejection.person} rejects this release" for rejection in rejections]
    for rule in required:
        approved = [decision for decision in decisions if decision.kind == "APPROVE" and decision.role == rule.role]
        n = len(trust.persons(key for decision in approved for key in decision.file.keys))
        needed = max(rule.threshold, trust.roles[rule.role].threshold if rule.role in trust.roles else 0)
        if n < needed:
            found.append(f"role {rule.role}: {n} of {needed} required approvals are present")
    return found


def decision_keys(trust: TrustRoot, role: str) -> dict[str, bytes]:
    """Return the public keys that may sign decisions in a role; raise VerifyError (E_APPROVAL) if there are none."""
    if role == ROOT or role not in trust.roles:
        raise VerifyError("E_APPROVAL", f"the trust root has no approvers in the role {role}")
    return trust.public_keys(role)


def check_decision(
    predicate: ApprovalPredicate, role: str, person: str, release: ReleaseToApprove, now: datetime
) -> None:
    """Raise VerifyError (E_APPROVAL) if `person` may not make the decision `predicate` in this `role` at `now`.

    `role` is the role in the name of the decision's file.
    """
    if predicate.role != role:
        problem = f"the statement of the decision names the role {predicate.role}, but the file name states {role}"
        raise VerifyError("E_APPROVAL", problem)
    if (role == RELEASER) != (predicate.decision == "CLOSE"):
        given = "an approval" if predicate.decision == "APPROVE" else "a rejection"
        of_releaser = f"a releaser can sign only a closing, but this decision is {given}"
        of_approver = f"only a releaser can sign a closing, but this closing has the role {role}"
        raise VerifyError("E_APPROVAL", of_releaser if role == RELEASER else of_approver)
    if predicate.person != person:
        raise VerifyError("E_APPROVAL", "the statement of the decision does not name the person who holds the key")
    if len(set(predicate.seen)) < len(predicate.seen):
        raise VerifyError("E_APPROVAL", "this decision names an earlier decision twice")
    if predicate.seen != tuple(sorted(predicate.seen)):
        raise VerifyError("E_APPROVAL", "the list of earlier decisions in this decision is not sorted")
    if predicate.review is not None and release.is_independent:
        problem = "the decision names a review page, which a policy with `decision: independent` forbids"
        raise VerifyError("E_APPROVAL", problem)
    if predicate.report_digest.sha256 != release.report_digest:
        raise VerifyError("E_APPROVAL", "the decision names a report that is not the report of this release")
    if instant(predicate.time) < release.created:
        raise VerifyError("E_APPROVAL", "the decision is dated before the release was made")
    if instant(predicate.time) > now:
        raise VerifyError("E_APPROVAL", "the decision is dated in the future; check the clock of this computer")


def is_needless(kind: DecisionKind, keys: tuple[str, ...], earlier: Sequence[SignedDecision]) -> bool:
    """Return whether a person repeats a decision without need; repeated decisions could carry hidden data.

    `keys` signed the new decision, and `earlier` has the decisions that it names. A person needs a second approval or
    closing in two cases: after rejecting the release, or if somebody else signed a copy of the bundle at the same
    time. A rejection is always allowed.
    """
    same = [decision for decision in earlier if (decision.kind, decision.file.keys) == (kind, keys)]
    if kind == "REJECT" or not same:
        return False
    first, others = same[0], [decision for decision in earlier if decision.file.keys != keys]
    is_concurrent = any(other.digest not in first.seen and first.digest not in other.seen for other in others)
    has_rejected = any((decision.kind, decision.file.keys) == ("REJECT", keys) for decision in earlier)
    return len(same) > 1 or not (is_concurrent or has_rejected)


def _is_parallel_repeat(decision: SignedDecision, found: Sequence[SignedDecision]) -> bool:
    """Return whether the same key signed another decision of this kind, and neither decision names the other."""
    same = [one for one in found if (one.kind, one.file.keys) == (decision.kind, decision.file.keys)]
    others = [one for one in same if one.digest != decision.digest]
    return any(decision.digest not in one.seen and one.digest not in decision.seen for one in others)


def unnamed_decisions(decisions: Sequence[SignedDecision]) -> list[SignedDecision]:
    """Return the decisions that no other decision names: one, or several if persons signed at the same time."""
    named = frozenset[str]().union(*(decision.seen for decision in decisions))
    return [decision for decision in decisions if decision.digest not in named]


def _read(
    data: bytes, name: str, match: re.Match[str], trust: TrustRoot, release: ReleaseToApprove, now: datetime
) -> SignedDecision:
    role, key = match["role"], match["keyid"]
    keys = decision_keys(trust, role)
    digest = hashlib.sha256(data).hexdigest()
    if not digest.startswith(match["digest"]):
        raise VerifyError("E_APPROVAL", "the sha256 of the content differs from the one in its file name")
    envelope = parse_envelope(data)
    if signers(envelope, keys) != (key,):
        raise VerifyError("E_APPROVAL", "the decision must be signed only by the key in its file name")
    statement = read_statement(ApprovalStatement, envelope.payload_type, envelope.payload)
    subjects = [(subject.name, subject.digest.sha256) for subject in statement.subject]
    if subjects != [(PAYLOAD_SUBJECT, release.payload_digest)]:
        raise VerifyError("E_APPROVAL", "the decision is about another release")
    predicate, person = statement.predicate, trust.keys[key].person
    check_decision(predicate, role, person, release, now)
    if not trust.keys[key].covers(instant(predicate.time)):
        raise VerifyError("E_APPROVAL", "the key of the signer is not valid at the date of the decision")
    file = SignedFile(name, (key,), signature_bytes(envelope), instant(predicate.time))
    return SignedDecision(
        file=file,
        digest=digest,
        role=role,
        person=person,
        kind=predicate.decision,
        seen=frozenset(predicate.seen),
        review=None if predicate.review is None else predicate.review.sha256,
    )
