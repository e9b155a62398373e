"""Read and check a lineage, the lineage of each synthetic row, and measure how much each person contributes."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audits.core.errors import InputError
from audits.core.inputs import MAX_FILE_BYTES, shortened
from audits.core.types import Lineage

Int = NDArray[np.int64]
Float = NDArray[np.float64]
SUM_TOLERANCE = 1e-6
_COLUMNS = ("parents", "weights")


def read_lineage(path: str | Path, n_synthetic: int, n_train: int) -> Lineage:
    """Return the lineage in a .parquet or .jsonl file.

    The file has one row for each synthetic row, in the same order, with two columns. `parents` lists the numbers
    (from 0) of the train rows that the synthetic row was made from. `weights` lists as many numbers of at least 0,
    which sum to 1. Both lists are empty for a row that was made from no record.

    Raises:
        InputError: if the file cannot be read or does not fit the tables. It counts all invalid rows and lists the
            first ones with their number (from 1) and the reason.

    Privacy: a lineage is as private as the train table.
    """
    path = Path(path)
    readers = {".parquet": _parquet, ".jsonl": _jsonl}
    if path.suffix not in readers:
        raise InputError(f"the lineage file must end in {', '.join(readers)}; got {path.suffix or 'no suffix'!r}")
    try:
        if (size := path.stat().st_size) > MAX_FILE_BYTES:
            raise InputError(f"the lineage file has {size} bytes; at most {MAX_FILE_BYTES} are read")
        rows, problems = readers[path.suffix](path)
    except OSError as error:
        raise InputError(f"the lineage file cannot be opened: {path} ({error.strerror})") from error
    parents, weights = [], []
    for number, row in rows:
        if fault := _type_fault(row) or _value_fault(row["parents"], row["weights"], n_train):
            problems.append(f"row {number}: {fault}")
        else:
            parents.append(tuple(row["parents"]))
            weights.append(tuple(map(float, row["weights"])))
    if len(rows) != n_synthetic:
        problems.append(f"it has {len(rows)} rows, the synthetic table has {n_synthetic}")
    _raise_if_any(problems)
    return Lineage(parents=tuple(parents), weights=tuple(weights))


def check_lineage(lineage: Lineage, n_synthetic: int, n_train: int) -> None:
    """Raise an InputError with all problems if a lineage does not fit the synthetic table and the train table."""
    problems = [
        f"it has {len(column)} rows of {name}, the synthetic table has {n_synthetic}"
        for name, column in zip(_COLUMNS, (lineage.parents, lineage.weights), strict=True)
        if len(column) != n_synthetic
    ]
    rows = zip(lineage.parents, lineage.weights, strict=False)
    faults = (_value_fault(parents, weights, n_train) for parents, weights in rows)
    problems += [f"row {number}: {fault}" for number, fault in enumerate(faults, start=1) if fault]
    _raise_if_any(problems)


def _value_fault(parents: Sequence[int], weights: Sequence[float], n_train: int) -> str:
    """Return why the parents and weights of one row are invalid, or an empty string."""
    if len(parents) != len(weights):
        return f"{len(parents)} parents but {len(weights)} weights"
    if any(not 0 <= p < n_train for p in parents):
        return f"a parent is no row of train, which has {n_train} rows, numbered from 0"
    if any(not 0 <= w <= 1 + SUM_TOLERANCE for w in weights):  # also true for NaN
        return "a weight is not a number from 0 to 1"
    if len(weights) > 0 and abs(math.fsum(weights) - 1) > SUM_TOLERANCE:
        return f"the weights sum to {math.fsum(weights):.6g}, not 1"
    return ""


def _type_fault(row: Any) -> str:
    """Return why a row does not contain two lists of numbers, or an empty string."""
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


def _raise_if_any(problems: Sequence[str]) -> None:
    if problems:
        raise InputError(
            f"the lineage cannot be used: {len(problems)} problem{'s' if len(problems) > 1 else ''}",
            problems=shortened(problems),
            hint="one row for each synthetic row, in order: the lists `parents` (train rows from 0) and `weights`",
        )


def _parquet(path: Path) -> tuple[list[tuple[int, Any]], list[str]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        names = pq.read_schema(path).names
        columns = [name for name in _COLUMNS if names.count(name) == 1]
        rows = pq.read_table(path, columns=columns).to_pylist() if len(columns) == len(_COLUMNS) else []
    except (pa.ArrowException, UnicodeDecodeError) as error:
        raise InputError(f"the lineage is not a readable parquet file ({type(error).__name__}): {path}") from error
    problems = [f"it has no single column {name!r}" for name in _COLUMNS if name not in columns]
    return list(enumerate(rows, start=1)), problems


def _jsonl(path: Path) -> tuple[list[tuple[int, Any]], list[str]]:
    rows: list[tuple[int, Any]] = []
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                try:
                    rows.append((number, json.loads(line.decode("utf-8"))))
                except (ValueError, RecursionError):
                    rows.append((number, None))
    return rows, []


@dataclass(frozen=True, slots=True, kw_only=True)
class LineageExposure:
    """Contribution of each of P train persons to the r synthetic rows that have parents."""

    max_weight: Float  # (r,), weight of the heaviest person of each row
    effective_parents: Float  # (r,), 1 / sum over persons of weight²
    persons_of_row: Int  # (r,)
    rows_of_person: Int  # (P,), rows to which each person contributes
    persons_of_class: Int  # persons that contribute to each class with such rows
    max_share_of_class: Float  # largest share of the weight of each class that comes from one person
    parentless_rows: int  # rows that were made from no record


def weights_by_person(parents: Sequence[int], weights: Sequence[float], train_person: Int) -> dict[int, float]:
    """Return the weight of each person in one row, summed over the person's records; a weight of 0 is dropped."""
    found: dict[int, float] = {}
    for row, weight in zip(parents, weights, strict=True):
        if weight > 0:
            person = int(train_person[row])
            found[person] = found.get(person, 0.0) + weight
    return found


def lineage_exposure(lineage: Lineage, train_person: Int, synthetic_class: Int) -> LineageExposure:
    """Return the contribution of persons to rows and classes.

        w_ip = sum of the weights of person p's records in row i,   effective parents of i = 1 / sum_p w_ip²

    The lineage of all m rows must be valid. `train_person` (n_T,) contains the person of each train row, numbered
    from 0, and `synthetic_class` (m,) the class of each synthetic row. The result names persons by number.
    """
    mixed = [weights_by_person(p, w, train_person) for p, w in zip(lineage.parents, lineage.weights, strict=True)]
    made = [i for i, row in enumerate(mixed) if row]
    n_persons = int(train_person.max()) + 1
    row = np.repeat(np.arange(len(made)), [len(mixed[i]) for i in made])
    person = np.array([p for i in made for p in mixed[i]], dtype=np.int64)
    weight = np.array([w for i in made for w in mixed[i].values()], dtype=np.float64)
    heaviest = np.zeros(len(made))
    np.maximum.at(heaviest, row, weight)
    classes, number = np.unique(synthetic_class[made], return_inverse=True)
    mass = np.zeros((len(classes), n_persons))
    np.add.at(mass, (number[row], person), weight)
    return LineageExposure(
        max_weight=heaviest,
        effective_parents=1 / np.bincount(row, weights=weight**2, minlength=len(made)),
        persons_of_row=np.bincount(row, minlength=len(made)),
        rows_of_person=np.bincount(person, minlength=n_persons),
        persons_of_class=(mass > 0).sum(axis=1),
        max_share_of_class=mass.max(axis=1) / mass.sum(axis=1) if len(made) > 0 else np.zeros(0),
        parentless_rows=len(mixed) - len(made),
    )
