"""Verify a release bundle, offline, trusting nothing in it before the step that proves it.

The order is fixed: safe paths, trust root, strict envelope, signature, canonical statement, subjects, closed set of
files, digests, pinned policy, gates recomputed from the evidence, sums and description, data and what was audited,
privacy ledger, approvals, time. The bytes that were hashed are the bytes that are parsed.
"""

import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pydantic import ValidationError

from audits.core.errors import AuditError, VerifyError
from audits.core.instants import instant
from audits.core.strictjson import JsonError, canonical, parse, parse_canonical
from audits.gate.disclosure import public_evidence, public_report, verdicts_only
from audits.gate.evidence import Evidence, read_evidence
from audits.gate.policy import Policy, decide, parse_policy
from audits.gate.rule import ATTEMPTS
from audits.gate.shipped import load_policy
from audits.verify.approvals import FILE as APPROVAL_FILE
from audits.verify.approvals import FOLDER as APPROVALS_FOLDER
from audits.verify.approvals import Approved, check_approvals
from audits.verify.budget import check_budget, check_ledger
from audits.verify.contents import CROISSANT, METRICS, REPORT_JSON, SUMS, check_data, check_manifest, check_report
from audits.verify.dsse import MAX_ENVELOPE_BYTES, Envelope, parse_envelope, signers
from audits.verify.high_water_mark import default_state, remember
from audits.verify.mechanism import check_made_of
from audits.verify.outcome import Verification, VerificationStep
from audits.verify.statement import ReleasePredicate, ReleaseStatement, read_statement
from audits.verify.timestamps import MAX_SKEW, SignedFile, check_signed, envelope_of, stamped
from audits.verify.tree import Tree, check_name, open_tree
from audits.verify.trust import RELEASER, ROOT, TrustRoot, parse_trust, read_trust

ENVELOPE = "attestation/release.dsse.json"
POLICY_JSON = "policy/policy.json"
POLICY_YAML = "policy/policy.yaml"
REPORT_HTML = "report/report.html"
STEPS = (
    "paths",
    "trust",
    "envelope",
    "signature",
    "statement",
    "subjects",
    "files",
    "digests",
    "policy",
    "gates",
    "manifest",
    "data",
    "ledger",
    "approvals",
    "time",
)
_PARSED = (METRICS, POLICY_JSON, POLICY_YAML, REPORT_JSON, SUMS, CROISSANT)
_NEEDED = (*_PARSED, REPORT_HTML, "README.md", "schema/record.schema.json")
_PROVENANCE = {
    "run": "provenance/run.json",
    "sbom": "provenance/sbom.cdx.json",
    "config": "provenance/config.redacted.yaml",
}


def verify_bundle(
    path: str | Path,
    trust: str | Path | TrustRoot,
    policy: str | Path | Policy | None = None,
    now: datetime | None = None,
    *,
    state: Path | None = None,
) -> Verification:
    """Return whether the bundle at `path` is whole, signed, within its policy, approved and in time.

    A bad bundle is a result, never an exception.

    Args:
        path: the bundle folder.
        trust: the verifier's own trust root, or its file; never taken from the bundle.
        policy: the policy the verifier expects, by name, file or value; may only narrow what the root pins.
        now: the time to judge at, with its zone; the clock's by default.
        state: where the highest version seen of a signed root is remembered; `default_state` where none is named. A
            root given as a value, and one without root keys, is not remembered.

    Raises:
        PolicyError: if the expected policy cannot be read.
    """
    return _verify(path, trust, policy, now, approvals=True, state=state)


def verify_for_approval(path: str | Path, trust: str | Path | TrustRoot, now: datetime | None = None) -> Verification:
    """Return the same without the approvals, for the person about to give one; at best PARTIAL, code 20, never ok."""
    return _verify(path, trust, None, now, approvals=False)


def _verify(
    path: str | Path,
    trust: str | Path | TrustRoot,
    policy: str | Path | Policy | None,
    now: datetime | None,
    *,
    approvals: bool,
    state: Path | None = None,
) -> Verification:
    moment = datetime.now(UTC) if now is None else now
    expected = policy if policy is None or isinstance(policy, Policy) else load_policy(policy)
    done: list[str] = []
    try:
        with open_tree(path) as tree:
            done.append(f"{len(tree.files)} plain files")
            root = _trust_root(trust, moment, state)
            done.append(f"version {root.version}, valid until {root.expires}")
            statement = _judge(tree, root, expected, moment, done, approvals=approvals)
    except VerifyError as error:
        # every step that held has left one line, so the failed one is the next
        failed = VerificationStep(STEPS[len(done)], ok=False, detail=error.message)
        return Verification(False, error.exit_code, "REFUSED", (*_held(done), failed), None)
    if not approvals:
        return Verification(False, 20, "PARTIAL", _held(done), statement)
    return Verification(True, 0, "VERIFIED", _held(done), statement)


def _held(done: list[str]) -> tuple[VerificationStep, ...]:
    return tuple(VerificationStep(step, ok=True, detail=detail) for step, detail in zip(STEPS, done, strict=False))


def _judge(
    tree: Tree, root: TrustRoot, expected: Policy | None, now: datetime, done: list[str], *, approvals: bool
) -> ReleaseStatement:
    """Go through the steps after the trust root, adding a line to `done` for each that held."""
    envelope = parse_envelope(tree.read(ENVELOPE, MAX_ENVELOPE_BYTES))
    done.append(f"{len(envelope.signatures)} signature(s)")
    releasers = _releasers(envelope, root)
    done.append("signed by " + ", ".join(f"{root.keys[name].person} ({name})" for name in releasers))
    statement = read_statement(ReleaseStatement, envelope.payload_type, envelope.payload)
    predicate = statement.predicate
    _check_tool(predicate, root)
    done.append(f"release {predicate.release_id} of {predicate.time_created}")
    subjects = _subjects(statement)
    done.append(f"{len(subjects)} files are signed")
    _check_closed(tree, subjects)
    done.append("no file is missing, none was added")
    held = _check_digests(tree, subjects)
    done.append(f"{len(subjects)} of {len(subjects)} files match")
    policy = _policy(predicate, held, root, expected)
    _check_provenance(predicate, policy, subjects)
    done.append(f"{policy.name} version {policy.version} is pinned")
    evidence = _check_gates(predicate, policy, held)
    check_report(tree, held, subjects, predicate, evidence)
    gates = [gate for gate in predicate.gates if gate.gating]
    beside = ", ".join(f"{g.id.removeprefix('audit-')} {g.verdict}" for g in predicate.gates if not g.gating)
    line = f"{len(gates)} of {len(gates)} gates recomputed from the evidence of attempt {predicate.attempts.number}"
    done.append(line if not beside else f"{line}; measured, gating nothing: {beside}")
    check_manifest(held, subjects)
    done.append(f"{SUMS} and {CROISSANT} name the signed files")
    done.append(check_data(tree, subjects, predicate, evidence))
    budget = check_budget(predicate.privacy, policy, evidence, held)
    check_made_of(predicate)
    done.append(f"{budget}; {check_ledger(predicate, policy, evidence, root)}")
    if approvals:
        release = Approved(
            payload_digest=hashlib.sha256(envelope.payload).hexdigest(),
            report_digest=subjects[REPORT_HTML],
            created=instant(predicate.time_created),
        )
        approvers = check_approvals(tree, root, policy, release, now)
        done.append(f"{len(approvers)} given, {sum(rule.threshold for rule in policy.approvals)} asked for")
    else:
        done.append("not looked at")
    _check_time(predicate, policy, now)
    if approvals:
        own = SignedFile(ENVELOPE, releasers, stamped(envelope), instant(predicate.time_created))
        required = policy.timestamps is not None
        said, *_ = [check_signed(tree, root, one, now=now, required=required) for one in (own, *approvers)]
    else:  # who approves need not wait for the authority of timestamps
        said = "timestamps not looked at"
        for name in releasers:
            root.check_key(name, now)
    done.append(f"in time; {said}; expires {predicate.expires or 'never'}")
    return statement


def verify_integrity(path: str | Path) -> Verification:
    """Return whether a bundle is whole and says the same everywhere; at best PARTIAL, code 20, never ok.

    Nothing is trusted: the statement is read without its signature, so anybody could have made all of it.

    Args:
        path: the bundle folder.
    """
    done: list[tuple[str, str]] = []
    try:
        with open_tree(path) as tree:
            done.append(("paths", f"{len(tree.files)} plain files"))
            envelope = parse_envelope(tree.read(ENVELOPE, MAX_ENVELOPE_BYTES))
            statement = read_statement(ReleaseStatement, envelope.payload_type, envelope.payload)
            done.append(("statement", "well formed; its signature was not checked"))
            subjects = _subjects(statement)
            _check_closed(tree, subjects)
            held = _check_digests(tree, subjects)
            done.append(("digests", f"{len(subjects)} of {len(subjects)} files match, none was added"))
            check_manifest(held, subjects)
            done.append(("manifest", f"{SUMS} and {CROISSANT} name these files"))
            done.append(("data", check_data(tree, subjects, statement.predicate, _evidence(held))))
    except VerifyError as error:
        failed = VerificationStep("integrity", ok=False, detail=error.message)
        held_steps = tuple(VerificationStep(step, ok=True, detail=detail) for step, detail in done)
        return Verification(False, error.exit_code, "REFUSED", (*held_steps, failed), None)
    done.append(
        ("trust", "not checked: who made this, under which policy, and whether it was approved, is not known")
    )
    steps = tuple(VerificationStep(step, ok=True, detail=detail) for step, detail in done)
    return Verification(False, 20, "PARTIAL", steps, statement)


def _trust_root(trust: str | Path | TrustRoot, now: datetime, state: Path | None) -> TrustRoot:
    if isinstance(trust, TrustRoot):
        root = trust
    else:
        data = read_trust(trust)
        root = parse_trust(data)
        if ROOT in root.roles:
            remember(data, root, default_state() if state is None else state)
    if now >= instant(root.expires):
        raise VerifyError("E_TIME", f"the trust root expired at {root.expires}; get the new one from its owner")
    return root


def _releasers(envelope: Envelope, root: TrustRoot) -> tuple[str, ...]:
    names = signers(envelope, root.public_keys(RELEASER))
    threshold = root.roles[RELEASER].threshold
    if len(root.persons(names)) < threshold:
        raise VerifyError("E_SIG", f"signed by fewer than {threshold} different releasers")
    return names


def _check_tool(predicate: ReleasePredicate, root: TrustRoot) -> None:
    least = root.min_tool_version
    if least is not None and _version(predicate.producer.version) < _version(least):
        raise VerifyError("E_TRUST", f"made by version {predicate.producer.version}, at least {least} is trusted")


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.match(r"(\d+)\.(\d+)\.(\d+)", text).groups())  # type: ignore[union-attr]


def _subjects(statement: ReleaseStatement) -> dict[str, str]:
    names = [subject.name for subject in statement.subject]
    for name in names:
        check_name(name)
        if name.split("/")[0] == "attestation":
            raise VerifyError("E_SUBJECT", f"{name}: a signature cannot be its own subject")
    if names != sorted(set(names)):
        raise VerifyError("E_SUBJECT", "the signed files are not sorted, or one stands twice")
    return {subject.name: subject.digest.sha256 for subject in statement.subject}


def _check_closed(tree: Tree, subjects: Mapping[str, str]) -> None:
    """Refuse a file that is not signed, a signed file that is not there, and a folder that holds none."""
    for name in tree.files:
        envelope = envelope_of(name)  # of a token, which must stand beside what it is of
        known = name if envelope is None or envelope not in tree.files else envelope
        if name not in subjects and known != ENVELOPE and not APPROVAL_FILE.fullmatch(known):
            raise VerifyError("E_EXTRA", f"{name}: not among the signed files. Do not use this copy")
    for name in sorted({*subjects, *_NEEDED}):  # of those that are there each is signed, as was just seen
        if name not in tree.files:
            raise VerifyError("E_MISSING", f"{name}: missing from the bundle. Do not use this copy")
    if not any(name.startswith("data/") for name in subjects):
        raise VerifyError("E_MISSING", "data/: the bundle holds no data")
    folders = {name.rsplit("/", depth)[0] for name in tree.files for depth in range(1, name.count("/") + 1)}
    for name in tree.folders:
        if name not in folders and name != APPROVALS_FOLDER:
            raise VerifyError("E_EXTRA", f"{name}: an empty folder that is not part of the release")


def _check_digests(tree: Tree, subjects: Mapping[str, str]) -> dict[str, bytes]:
    """Hash every signed file once; return the bytes of those that are parsed later."""
    held = {name: tree.read(name) for name in _PARSED}
    for name, signed in subjects.items():
        found = hashlib.sha256(held[name]).hexdigest() if name in held else tree.digest(name)
        if found != signed:
            raise VerifyError("E_DIGEST", f"{name}: content differs from the signed digest. Do not use this copy")
    return held


def _policy(
    predicate: ReleasePredicate, held: Mapping[str, bytes], root: TrustRoot, expected: Policy | None
) -> Policy:
    """Return the bundle's policy once it is the one signed, pinned and expected."""
    digest = hashlib.sha256(held[POLICY_JSON]).hexdigest()
    if digest != predicate.policy.digest.sha256:
        raise VerifyError("E_POLICY", f"{POLICY_JSON}: not the policy the statement names")
    name = predicate.policy.name
    pinned = root.policies.get(name)
    if pinned is None and (expected is None or len(root.policies) > 0):
        raise VerifyError("E_POLICY", f"policy {name}: not pinned by the trust root")
    if pinned is not None and digest not in pinned:
        raise VerifyError("E_POLICY", f"policy {name}: differs from the one the trust root pins")
    if expected is not None and digest != expected.digest():
        raise VerifyError("E_POLICY", f"released under policy {name}, which is not the expected {expected.name}")
    try:
        policy = Policy.model_validate(parse_canonical(held[POLICY_JSON]))
        same = parse_policy(held[POLICY_YAML], POLICY_YAML).to_bytes() == held[POLICY_JSON]
    except (AuditError, ValidationError):
        raise VerifyError("E_POLICY", "the policy files of the bundle cannot be read") from None
    if not same:
        raise VerifyError("E_POLICY", f"{POLICY_YAML}: says something else than {POLICY_JSON}")
    _check_named(predicate, policy)
    return policy


def _check_named(predicate: ReleasePredicate, policy: Policy) -> None:
    """Refuse a statement that repeats its policy wrongly."""
    if (predicate.policy.name, predicate.policy.version) != (policy.name, policy.version):
        raise VerifyError("E_POLICY", "the statement names another policy than the bundle holds")
    if (predicate.use.scope, predicate.use.statement) != (policy.intended_use, policy.statement):
        raise VerifyError("E_POLICY", "the statement allows another use than its policy")
    if predicate.approvals_required != policy.approvals:
        raise VerifyError("E_POLICY", "the statement asks for other approvals than its policy")


def _check_provenance(predicate: ReleasePredicate, policy: Policy, subjects: Mapping[str, str]) -> None:
    """Refuse a release without the provenance its policy asks for."""
    for what in policy.required_provenance:
        file = _PROVENANCE.get(what)
        if file is not None and file not in subjects:
            raise VerifyError("E_POLICY", f"{file}: the policy asks for it")
    if predicate.config.digest.sha256 != subjects.get(predicate.config.redacted):
        raise VerifyError("E_POLICY", f"{predicate.config.redacted}: not the configuration the statement names")
    roles = [item.role for item in predicate.inputs]
    if "models" in policy.required_provenance and len(predicate.models) == 0:
        raise VerifyError("E_POLICY", "the statement names no models")
    if "inputs" in policy.required_provenance and sorted(roles) != ["control", "train"]:
        raise VerifyError("E_POLICY", "the statement does not commit to train and control")


def _evidence(held: Mapping[str, bytes]) -> Evidence:
    try:
        return read_evidence(held[METRICS])
    except AuditError:
        raise VerifyError("E_GATE", "the evidence cannot be read") from None


def _holds_verdicts(report: bytes, policy: Policy) -> bool:
    """Return whether audits, but for accounting, say in a report just what leaves under differential privacy."""
    try:
        audit = dict(parse(report)["audit"])
        audit["results"] = [result for result in audit["results"] if result["name"] != "accounting"]
        return canonical(public_report(audit, policy)) == canonical(audit)
    except (JsonError, AttributeError, KeyError, TypeError, ValueError, AuditError):
        return False


def _check_gates(predicate: ReleasePredicate, policy: Policy, held: Mapping[str, bytes]) -> Evidence:
    """Recompute every gate; the statement must say the same."""
    evidence = _evidence(held)
    if public_evidence(evidence, policy) != evidence:
        raise VerifyError("E_GATE", "the evidence says more of private counts than the policy discloses")
    if verdicts_only(policy) and not _holds_verdicts(held[REPORT_JSON], policy):
        raise VerifyError("E_GATE", "the report says more of private records than verdicts, which alone may leave")
    decision = decide(evidence, policy)
    if not decision.allowed:
        raise VerifyError("E_GATE", f"the evidence does not satisfy the policy: {'; '.join(decision.failures)}")
    gates = canonical([outcome.to_gate() for outcome in decision.outcomes])
    if canonical([gate.model_dump(mode="json", by_alias=True) for gate in predicate.gates]) != gates:
        raise VerifyError("E_GATE", "the signed gates differ from those recomputed from the evidence")
    if [(item.name, item.digest.sha256) for item in predicate.evidence] != [(METRICS, decision.evidence_digest)]:
        raise VerifyError("E_GATE", "the statement names other evidence than the bundle holds")
    for name, what, stated in (
        (ATTEMPTS, "attempts", predicate.attempts.number),
        ("records.synthetic", "records", predicate.dataset.records),
    ):
        counted = evidence.metrics.get(name)
        if counted is None or not counted.low == counted.value == counted.high == stated:
            raise VerifyError("E_GATE", f"the evidence counts other {what} than the statement")
    return evidence


def _check_time(predicate: ReleasePredicate, policy: Policy, now: datetime) -> None:
    created = instant(predicate.time_created)
    if created > now + MAX_SKEW:
        raise VerifyError("E_TIME", f"made at {predicate.time_created}, which is in the future")
    if predicate.expires is None:
        if policy.validity_days is not None:
            raise VerifyError(
                "E_TIME", f"the policy asks for an end within {policy.validity_days} days, none is given"
            )
        return
    expires = instant(predicate.expires)
    if policy.validity_days is not None and expires > created + timedelta(days=policy.validity_days):
        raise VerifyError("E_TIME", f"valid for longer than the {policy.validity_days} days of its policy")
    if now >= expires:
        raise VerifyError("E_TIME", f"expired at {predicate.expires}")
