"""The numbers a gate may read, and nothing else: the content of `evidence/metrics.json`."""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationError, model_validator

from audits.core.errors import InputError
from audits.core.report import estimate_json
from audits.core.strictjson import JsonError, canonical, parse_canonical
from audits.core.strictmodel import Closed, Finite, problems
from audits.core.types import Estimate, Status, Verdict

MetricName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*(\.[a-z0-9][a-z0-9_]*)+$", max_length=80)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
AuditName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=40)]
_NUMBER = ("value", "low", "high", "confidence", "n")


class Metric(Closed):
    """One estimate as it is written: value within [low, high], one-sided confidence of each end, and n."""

    value: Finite
    low: Finite
    high: Finite
    confidence: Annotated[Finite, Field(gt=0, le=1)]
    n: Annotated[int, Field(ge=0)]

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.low <= self.value <= self.high:
            raise ValueError("the value must lie in its interval")
        return self


class AuditState(Closed):
    """What one audit said, and the one-sided confidence it was asked for; None where nobody knows."""

    verdict: Verdict
    status: Status
    confidence: Annotated[Finite, Field(gt=0, le=1)] | None = None


class Evidence(Closed):
    """Every number and verdict a policy may name; the gates are recomputed from its canonical bytes.

    Args:
        schemaVersion: of the file.
        metrics: numbers by name.
        audits: verdicts by audit.
        digests: of the table that was audited, see `records_digest`; and of the self-test on the same persons.
    """

    schemaVersion: Literal[1] = 1  # noqa: N815 - a field of the file
    metrics: dict[MetricName, Metric]
    audits: dict[AuditName, AuditState]
    digests: dict[Literal["synthetic", "selftest"], Sha256] = Field(default_factory=dict)

    def to_bytes(self) -> bytes:
        """Return the RFC 8785 bytes."""
        return canonical(self.model_dump(mode="json"))

    def digest(self) -> str:
        """Return the sha256 of the canonical bytes."""
        return hashlib.sha256(self.to_bytes()).hexdigest()


def read_evidence(data: bytes) -> Evidence:
    """Return the evidence of canonical bytes.

    Raises:
        InputError: if they are not canonical JSON or not evidence.
    """
    try:
        return Evidence.model_validate(parse_canonical(data))
    except JsonError as error:
        raise InputError(f"the evidence is {error.message}") from None
    except ValidationError as error:
        raise InputError("the evidence is malformed", problems=problems(error)) from None


def evidence_from(
    report: Mapping[str, Any], extra: Mapping[str, Estimate], digests: Mapping[str, str] | None = None
) -> Evidence:
    """Return the evidence of an `audit.json`.

    Taken are, of each result, its verdict, status and confidence, its `estimate` as `NAME.estimate`, every entry of
    its `metrics` (`auc` of membership becomes `membership.auc`), and every entry of its `details` that has exactly
    the five fields of an estimate, as `NAME.KEY`; and the `metrics` of the split's `input_checks`, as
    `input_checks.KEY`.

    Args:
        report: the parsed `audit.json`.
        extra: numbers of the engine, as `utility.tstr_over_trtr`.
        digests: what the numbers are about, see `Evidence`.

    Raises:
        InputError: if a result is malformed, stands twice, or one name would get two different numbers.
    """
    results = report.get("results")
    if not isinstance(results, list | tuple):
        raise InputError("the audit report holds no list of results")
    audits: dict[str, Any] = {}
    numbers: list[tuple[str, Any]] = []
    for result in results:
        if not isinstance(result, Mapping) or not isinstance(result.get("name"), str):
            raise InputError("a result of the audit report has no name")
        name = result["name"]
        if name in audits:
            raise InputError(f"the audit {name} stands twice in the report")
        audits[name] = {key: result.get(key) for key in ("verdict", "status", "confidence")}
        if result.get("estimate") is not None:
            numbers.append((f"{name}.estimate", result["estimate"]))
        numbers.extend((_full(name, key), item) for key, item in (result.get("metrics") or {}).items())
        details = result.get("details") or {}
        numbers.extend((f"{name}.{key}", item) for key, item in details.items() if _is_number(item))
    input_checks = report.get("input_checks")
    if isinstance(input_checks, Mapping):
        numbers.extend((f"input_checks.{key}", item) for key, item in (input_checks.get("metrics") or {}).items())
    return _evidence(numbers, audits, extra, digests or {})


def _full(audit: str, key: str) -> str:
    if key.startswith(f"{audit}."):
        return key
    if "." in key:
        raise InputError(f"the audit {audit} reports a number of another audit")
    return f"{audit}.{key}"


def _is_number(item: Any) -> bool:
    return isinstance(item, Mapping) and set(item) == set(_NUMBER)


def _evidence(
    numbers: Iterable[tuple[str, Any]],
    audits: dict[str, Any],
    extra: Mapping[str, Estimate],
    digests: Mapping[str, str],
) -> Evidence:
    metrics: dict[str, Any] = {}
    for name, number in [*numbers, *((name, estimate_json(estimate)) for name, estimate in extra.items())]:
        fields = dict(number) if isinstance(number, Mapping) else number
        if name in metrics and metrics[name] != fields:
            raise InputError(f"the metric {name} has two different numbers")
        metrics[name] = fields
    try:
        return Evidence.model_validate(
            {"schemaVersion": 1, "metrics": metrics, "audits": audits, "digests": dict(digests)}
        )
    except ValidationError as error:
        raise InputError("the audit report cannot be used as evidence", problems=problems(error)) from None
