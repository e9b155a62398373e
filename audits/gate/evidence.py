"""The evidence of a release: the numbers and verdicts that a policy may read, in the file `evidence/metrics.json`."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationError, model_validator

from audits.core.errors import InputError
from audits.core.report import estimate_json
from audits.core.strictjson import JsonError, canonical, parse_canonical
from audits.core.strictmodel import Canonical, Closed, Finite, Sha256, problems
from audits.core.types import Estimate, Status, Verdict

MetricName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*(\.[a-z0-9][a-z0-9_]*)+$", max_length=80)]
# first parts of the names of metrics that do not come from audits
OTHER_SOURCES = {"attempts", "balance", "deidentify", "input_checks", "method", "records", "secret", "selftest"}
OTHER_SOURCES |= {"style", "utility"}
AUDIT_NAMES = (
    "memorization", "neighbours", "identifiers", "membership", "parent_recovery", "linkage", "canaries", "accounting",
    "differencing",
)  # fmt: skip
AuditName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=40)]
WITHHELD: Literal["withheld"] = "withheld"
ShownVerdict = Verdict | Literal["withheld"]  # "withheld" replaces a verdict that is not published


class Metric(Closed):
    """A number: a value in [low, high], the one-sided confidence of each end, and the sample size n."""

    value: Finite
    low: Finite
    high: Finite
    confidence: Annotated[Finite, Field(gt=0, le=1)]
    n: Annotated[int, Field(ge=0)]

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.low <= self.value <= self.high:
            raise ValueError("`value` must be between `low` and `high`")
        return self


class AuditState(Closed):
    """The verdict, the status and the one-sided confidence (None if unknown) of one audit."""

    verdict: ShownVerdict
    status: Status
    confidence: Annotated[Finite, Field(gt=0, le=1)] | None = None


class Evidence(Canonical):
    """Every number and verdict that a policy may name; verifiers test the policy again on the evidence."""

    schemaVersion: Literal[2] = 2  # noqa: N815 - the name in the file
    metrics: dict[MetricName, Metric]
    audits: dict[AuditName, AuditState]
    # digests of the audited table (`records_digest`) and of the file `selftest.json`
    digests: dict[Literal["synthetic", "selftest"], Sha256] = Field(default_factory=dict)


def read_evidence(data: bytes) -> Evidence:
    """Return the evidence that `data` contains as canonical JSON.

    Raise InputError if the evidence is malformed, or if it has a number of an audit but no verdict of this audit.
    """
    try:
        evidence = Evidence.model_validate(parse_canonical(data))
    except JsonError as error:
        raise InputError(f"the evidence cannot be read: {error.message}") from None
    except ValidationError as error:
        raise InputError("the evidence is malformed", problems=problems(error)) from None
    sources = {name.split(".", 1)[0] for name in evidence.metrics} - OTHER_SOURCES - set(evidence.audits)
    if sources:
        missing = [f"`metrics` has numbers of {name}, but `audits` lacks this audit" for name in sorted(sources)]
        raise InputError("the evidence is malformed", problems=missing)
    return evidence


def records_digest(texts: Sequence[str], labels: Iterable[str] | None) -> str:
    """Return the sha256 of the labelled texts of a table, which does not depend on the order of the records.

    Each record is hashed as canonical JSON (RFC 8785) of [text, label]; a missing label is null. The result is the
    sha256 of the sorted hashes.
    """
    paired = zip(texts, [None] * len(texts) if labels is None else labels, strict=True)
    rows = sorted(hashlib.sha256(canonical([text, label])).digest() for text, label in paired)
    return hashlib.sha256(b"".join(rows)).hexdigest()


def evidence_from(
    report: Mapping[str, Any], extra: Mapping[str, Estimate], digests: Mapping[str, str] | None = None
) -> Evidence:
    """Return the evidence of an `audit.json`.

    For each audit NAME, the evidence contains:

    - verdict, status and confidence,
    - the `estimate` as `NAME.estimate`,
    - each KEY of `metrics`, and each KEY of `details` whose value has the form of an estimate, as `NAME.KEY`.

    It also contains the `metrics` of `input_checks`, and `extra`: numbers that are not from audits, by metric name.

    Raises:
        InputError: a result is malformed or a duplicate, or one name has two different numbers.
    """
    results = report.get("results")
    if not isinstance(results, list | tuple):
        raise InputError("the audit report contains no list `results`")
    audits: dict[str, Any] = {}
    numbers: list[tuple[str, Any]] = []
    for result in results:
        if not isinstance(result, Mapping) or not isinstance(result.get("name"), str):
            raise InputError("an entry of the list `results` in the audit report has no `name`")
        name = result["name"]
        if name in audits:
            raise InputError(f"the audit report contains the audit {name} twice")
        audits[name] = {key: result.get(key) for key in ("verdict", "status", "confidence")}
        if result.get("estimate") is not None:
            numbers.append((f"{name}.estimate", result["estimate"]))
        numbers.extend((_metric_name(name, key), item) for key, item in (result.get("metrics") or {}).items())
        details, fields = result.get("details") or {}, set(Metric.model_fields)
        estimates = {k: item for k, item in details.items() if isinstance(item, Mapping) and set(item) == fields}
        numbers.extend((f"{name}.{key}", item) for key, item in estimates.items())
    input_checks = report.get("input_checks")
    if isinstance(input_checks, Mapping):
        numbers.extend((f"input_checks.{key}", item) for key, item in (input_checks.get("metrics") or {}).items())
    metrics: dict[str, Any] = {}
    for name, number in [*numbers, *((name, estimate_json(estimate)) for name, estimate in extra.items())]:
        metric = dict(number) if isinstance(number, Mapping) else number
        if metrics.setdefault(name, metric) != metric:
            raise InputError(f"the metric {name} has two different numbers")
    content = {"schemaVersion": 2, "metrics": metrics, "audits": audits, "digests": dict(digests or {})}
    try:
        return Evidence.model_validate(content)
    except ValidationError as error:
        raise InputError("the audit report cannot be used as evidence", problems=problems(error)) from None


def _metric_name(audit: str, key: str) -> str:
    if key.startswith(f"{audit}."):
        return key
    if "." in key:
        raise InputError(f"the audit {audit} reports a number whose name begins with the name of another audit")
    return f"{audit}.{key}"
