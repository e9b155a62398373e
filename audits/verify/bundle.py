"""Verify a bundle offline: the folder of a released dataset with its data, audit results, report and signatures.

`STEPS` lists the checks in order. If a file changes during the verification, a check still parses only bytes whose
digest equals the signed digest.
"""

import hashlib
import re
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from audits.core.errors import InputError, VerifyError
from audits.core.instants import instant
from audits.core.strictjson import JsonError, parse
from audits.core.strictyaml import parse_yaml
from audits.gate.evidence import Evidence
from audits.gate.independent import INDEPENDENT
from audits.gate.outcome import verdicts_line
from audits.gate.policy import Policy
from audits.gate.shipped import load_policy
from audits.verify import gates
from audits.verify.approvals import FILE as APPROVAL_FILE
from audits.verify.approvals import FOLDER as APPROVALS_FOLDER
from audits.verify.approvals import ReleaseToApprove, check_approvals, read_decisions
from audits.verify.budget import check_budget, check_ledger
from audits.verify.contents import ALLOWED, CONFIG, REPORT_HTML, REPORT_JSON, REQUIRED, check_data, check_report
from audits.verify.derived import bundle_files, release_id
from audits.verify.dsse import MAX_ENVELOPE_BYTES, Envelope, parse_envelope, signers
from audits.verify.high_water_mark import default_state, remember
from audits.verify.mechanism import check_models_and_delta
from audits.verify.outcome import Verification, VerificationStep
from audits.verify.published import BundleParts, ReportFile, read_published
from audits.verify.statement import ReleasePredicate, ReleaseStatement, read_statement
from audits.verify.timestamps import MAX_SKEW, SignedFile, check_signed, envelope_of, signature_bytes
from audits.verify.tree import Tree, open_tree
from audits.verify.trust import RELEASER, ROOT, TrustRoot, parse_trust, read_trust
from audits.verify.vocabulary import public_config

ENVELOPE = "attestation/release.dsse.json"
MAX_CONFIG_BYTES = 1 << 12  # largest size of the published configuration, which has about fifty settings


@dataclass(slots=True)
class _Run:
    """One verification of a bundle: its arguments, and the results of the steps carried out so far."""

    path: str | Path
    now: datetime
    stack: ExitStack
    trust: str | Path | TrustRoot | None = None
    expected: Policy | None = None
    state: Path | None = None
    # results of the steps, which later steps use; a field is set when its step runs
    tree: Tree = field(init=False)
    root: TrustRoot = field(init=False)
    envelope: Envelope = field(init=False)
    releasers: tuple[str, ...] = field(init=False)  # ids of the keys that signed the release
    statement: ReleaseStatement = field(init=False)
    subjects: dict[str, str] = field(init=False)  # sha256 of each signed file by name
    files: dict[str, bytes] = field(init=False)  # content of each signed file by name, except data files
    policy: Policy = field(init=False)
    evidence: Evidence = field(init=False)
    report: ReportFile = field(init=False)
    classes: dict[str, int] = field(init=False)  # number of records by label
    samples: tuple[tuple[str, str], ...] = field(init=False)  # (label, text) of the records with the smallest ids
    approvals: tuple[SignedFile, ...] = field(init=False)  # all decisions: approvals, rejections and closings

    @property
    def predicate(self) -> ReleasePredicate:
        return self.statement.predicate


# `_NAME_step` carries out the check NAME, stores its results in `run`, and returns a line to print
def _paths_step(run: _Run) -> str:
    run.tree = run.stack.enter_context(open_tree(run.path))
    return f"{len(run.tree.files)} regular files, no links"


def _trust_step(run: _Run) -> str:
    if run.trust is None:
        raise VerifyError("E_TRUST", "no trust root was given, so the releaser is unknown")
    if isinstance(run.trust, TrustRoot):
        run.root = run.trust
    else:
        data = read_trust(run.trust)
        run.root = parse_trust(data, run.now, str(run.trust))
        if ROOT in run.root.roles:
            remember(data, run.root, default_state() if run.state is None else run.state, run.now)
    if run.now >= instant(run.root.expires):
        raise VerifyError("E_TIME", f"the trust root expired at {run.root.expires}; get the new one from its owner")
    return f"version {run.root.version}, valid until {run.root.expires}"


def _envelope_step(run: _Run) -> str:
    run.envelope = parse_envelope(run.tree.read(ENVELOPE, MAX_ENVELOPE_BYTES))
    return f"{len(run.envelope.signatures)} signature(s)"


def _signature_step(run: _Run) -> str:
    run.releasers = signers(run.envelope, run.root.public_keys(RELEASER))
    if not run.root.has_enough(RELEASER, run.releasers):
        n = run.root.roles[RELEASER].threshold
        raise VerifyError("E_SIG", f"the trust root requires signatures of {n} different releasers; some are missing")
    return "signed by " + ", ".join(f"{run.root.keys[name].person} ({name})" for name in run.releasers)


def _statement_step(run: _Run) -> str:
    run.statement = read_statement(ReleaseStatement, run.envelope.payload_type, run.envelope.payload)
    version, min_version = run.predicate.producer.version, run.root.min_tool_version
    if min_version is not None and _version(version) < _version(min_version):
        required = f"the trust root requires version {min_version} or later"
        raise VerifyError("E_TRUST", f"the bundle was made by SynthGen {version}; {required}")
    return f"release {run.predicate.release_id} of {run.predicate.time_created}"


def _subjects_step(run: _Run) -> str:
    run.subjects = _signed_files(run.statement)
    return f"{len(run.subjects)} files are signed"


def _files_step(run: _Run) -> str:
    for name in run.tree.files:
        envelope = envelope_of(name)  # if `name` is a timestamp, the file name of its envelope
        signed = name if envelope is None or envelope not in run.tree.files else envelope
        if name not in run.subjects and signed != ENVELOPE and not APPROVAL_FILE.fullmatch(signed):
            raise VerifyError("E_EXTRA", f"{name}: is not among the signed files. Do not use this copy")
    for name in sorted({*run.subjects, *REQUIRED}):
        if name not in run.tree.files:
            raise VerifyError("E_MISSING", f"{name}: is missing from the bundle. Do not use this copy")
    if not any(name.startswith("data/") for name in run.subjects):
        raise VerifyError("E_MISSING", "data/: the bundle contains no data")
    folders = {name.rsplit("/", depth)[0] for name in run.tree.files for depth in range(1, name.count("/") + 1)}
    if extra := {*run.tree.folders} - folders - {APPROVALS_FOLDER}:
        raise VerifyError("E_EXTRA", f"{min(extra)}: is an empty folder, which is not part of the release")
    return "no file is missing, and no file was added"


def _digests_step(run: _Run) -> str:
    run.files = {name: run.tree.read(name) for name in run.subjects if not name.startswith("data/")}
    for name, signed in run.subjects.items():
        data = run.files.get(name)
        if (run.tree.digest(name) if data is None else hashlib.sha256(data).hexdigest()) != signed:
            raise VerifyError("E_DIGEST", f"{name}: its content differs from the signed digest. Do not use this copy")
    return f"{len(run.subjects)} of {len(run.subjects)} files match"


def _policy_step(run: _Run) -> str:
    gates.check_pinned(run.predicate, run.files, run.root, run.expected)
    run.policy = gates.bundle_policy(run.predicate, run.files)
    gates.check_provenance(run.predicate, run.policy, run.subjects)
    return f"{run.policy.name} version {run.policy.version} is accepted"


def _gates_step(run: _Run) -> str:
    run.evidence = gates.check_gates(run.predicate, run.policy, run.files)
    run.report = _report(run)
    gating = sum(gate.gating for gate in run.predicate.gates)
    others = [(gate.id, gate.verdict) for gate in run.predicate.gates if not gate.gating]
    number = run.predicate.attempts.number  # None under an independent policy
    line = f"{gating} of {gating} gates recomputed from the evidence" + (f" of attempt {number}" if number else "")
    return f"{line}; {verdicts_line(others)}" if others else line


def _data_step(run: _Run) -> str:
    run.classes, run.samples = check_data(run.tree, run.subjects, run.predicate, run.evidence)
    return f"{run.predicate.dataset.records} records, which are the audited ones"


def _ledger_step(run: _Run) -> str:
    budget = check_budget(run.predicate.privacy, run.policy, run.evidence, run.files)
    check_models_and_delta(run.predicate)
    return f"{budget}; {check_ledger(run.predicate, run.policy, run.evidence, run.root)}"


def _manifest_step(run: _Run) -> str:
    data = {name: digest for name, digest in run.subjects.items() if name.startswith("data/")}
    stated, created = run.predicate.release_id, run.predicate.time_created
    if stated != release_id(created, run.evidence.digest(), run.policy.digest(), data):
        raise VerifyError("E_MANIFEST", "the release id does not follow from date, evidence, policy and data")
    try:
        settings = parse_yaml(run.files[CONFIG], CONFIG, error=InputError, max_bytes=MAX_CONFIG_BYTES)
    except InputError as error:
        raise VerifyError("E_MANIFEST", error.message) from None
    parts = BundleParts(
        predicate=run.predicate,
        policy=run.policy,
        evidence=run.evidence,
        report=run.report,
        config=public_config(settings),
        classes=run.classes,
        samples=run.samples,
        data=data,
    )
    gates.check_agreement(parts)
    for name, made in bundle_files(parts).items():
        if made != run.files.get(name):
            rebuilt = "the file that the verifier rebuilds from the statement, the evidence and the data"
            raise VerifyError("E_MANIFEST", f"{name}: differs from {rebuilt}")
    return f"{len(run.files)} files agree with the statement, the evidence and the data"


def approved_release(payload: bytes, statement: ReleaseStatement) -> ReleaseToApprove:
    """Return the properties of a release with which each decision (approval, rejection, closing) must agree.

    `payload` is the signed content of the release envelope, and `statement` is parsed from it.
    """
    return ReleaseToApprove(
        payload_digest=hashlib.sha256(payload).hexdigest(),
        report_digest=_signed_files(statement)[REPORT_HTML],
        created=instant(statement.predicate.time_created),
        is_independent=statement.predicate.privacy.decision == INDEPENDENT,
    )


def _approvals_step(run: _Run) -> str:
    decisions = read_decisions(run.tree, run.root, approved_release(run.envelope.payload, run.statement), run.now)
    run.approvals = tuple(decision.file for decision in decisions)
    return check_approvals(decisions, run.root, run.policy.approvals, must_close=run.policy.closing is not None)


def _time_step(run: _Run) -> str:
    _check_time(run)
    release = SignedFile(ENVELOPE, run.releasers, signature_bytes(run.envelope), instant(run.predicate.time_created))
    required = run.policy.timestamps is not None
    files = (release, *run.approvals)
    signed_at, *_ = [check_signed(run.tree, run.root, file, now=run.now, required=required) for file in files]
    run.root.check_dated(run.releasers, run.predicate.time_created)
    return f"valid now; {signed_at}; expires {run.predicate.expires or 'never'}"


def _time_without_stamps_step(run: _Run) -> str:
    _check_time(run)  # timestamps are not checked, so that an approver need not wait for them
    for name in run.releasers:
        run.root.check_key(name, run.now)
    run.root.check_dated(run.releasers, run.predicate.time_created)
    return f"valid now; timestamps not checked; expires {run.predicate.expires or 'never'}"


def _statement_unsigned_step(run: _Run) -> str:
    run.envelope = parse_envelope(run.tree.read(ENVELOPE, MAX_ENVELOPE_BYTES))
    run.statement = read_statement(ReleaseStatement, run.envelope.payload_type, run.envelope.payload)
    run.subjects = _signed_files(run.statement)
    return "the statement is well formed; its signature was not checked"


def _data_unsigned_step(run: _Run) -> str:
    run.policy, run.evidence = gates.bundle_policy(run.predicate, run.files), gates.bundle_evidence(run.files)
    run.report = _report(run)
    return _data_step(run)


_Steps = tuple[tuple[str, Callable[[_Run], str]], ...]  # pairs (name of a check, its function)


def _named(*functions: Callable[[_Run], str]) -> _Steps:
    return tuple((function.__name__.split("_")[1], function) for function in functions)


STEPS = (
    *_named(_paths_step, _trust_step, _envelope_step, _signature_step, _statement_step, _subjects_step, _files_step),
    *_named(_digests_step, _policy_step, _gates_step, _data_step, _ledger_step, _manifest_step, _approvals_step),
    *_named(_time_step),
)
APPROVAL_STEPS = (*STEPS[:-2], ("approvals", lambda _run: "not checked"), ("time", _time_without_stamps_step))
INTEGRITY_STEPS = (
    *_named(_paths_step, _statement_unsigned_step, _files_step, _digests_step, _data_unsigned_step, _manifest_step),
    ("trust", lambda _run: "not checked: the releaser, the policy and the approvals are unknown"),
)


def verify_bundle(
    path: str | Path,
    trust: str | Path | TrustRoot,
    policy: str | Path | Policy | None = None,
    now: datetime | None = None,
    *,
    state: Path | None = None,
) -> Verification:
    """Verify that a bundle is complete, signed and approved, satisfies its policy, and has not expired.

    If a check fails, the result has `ok=False`, and no error is raised.

    Args:
        path: the bundle folder.
        trust: the trust root (keys and policies that the verifier accepts) or its file; never a file of the bundle.
        policy: the policy that the verifier expects, by name, file or value. If the trust root lists policies, this
            policy must be one of them.
        now: the time (with a time zone) at which validity is checked; the current time by default.
        state: file that records the highest version of each signed trust root, to detect a rollback; by default
            `default_state()`. It is used only if `trust` is a file that names root keys.

    Raises:
        PolicyError: the expected policy cannot be loaded.
    """
    expected = policy if policy is None or isinstance(policy, Policy) else load_policy(policy)
    return _verify(STEPS, path, now, trust=trust, expected=expected, state=state)


def verify_for_approval(path: str | Path, trust: str | Path | TrustRoot, now: datetime | None = None) -> Verification:
    """Verify a bundle for an approver: all checks except those of approvals and timestamps.

    The best result is PARTIAL (`ok=False`, exit code 20).
    """
    return _verify(APPROVAL_STEPS, path, now, trust=trust)


def verify_integrity(path: str | Path) -> Verification:
    """Verify only that a bundle is complete and consistent, not who signed it.

    The best result is PARTIAL (`ok=False`, exit code 20).
    """
    return _verify(INTEGRITY_STEPS, path, None)


def _verify(
    steps: _Steps,
    path: str | Path,
    now: datetime | None,
    *,
    trust: str | Path | TrustRoot | None = None,
    expected: Policy | None = None,
    state: Path | None = None,
) -> Verification:
    checks: list[VerificationStep] = []
    with ExitStack() as stack:
        run = _Run(path, datetime.now(UTC) if now is None else now, stack, trust, expected, state)
        for name, check in steps:
            try:
                detail = check(run)
            except VerifyError as error:
                failed = VerificationStep(name, ok=False, detail=error.message)
                return Verification(False, error.exit_code, "REFUSED", (*checks, failed), None)
            checks.append(VerificationStep(name, ok=True, detail=detail))
        if steps is STEPS:
            return Verification(True, 0, "VERIFIED", tuple(checks), run.statement)
        return Verification(False, 20, "PARTIAL", tuple(checks), run.statement)


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.match(r"(\d+)\.(\d+)\.(\d+)", text).groups())  # type: ignore[union-attr]


def _signed_files(statement: ReleaseStatement) -> dict[str, str]:
    names = [subject.name for subject in statement.subject]
    for name in names:
        if name not in ALLOWED:
            raise VerifyError("E_EXTRA", f"{name[:80]!a}: a bundle may not contain a signed file of this name")
    if len(set(names)) < len(names):
        raise VerifyError("E_SUBJECT", "the list of signed files names a file twice")
    if names != sorted(names):
        raise VerifyError("E_SUBJECT", "the list of signed files is not sorted")
    return {subject.name: subject.digest.sha256 for subject in statement.subject}


def _report(run: _Run) -> ReportFile:
    try:
        value = dict(parse(run.files[REPORT_JSON]))
    except (JsonError, TypeError, ValueError):
        raise VerifyError("E_GATE", f"{REPORT_JSON}: is not a JSON object") from None
    check_report(value, run.subjects, run.predicate, run.evidence)
    return read_published(ReportFile, value, REPORT_JSON, run.policy)


def _check_time(run: _Run) -> None:
    predicate, now, days = run.predicate, run.now, run.policy.validity_days
    created = instant(predicate.time_created)
    if created > now + MAX_SKEW:
        raise VerifyError("E_TIME", f"the release is dated in the future ({predicate.time_created}); check the clock")
    if predicate.expires is None:
        if days is not None:
            problem = f"the policy requires an expiry within {days} days, but the release never expires"
            raise VerifyError("E_TIME", problem)
        return
    expires = instant(predicate.expires)
    if days is not None and expires > created + timedelta(days=days):
        raise VerifyError("E_TIME", f"the release is valid for longer than the {days} days that its policy allows")
    if now >= expires:
        raise VerifyError("E_TIME", f"the release expired at {predicate.expires}")
