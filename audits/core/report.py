"""The report of all audits, in memory and as the versioned JSON file `audit.json`."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import version
from typing import Annotated, Any, Literal

import numpy as np
import rfc8785
from pydantic import Field, ValidationError

from audits.core.errors import InputError
from audits.core.strictmodel import Closed, Finite, Sha256, problems
from audits.core.types import AuditResult, Direction, Estimate, Finding, Status, Verdict

SCHEMA_VERSION = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditReport:
    """The results of all audits on one set of tables."""

    results: tuple[AuditResult, ...]  # one per audit, in the order in which the audits were requested
    inputs: Mapping[str, str]  # sha256 of each input, see `audits.core.inputs.digests`
    input_checks: Mapping[str, Any] = field(default_factory=dict)  # results of the input checks
    tool: str  # name and version of the audit package
    # name of a check -> the synthetic rows (from 0) that this check sets aside, see `audits.core.quarantine`
    quarantined: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    @property
    def overall(self) -> Verdict:
        """The verdict: fail if any audit failed, pass if all passed without quarantined rows, else insufficient."""
        verdicts = {result.verdict for result in self.results}
        if "fail" in verdicts:
            return "fail"
        return "pass" if verdicts == {"pass"} and not self.quarantined_rows else "insufficient"

    @property
    def quarantined_rows(self) -> list[int]:
        """The quarantined rows of all checks, from 0, in ascending order."""
        return sorted({row for rows in self.quarantined.values() for row in rows})

    def result(self, name: str) -> AuditResult | None:
        """Return the result of one audit, or None if it did not run."""
        return next((result for result in self.results if result.name == name), None)

    def to_dict(self) -> dict[str, Any]:
        """Return the content of `to_json` as plain values; raise InputError as `to_json` does."""
        return _Report.model_validate_json(self.to_json()).model_dump(mode="json")

    def to_json(self) -> bytes:
        """Return the RFC 8785 bytes of `audit.json`; equal reports have equal bytes.

        Raise InputError if a number is not finite or a detail is not a JSON value.

        Privacy: the report does not contain the seed. With the seed, an attacker could compute the report of guessed
            tables and confirm the guess by comparison.
        """
        value = {
            "schemaVersion": SCHEMA_VERSION,
            "overall": self.overall,
            "results": [result_json(result) for result in self.results],
            "inputs": dict(self.inputs),
            "input_checks": _plain(self.input_checks),
            "tool": self.tool,
            "quarantined": {check: [row + 1 for row in rows] for check, rows in self.quarantined.items()},
        }
        try:
            data = rfc8785.dumps(value)
            _Report.model_validate_json(data)
        except rfc8785.CanonicalizationError as error:
            raise InputError(f"the audit report cannot be written: {_not_json(error)}") from None
        except ValidationError as error:
            message = "the audit report cannot be written, because it violates its schema"
            raise InputError(message, problems=problems(error)) from None
        return data


def read_report(data: bytes) -> AuditReport:
    """Return the report in the bytes of an `audit.json`; raise InputError with all violations of the schema."""
    try:
        wire = _Report.model_validate_json(data)
    except ValidationError as error:
        raise InputError(
            f"the data is not an audit report of schema version {SCHEMA_VERSION}", problems=problems(error)
        ) from None
    return AuditReport(
        results=tuple(_read(result) for result in wire.results),
        inputs=wire.inputs,
        input_checks=wire.input_checks,
        tool=wire.tool,
        quarantined={check: tuple(row - 1 for row in rows) for check, rows in wire.quarantined.items()},
    )


def private_bytes(result: AuditResult) -> bytes:
    """Return the RFC 8785 bytes of a result, with the findings and quarantined rows that `result_json` omits.

    Raise InputError if a number is not finite or a detail is not a JSON value.

    Privacy: the bytes name the train persons of the findings.
    """
    found = [asdict(finding) for finding in result.findings]
    try:
        return rfc8785.dumps(_plain({**result_json(result), "findings": found, "quarantined": result.quarantined}))
    except rfc8785.CanonicalizationError as error:
        raise InputError(f"the result of {result.name} cannot be written: {_not_json(error)}") from None


def _not_json(error: rfc8785.CanonicalizationError) -> str:
    if isinstance(error, rfc8785.FloatDomainError):
        return "a number is not finite"
    if isinstance(error, rfc8785.IntegerDomainError):
        return "an integer is outside the range of JSON numbers (-2^53 + 1 to 2^53 - 1)"
    return "a detail is not a JSON value"


def read_private(data: bytes) -> AuditResult:
    """Return the result in the bytes of `private_bytes`; raise InputError if it violates the schema."""
    try:
        wire = _PrivateResult.model_validate_json(data)
    except ValidationError as error:
        raise InputError("the data is not the private result of an audit", problems=problems(error)) from None
    return replace(_read(wire), findings=wire.findings, quarantined=wire.quarantined)


def tool_name() -> str:
    """Return the name and version of the audit package."""
    return f"synthgen-audits {version('synthgen')}"


def audit_schema() -> dict[str, Any]:
    """Return the JSON Schema of `audit.json`."""
    schema = _Report.model_json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "AuditReport"
    return schema


def result_json(result: AuditResult) -> dict[str, Any]:
    """Return the JSON value of a result in `audit.json`, without its findings and quarantined rows.

    `audit.json` lists the quarantined rows of all checks in one field of the report.
    """
    return {name: _plain(getattr(result, name)) for name in _Result.model_fields}


def estimate_json(estimate: Estimate) -> dict[str, float | int]:
    """Return the JSON value of an estimate in `audit.json`."""
    numbers = {name: float(getattr(estimate, name)) for name in ("value", "low", "high", "confidence")}
    return {**numbers, "n": int(estimate.n)}


class _Estimate(Closed):
    value: Finite
    low: Finite
    high: Finite
    confidence: Annotated[Finite, Field(gt=0, le=1)]
    n: Annotated[int, Field(ge=0)]


class _Result(Closed):
    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    verdict: Verdict
    status: Status
    estimate: _Estimate | None
    control: _Estimate | None
    threshold: Finite | tuple[Finite, Finite] | None
    direction: Direction
    metrics: dict[str, _Estimate]
    details: dict[str, Any]
    reason: str
    confidence: Annotated[Finite, Field(gt=0, lt=1)] | None = None


class _PrivateResult(_Result):
    findings: tuple[Finding, ...]
    quarantined: tuple[int, ...]  # rows, from 0


class _Report(Closed):
    schemaVersion: Literal[4]  # noqa: N815 - a field of the file
    overall: Verdict
    results: tuple[_Result, ...]
    inputs: dict[str, Sha256]
    input_checks: dict[str, Any]
    tool: str
    quarantined: dict[str, Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(min_length=1)]]  # rows, from 1


def _plain(value: Any) -> Any:
    if isinstance(value, Estimate):
        return estimate_json(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    return value.item() if isinstance(value, np.generic) else value


def _read(wire: _Result) -> AuditResult:
    def estimate(item: _Estimate | None) -> Estimate | None:
        return None if item is None else Estimate(**item.model_dump())

    values = {name: getattr(wire, name) for name in _Result.model_fields}
    values |= {"estimate": estimate(wire.estimate), "control": estimate(wire.control)}
    values["metrics"] = {name: estimate(item) for name, item in wire.metrics.items()}
    return AuditResult(**values)
