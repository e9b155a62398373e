"""What a bundle is made of, checked before anything is written: only what may be public."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from audits.gate.disclosure import public_evidence, public_report
from audits.gate.evidence import Evidence
from audits.gate.outcome import Decision
from audits.gate.policy import Policy, decide, parse_policy
from audits.gate.records import records_digest
from synthgen.core.errors import DataError, InternalError, ReleaseRefused

ID = re.compile(r"[0-9a-f]{16,64}")
MAX_LIST = 256
MAX_TEXT = 600
NO_DP = {
    "mechanism": "none+empirical",
    "unit": "group",
    "nonPrivateSteps": [
        "interpolation, filters and audits read private records without noise; no epsilon is claimed"
    ],
}
VERDICTS_LEAVE = "the gates compare the texts with train and control without noise; their verdicts alone leave"
NUMBERS_LEAVE = (
    "audits and utility compare the texts with train and control without noise; their numbers leave, and epsilon is"
    " for the texts alone"
)
BESIDE_DP = (
    "identifiers are replaced in each person's records by themselves, before anything is learned",
    "one person under two ids counts as two",
    "settings may have been chosen by what was seen of the records before; attempts are those that the ledger saw",
)
_PRIVATE_PATH = re.compile(r"(?:^|[\s'\"=:])(?:/[^\s/]+/|~/|\.\./|[A-Za-z]:\\)")


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleContent:
    """Everything of a release that crosses from the private side to the public one.

    Args:
        name: of the dataset; lower-case letters, digits, `.`, `_`, `-`.
        records: (id, text, label), ids random hex of at least 16 digits; their order is not kept, ids sort them.
        evidence: the numbers the decision was made on, in their public form.
        decision: of `decide(evidence, policy)`, allowed.
        policy_yaml_bytes: the exact bytes of the policy's file.
        policy: what they say.
        audit_json: the audit report; the bundle gets its public form, see `audits.gate.disclosure`.
        report_html: the page for people.
        run_json: counts, seconds and model digests of the run; no path, no digest of private text.
        config_redacted: the configuration without private paths.
        models: `models` of the statement: role, name, revision, format, digest {sha256}, trainedOnPrivateData.
        inputs: `inputs` of the statement: the commitments of train and control, see `commitment.commit`.
        attempts: `attempts` of the statement: which attempt it is, and the head of the institution's ledger.
        license: identifier of the dataset's licence.
        languages: BCP 47 tags.
        versions: of the sources and libraries that made it, "python" among them.
        limitations: sentences, what the release does not promise and what was not tested.
        formats: parquet, jsonl or both.
        privacy: the `privacy` part of the statement; by default it claims no differential privacy.
    """

    name: str
    records: Sequence[tuple[str, str, str]]
    evidence: Evidence
    decision: Decision
    policy_yaml_bytes: bytes
    policy: Policy
    audit_json: Mapping[str, Any]
    report_html: str
    run_json: Mapping[str, Any]
    config_redacted: Mapping[str, Any]
    models: Sequence[Mapping[str, Any]]
    inputs: Sequence[Mapping[str, Any]]
    attempts: Mapping[str, Any]
    license: str
    languages: Sequence[str]
    versions: Mapping[str, str]
    limitations: Sequence[str]
    formats: Sequence[str] = ("parquet", "jsonl")
    privacy: Mapping[str, Any] = field(default_factory=lambda: NO_DP)

    def __repr__(self) -> str:
        return f"BundleContent({self.name}, {len(self.records)} records)"


def check_content(content: BundleContent) -> None:
    """Refuse content that the gate did not allow, or that carries what must stay private.

    Raises:
        ReleaseRefused: if the decision is no, or was made on other evidence, another policy or other records.
        DataError: if records are malformed; all problems listed, rows by number.
        InternalError: if a private path, a list as long as the data, or long text stands where aggregates belong.
    """
    refuse_unless_allowed(content)
    _check_records(content)
    audited = records_digest([text for _, text, _ in content.records], [label for _, _, label in content.records])
    if content.evidence.digests.get("synthetic") != audited:
        raise ReleaseRefused("the records are not those that were audited, so nothing was written")
    leaks = [
        *_leaks(public_report(content.audit_json, content.policy), "audit"),
        *_leaks(content.run_json, "run"),
        *_leaks(content.models, "models"),
        *_leaks(content.config_redacted, "config"),
    ]
    if leaks:
        raise InternalError("the bundle would carry what must stay private", problems=leaks)


def refuse_unless_allowed(content: BundleContent) -> None:
    """Recompute the decision, and refuse unless it is the one given and it is yes."""
    decision = content.decision
    if not decision.allowed:
        raise ReleaseRefused(
            "the gate refused this release",
            problems=decision.failures,
            hint="See the refusal report in the workspace.",
        )
    if decision != decide(content.evidence, content.policy):
        raise ReleaseRefused("the decision was made on other evidence or another policy, so nothing was written")
    if parse_policy(content.policy_yaml_bytes, "policy.yaml").digest() != decision.policy_digest:
        raise ReleaseRefused("the policy file is not the policy that was decided by, so nothing was written")
    if content.evidence != public_evidence(content.evidence, content.policy):
        raise InternalError("the evidence says more of private counts than the policy discloses")
    counted = content.evidence.metrics.get("records.synthetic")
    if counted is not None and counted.value != len(content.records):
        raise ReleaseRefused(f"{len(content.records)} records, but the evidence counts {counted.value:g}")


def _check_records(content: BundleContent) -> None:
    found = []
    if len(content.records) == 0:
        found.append("there are no records")
    seen: set[str] = set()
    for row, (name, text, label) in enumerate(content.records):
        if not ID.fullmatch(name):
            found.append(f"row {row}: the id is not 16 to 64 hex digits")
        if name in seen:
            found.append(f"row {row}: the id stands twice")
        seen.add(name)
        if text.strip() == "" or label.strip() == "":
            found.append(f"row {row}: text or label is empty")
        if not (_is_unicode(text) and _is_unicode(label)):
            found.append(f"row {row}: text or label is not Unicode")
    if not set(content.formats) <= {"parquet", "jsonl"} or len(content.formats) == 0:
        found.append("formats must be parquet, jsonl or both")
    if found:
        raise DataError("the records cannot be released", problems=found[:50])


def _is_unicode(text: str) -> bool:
    return not any(0xD800 <= ord(char) <= 0xDFFF for char in text)


def _leaks(value: Any, path: str) -> list[str]:
    """Return where a value holds a path of this machine, a list that could be per record, or long text."""
    if isinstance(value, Mapping):
        return [
            leak for key, item in value.items() for leak in (*_leaks(str(key), path), *_leaks(item, f"{path}.{key}"))
        ]
    if isinstance(value, str):
        if _PRIVATE_PATH.search(value):
            return [f"{path}: a path of this machine"]
        return [f"{path}: {len(value)} characters of text"] if len(value) > MAX_TEXT else []
    if isinstance(value, Sequence):
        long = [f"{path}: a list of {len(value)}, at most {MAX_LIST}"] if len(value) > MAX_LIST else []
        return long + [leak for item in value for leak in _leaks(item, path)]
    return []
