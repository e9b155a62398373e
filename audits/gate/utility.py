"""Read `evaluation.json`, the result of `synthgen evaluate`: how useful a synthetic table is for training."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError, field_validator

from audits.core.errors import InputError
from audits.core.files import read_regular
from audits.core.strictjson import JsonError, parse
from audits.core.strictmodel import Closed, Sha256
from audits.core.strictmodel import problems as model_problems
from audits.core.types import AuditInputs, Estimate
from audits.gate.evidence import Metric, MetricName, records_digest

SCHEMA = "synthgen-evaluation/v1"
METRIC_PREFIXES = {"utility", "style", "balance"}  # first parts of the metric names: `utility.x`


def distance_of_shares(released: Mapping[str, int], requested: Mapping[str, int]) -> float:
    """Return the total variation distance between the class shares of the released and of the requested records.

        ½ · (Σ_c |n_c / N - m_c / M| + (N - n) / N),   N = max(n, M)

    n_c of the n released records and m_c of the M > 0 requested records belong to class c. The N - n missing records
    count as a further class. If a requested class has no released record, the distance is 1.
    """
    n_released, n_requested = sum(released.values()), sum(requested.values())
    larger = max(n_released, n_requested)
    classes = sorted({*released, *requested})
    difference = sum(abs(released.get(c, 0) / larger - requested.get(c, 0) / n_requested) for c in classes)
    lacks_class = any(m > 0 and released.get(c, 0) == 0 for c, m in requested.items())
    return 1.0 if lacks_class else (difference + (larger - n_released) / larger) / 2


class EvaluationFile(Closed):
    """The content of `evaluation.json`; no policy condition reads the fields of type `Any`."""

    schema_name: Literal["synthgen-evaluation/v1"]
    synthetic: Sha256  # `records_digest` of the synthetic table
    train: Sha256  # `records_digest` of the train table
    test: Sha256  # `records_digest` of the table on which the classifiers were tested
    metrics: dict[MetricName, Metric]
    confidence: Any
    records: Any
    test_persons: Any
    classifiers: Any
    ratios: Any
    style: Any
    coherence: Any = None
    subgroups: Any = None
    not_measured: Any

    @field_validator("metrics")
    @classmethod
    def _only_utility(cls, metrics: dict[str, Metric]) -> dict[str, Metric]:
        if any(name.split(".", 1)[0] not in METRIC_PREFIXES for name in metrics):
            raise ValueError(f"each name must begin with one of {', '.join(sorted(METRIC_PREFIXES))}")
        return metrics

    def numbers(self) -> dict[str, Estimate]:
        """Return the metrics by name."""
        return {name: Estimate(**metric.model_dump()) for name, metric in self.metrics.items()}


def read_utility(path: Path, inputs: AuditInputs) -> EvaluationFile:
    """Return the evaluation in a file.

    Raise InputError if the file cannot be read, contains no evaluation, or is about other tables than those of
    `inputs`. The test table of the evaluation must be the control table.
    """
    try:
        found = EvaluationFile.model_validate(parse(read_regular(path)))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    except JsonError as error:
        raise InputError(f"{path}: {error.message}") from None
    except ValidationError as error:
        message = f"{path}: is not a result of `synthgen evaluate`"
        raise InputError(message, problems=model_problems(error)[:5]) from None
    tables = {"synthetic": inputs.synthetic, "train": inputs.train, "test": inputs.control}
    problems = [
        f"its {role} table is not the {'control' if role == 'test' else role} table of the audits"
        for role, table in tables.items()
        if getattr(found, role) != records_digest(table.texts, table.labels)
    ]
    if problems:
        hint = "Run `synthgen evaluate --synthetic S --train T --test CONTROL --out FILE` on the same tables."
        raise InputError(f"{path}: does not match the tables of the audits", problems=problems, hint=hint)
    return found
