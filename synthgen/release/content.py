"""Define the content of a bundle and check, before it is written, that all of it may be public."""

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
MAX_LIST = 256  # longest list in a metadata file; a longer one could have an entry for each record
MAX_TEXT = 600  # longest string in a metadata file, in characters; a longer one could be text of a record
NO_DP = {
    "mechanism": "none+empirical",
    "unit": "group",
    "nonPrivateSteps": [
        "interpolation, filters and audits read private records without noise; no epsilon is claimed"
    ],
}
VERDICTS_PUBLISHED = (
    "the gates compare the texts with train and control without noise; only their verdicts are published"
)
NUMBERS_PUBLISHED = (
    "audits and utility compare the texts with train and control without noise; their numbers are published, and"
    " epsilon covers only the texts"
)
OUTSIDE_DP = (
    "identifiers are replaced before training, in the records of each person separately",
    "a person with two ids counts as two persons",
    "settings may have been chosen after looking at the records; only attempts in the ledger are counted",
)
_PRIVATE_PATH = re.compile(r"(?:^|[\s'\"=:])(?:/[^\s/]+/|~/|\.\./|[A-Za-z]:\\)")


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleContent:
    """All published content of a release; `models`, `inputs`, `attempts` and `privacy` are parts of the statement."""

    name: str  # lower-case letters, digits, `.`, `_`, `-`
    records: Sequence[tuple[str, str, str]]  # (id, text, label); an id is 16 or more random hex digits
    evidence: Evidence  # in its public form, see `audits.gate.disclosure`
    decision: Decision  # the result of `decide(evidence, policy)`, which must allow the release
    policy_yaml_bytes: bytes  # the exact bytes of the policy file
    policy: Policy
    audit_json: Mapping[str, Any]  # the complete audit.json; the bundle contains only its public form
    report_html: str
    run_json: Mapping[str, Any]  # counts, seconds and model digests; no path and no digest of private text
    config_redacted: Mapping[str, Any]  # the configuration without seed and private paths
    models: Sequence[Mapping[str, Any]]
    inputs: Sequence[Mapping[str, Any]]  # commitments to train and control, see `commit_records`
    attempts: Mapping[str, Any]  # number of the attempt and head of the ledger
    license: str
    languages: Sequence[str]  # BCP 47 tags
    versions: Mapping[str, str]  # digests of source code and versions of libraries, including "python"
    limitations: Sequence[str]
    formats: Sequence[str] = ("parquet", "jsonl")
    privacy: Mapping[str, Any] = field(default_factory=lambda: NO_DP)

    def __repr__(self) -> str:
        return f"BundleContent({self.name}, {len(self.records)} records)"


def check_content(content: BundleContent) -> None:
    """Refuse content that the gates did not allow or that contains private data.

    Raises:
        ReleaseRefused: the decision is negative, or was made on other evidence, another policy or other records.
        DataError: records are malformed; all problems are listed by row number.
        InternalError: the content contains a path of this machine, long text, or a list that could
            hold an entry for each record; all places are listed.
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
        raise InternalError("the bundle would contain data that must stay private", problems=leaks)


def refuse_unless_allowed(content: BundleContent) -> None:
    """Recompute the decision; raise unless it equals the given one and allows the release."""
    decision = content.decision
    if not decision.allowed:
        hint = "See the refusal report in the workspace."
        raise ReleaseRefused("the gate refused this release", problems=decision.failures, hint=hint)
    if decision != decide(content.evidence, content.policy):
        raise ReleaseRefused("the decision was made on other evidence or another policy, so nothing was written")
    if parse_policy(content.policy_yaml_bytes, "policy.yaml").digest() != decision.policy_digest:
        raise ReleaseRefused("the policy file differs from the policy of the decision, so nothing was written")
    if content.evidence != public_evidence(content.evidence, content.policy):
        raise InternalError("the evidence contains finer numbers of private records than the policy discloses")
    counted = content.evidence.metrics.get("records.synthetic")
    if counted is not None and counted.value != len(content.records):
        raise ReleaseRefused(
            f"the release has {len(content.records)} records, but the evidence counts {counted.value:g}, so nothing "
            "was written"
        )


def _check_records(content: BundleContent) -> None:
    found = [] if content.records else ["there are no records"]
    seen: set[str] = set()
    for row, (name, text, label) in enumerate(content.records):
        if not ID.fullmatch(name):
            found.append(f"row {row}: the id is not 16 to 64 hex digits")
        if name in seen:
            found.append(f"row {row}: an earlier row has the same id")
        seen.add(name)
        if text.strip() == "" or label.strip() == "":
            found.append(f"row {row}: text or label is empty")
        if not (_is_unicode(text) and _is_unicode(label)):
            found.append(f"row {row}: text or label contains a surrogate code point, which is not valid Unicode")
    if not set(content.formats) <= {"parquet", "jsonl"} or len(content.formats) == 0:
        found.append("formats must be parquet, jsonl or both")
    if found:
        raise DataError("the records cannot be released", problems=found[:50])


def _is_unicode(text: str) -> bool:
    return not any(0xD800 <= ord(char) <= 0xDFFF for char in text)


def _leaks(value: Any, path: str) -> list[str]:
    """Return the places in a value that hold a path of this machine, a list longer than `MAX_LIST`, or long text."""
    if isinstance(value, Mapping):
        return [e for k, item in value.items() for e in (*_leaks(str(k), path), *_leaks(item, f"{path}.{k}"))]
    if isinstance(value, str):
        if _PRIVATE_PATH.search(value):
            return [f"{path}: contains a path of this machine"]
        return [f"{path}: {len(value)} characters of text"] if len(value) > MAX_TEXT else []
    if isinstance(value, Sequence):
        long = [f"{path}: a list of {len(value)}, at most {MAX_LIST}"] if len(value) > MAX_LIST else []
        return long + [leak for item in value for leak in _leaks(item, path)]
    return []
