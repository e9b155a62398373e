"""The file `evaluation.json` of `synthgen evaluate`: utility of a synthetic table, bound to the tables by digest."""

from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError, field_validator

from audits.core.errors import InputError
from audits.core.files import read_regular
from audits.core.report import Digest
from audits.core.strictjson import JsonError, parse
from audits.core.strictmodel import Closed
from audits.core.strictmodel import problems as model_problems
from audits.core.types import AuditInputs, Estimate
from audits.gate.evidence import Metric, MetricName
from audits.gate.records import records_digest

SCHEMA = "synthgen-evaluation/v1"
SOURCES = {"utility", "style", "balance"}  # of the metrics in the file


class BoundUtility(Closed):
    """The content of `evaluation.json`; the fields without a type are for readers and decide nothing."""

    schema_name: Literal["synthgen-evaluation/v1"]
    synthetic: Digest  # `records_digest` of the table
    train: Digest
    test: Digest
    metrics: dict[MetricName, Metric]
    confidence: Any
    records: Any
    test_persons: Any
    classifiers: Any
    ratios: Any
    style: Any
    not_measured: Any

    @field_validator("metrics")
    @classmethod
    def _only_utility(cls, metrics: dict[str, Metric]) -> dict[str, Metric]:
        if any(name.split(".", 1)[0] not in SOURCES for name in metrics):
            raise ValueError(f"has metrics of other sources than {', '.join(sorted(SOURCES))}")
        return metrics

    def numbers(self) -> dict[str, Estimate]:
        """Return the metrics by name."""
        return {name: Estimate(**metric.model_dump()) for name, metric in self.metrics.items()}


def read_utility(path: Path, inputs: AuditInputs) -> BoundUtility:
    """Return the evaluation in a file.

    Raise InputError if the file cannot be read or is not an evaluation, or if it was made from another synthetic or
    train table, or tested on another table than control.
    """
    try:
        found = BoundUtility.model_validate(parse(read_regular(path)))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    except JsonError as error:
        raise InputError(f"{path}: {error.message}") from None
    except ValidationError as error:
        raise InputError(f"{path}: not a result of `synthgen evaluate`", problems=model_problems(error)[:5]) from None
    tables = {"synthetic": inputs.synthetic, "train": inputs.train, "test": inputs.control}
    problems = [
        f"its {role} table is not the {'control' if role == 'test' else role} table of the audits"
        for role, table in tables.items()
        if getattr(found, role) != records_digest(table.texts, table.labels)
    ]
    if problems:
        hint = "Run `synthgen evaluate --synthetic S --train T --test CONTROL --out FILE` on the same tables."
        raise InputError(f"{path}: does not match the tables", problems=problems, hint=hint)
    return found
