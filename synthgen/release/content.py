"""Define the content of a bundle (release folder), and check it before it is written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from audits.gate.disclosure import public_evidence
from audits.gate.evidence import Evidence, records_digest
from audits.gate.outcome import Decision
from audits.gate.policy import Policy, decide
from audits.text.layout import plain_layout
from audits.verify.contents import MAX_LABEL_CHARACTERS, MAX_TEXT_CHARACTERS
from audits.verify.vocabulary import NO_DP_STEP
from synthgen.core.errors import DataError, InternalError, ReleaseRefused

# entry `privacy` of the statement for a release without differential privacy
NO_DP = {"mechanism": "none+empirical", "unit": "group", "nonPrivateSteps": [NO_DP_STEP]}


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleContent:
    """All published content of a release."""

    name: str  # lower-case letters, digits, `.`, `_`, `-`
    records: Sequence[tuple[str, str]]  # (text, label)
    evidence: Evidence  # numbers of private records are rounded or removed, as `policy` requires
    decision: Decision  # the result of `decide(evidence, policy)`, which must allow the release
    policy: Policy
    audit_json: Mapping[str, Any]  # the complete audit.json; the bundle contains only its public form
    page: Mapping[str, Any]  # numbers of the report, in the form of `audits.verify.published.Page`
    config: Mapping[str, Any]  # the settings that may be public, from `audits.verify.vocabulary.public_config`
    models: Sequence[Mapping[str, Any]]  # entry `models` of the statement: name and digest of each model
    inputs: Sequence[Mapping[str, Any]]  # commitments to train and control, from `commitment.commit_records`
    attempts: Mapping[str, Any]  # number of the attempt (audit of these control persons), and head of the ledger
    license: str
    languages: Sequence[str]  # BCP 47 tags
    versions: Mapping[str, str]  # name -> digest (of source code) or version (of a library or "python")
    limitations: Sequence[str]
    formats: Sequence[str] = ("parquet", "jsonl")
    privacy: Mapping[str, Any] = field(default_factory=lambda: NO_DP)  # entry `privacy` of the statement

    def __repr__(self) -> str:
        return f"BundleContent({self.name}, {len(self.records)} records)"


def check_content(content: BundleContent) -> None:
    """Raise an error if the decision does not allow the release of these records, or if the records are malformed.

    Report, configuration and models are checked later, by `bundle_parts`.

    Raises:
        ReleaseRefused: the decision is negative, or was not made on the evidence, policy and records in `content`.
        DataError: records, labels or formats are malformed; the first 50 problems are listed.
        InternalError: the evidence is more precise than the policy allows.
    """
    _refuse_unless_allowed(content)
    _check_records(content)
    audited = records_digest([text for text, _ in content.records], [label for _, label in content.records])
    if content.evidence.digests.get("synthetic") != audited:
        raise ReleaseRefused("the records differ from the audited records, so nothing was written")


def _refuse_unless_allowed(content: BundleContent) -> None:
    decision = content.decision
    if not decision.allowed:
        hint = "See the refusal report in the workspace."
        raise ReleaseRefused("the policy does not allow this release", problems=decision.failures, hint=hint)
    if decision != decide(content.evidence, content.policy):
        raise ReleaseRefused(
            "the decision does not follow from this evidence and this policy, so nothing was written"
        )
    if content.evidence != public_evidence(content.evidence, content.policy):
        raise InternalError("the evidence contains numbers of private records that the policy withholds or rounds")
    counted = content.evidence.metrics.get("records.synthetic")
    if counted is not None and counted.value != len(content.records):
        counts = f"the release has {len(content.records)} records, but the evidence counts {counted.value:g}"
        raise ReleaseRefused(f"{counts}, so nothing was written")


def _check_records(content: BundleContent) -> None:
    found = [] if content.records else ["there are no records"]
    for row, (text, label) in enumerate(content.records):
        for name, value in (("text", text), ("label", label)):
            if value.strip() == "":
                found.append(f"row {row}: the {name} is empty")
            if not _is_unicode(value):
                found.append(f"row {row}: the {name} contains a surrogate code point, which is not valid Unicode")
        if text.strip() and text != plain_layout(text):
            found.append(f"row {row}: the text has repeated or unusual blanks, or invisible characters")
        if len(text) > MAX_TEXT_CHARACTERS:
            found.append(f"row {row}: the text has more than {MAX_TEXT_CHARACTERS} characters")
    labels = sorted({label for _, label in content.records})
    allowed = f"at most {MAX_LABEL_CHARACTERS} are allowed"
    found += [f"a label has {len(x)} characters; {allowed}" for x in labels if len(x) > MAX_LABEL_CHARACTERS]
    found += ["a label contains unprintable characters" for x in labels if not x.isprintable()]
    if not set(content.formats) <= {"parquet", "jsonl"} or len(content.formats) == 0:
        found.append("release.formats must be parquet, jsonl or both")
    if found:
        raise DataError("the records cannot be released", problems=found[:50])


def _is_unicode(text: str) -> bool:
    return not any(0xD800 <= ord(char) <= 0xDFFF for char in text)
