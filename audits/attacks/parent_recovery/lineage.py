"""The table of parents: what each synthetic row was made from, read and checked."""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from audits.core.errors import InputError
from audits.core.inputs import MAX_FILE_BYTES, shortened
from audits.core.types import Lineage

SUM_TOLERANCE = 1e-6
_COLUMNS = ("parents", "weights")


def read_lineage(path: str | Path, n_synthetic: int, n_train: int) -> Lineage:
    """Return the table of parents in a parquet or jsonl file.

    One row for each synthetic row, in the same order, with two columns: `parents`, the numbers (from 0) of the train
    rows it was made from, and `weights`, as many numbers of at least 0 that sum to 1. Both are empty for a row made
    from no record.

    Args:
        path: the file; its suffix says how to read it.
        n_synthetic: rows of the synthetic table.
        n_train: rows of the train table.

    Raises:
        InputError: the file cannot be read or does not fit the tables; every bad row is counted, the first ones
            listed by row number (from 1) and reason.

    Privacy: who was mixed into what is as private as the train table.
    """
    path = Path(path)
    readers = {".parquet": _parquet, ".jsonl": _jsonl}
    if path.suffix not in readers:
        raise InputError(f"the table of parents must end in {', '.join(readers)}; got {path.suffix or 'no suffix'!r}")
    try:
        size = path.stat().st_size
        if size > MAX_FILE_BYTES:
            raise InputError(f"the table of parents has {size} bytes; at most {MAX_FILE_BYTES} are read")
        rows, problems = readers[path.suffix](path)
    except OSError as error:
        raise InputError(f"the table of parents cannot be opened: {path} ({error.strerror})") from error
    parents, weights = [], []
    for number, row in rows:
        fault = _shape(row) or fault_of(row["parents"], row["weights"], n_train)
        if fault:
            problems.append(f"row {number}: {fault}")
        else:
            parents.append(tuple(row["parents"]))
            weights.append(tuple(map(float, row["weights"])))
    if len(rows) != n_synthetic:
        problems.append(f"it has {len(rows)} rows, the synthetic table has {n_synthetic}")
    _refuse(problems)
    return Lineage(parents=tuple(parents), weights=tuple(weights))


def check_lineage(lineage: Lineage, n_synthetic: int, n_train: int) -> None:
    """Raise an InputError with all problems where a table of parents does not fit the tables it belongs to."""
    problems = [
        f"it has {len(column)} rows of {name}, the synthetic table has {n_synthetic}"
        for name, column in zip(_COLUMNS, (lineage.parents, lineage.weights), strict=True)
        if len(column) != n_synthetic
    ]
    rows = zip(lineage.parents, lineage.weights, strict=False)
    faults = (fault_of(parents, weights, n_train) for parents, weights in rows)
    problems += [f"row {number}: {fault}" for number, fault in enumerate(faults, start=1) if fault]
    _refuse(problems)


def fault_of(parents: Sequence[int], weights: Sequence[float], n_train: int) -> str:
    """Return why the parents of one row cannot be used, or an empty string."""
    if len(parents) != len(weights):
        return f"{len(parents)} parents but {len(weights)} weights"
    if any(not 0 <= p < n_train for p in parents):
        return f"a parent is no row of train, which has {n_train} rows, numbered from 0"
    if any(not 0 <= w <= 1 + SUM_TOLERANCE for w in weights):  # so written that NaN does not pass
        return "a weight is not a number from 0 to 1"
    if len(weights) > 0 and abs(math.fsum(weights) - 1) > SUM_TOLERANCE:
        return f"the weights sum to {math.fsum(weights):.6g}, not 1"
    return ""


def _shape(row: Any) -> str:
    """Return why a row has not two lists of numbers, or an empty string."""
    if not isinstance(row, dict):
        return "not an object"
    for name in _COLUMNS:
        if not isinstance(row.get(name), list):
            return f"no list {name!r}"
    if any(not isinstance(p, int) or isinstance(p, bool) for p in row["parents"]):
        return "a parent is not a whole number"
    if any(not isinstance(w, int | float) or isinstance(w, bool) for w in row["weights"]):
        return "a weight is not a number from 0 to 1"
    return ""


def _refuse(problems: Sequence[str]) -> None:
    if not problems:
        return
    raise InputError(
        f"the table of parents cannot be used: {len(problems)} problem{'s' if len(problems) > 1 else ''}",
        problems=shortened(problems),
        hint="one row for each synthetic row, in its order: the lists `parents` (train rows from 0) and `weights`",
    )


def _parquet(path: Path) -> tuple[list[tuple[int, Any]], list[str]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        names = pq.read_schema(path).names
        columns = [name for name in _COLUMNS if names.count(name) == 1]
        rows = pq.read_table(path, columns=columns).to_pylist() if len(columns) == len(_COLUMNS) else []
    except (pa.ArrowException, UnicodeDecodeError) as error:
        raise InputError(
            f"the table of parents is not a readable parquet file ({type(error).__name__}): {path}"
        ) from error
    problems = [f"it has no single column {name!r}" for name in _COLUMNS if name not in columns]
    return list(enumerate(rows, start=1)), problems


def _jsonl(path: Path) -> tuple[list[tuple[int, Any]], list[str]]:
    rows: list[tuple[int, Any]] = []
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                rows.append((number, json.loads(line.decode("utf-8"))))
            except (ValueError, RecursionError):
                rows.append((number, None))
    return rows, []
