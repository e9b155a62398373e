"""Read and check a lineage, and measure how much each person contributes to the synthetic table.

A lineage lists, for each synthetic row, its parents (the train rows that it was mixed from) and the weight of each
parent in the mixture.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from audits.core.errors import InputError
from audits.core.files import arrow_errors, open_regular, read_parquet
from audits.core.inputs import shortened
from audits.core.types import Float, Int, Lineage

SUM_TOLERANCE = 1e-6  # the sum of the weights of a row may differ from 1 by at most this
_COLUMNS = ("parents", "weights")


def read_lineage(path: str | Path, n_synthetic: int, n_train: int) -> Lineage:
    """Return the lineage in a .parquet or .jsonl file.

    The file has one row for each synthetic row, in the table's order, with two columns. `parents` lists the numbers
    (from 0) of the train rows that the synthetic row was mixed from. `weights` lists one weight for each parent. The
    weights are at least 0 and sum to 1. Both lists are empty for a row that was made without any record.

    Raises:
        InputError: the file cannot be read or does not fit the tables.

    Privacy: a lineage is as private as the train table.
    """
    path = Path(path)
    readers = {".parquet": _parquet_rows, ".jsonl": _jsonl_rows}
    if path.suffix not in readers:
        raise InputError(f"the lineage file must end in {' or '.join(readers)}; got {path.suffix or 'no suffix'!r}")
    try:
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
        problems.append(f"the lineage has {len(rows)} rows, but the synthetic table has {n_synthetic} rows")
    _raise_if_any(problems)
    return Lineage(parents=tuple(parents), weights=tuple(weights))


def check_lineage(lineage: Lineage, n_synthetic: int, n_train: int) -> None:
    """Raise InputError with the first problems if a lineage does not fit the synthetic table and the train table."""
    problems = [
        f"the lineage has `{name}` for {len(column)} rows, but the synthetic table has {n_synthetic} rows"
        for name, column in zip(_COLUMNS, (lineage.parents, lineage.weights), strict=True)
        if len(column) != n_synthetic
    ]
    rows = zip(lineage.parents, lineage.weights, strict=False)
    faults = (_value_fault(parents, weights, n_train) for parents, weights in rows)
    problems += [f"row {number}: {fault}" for number, fault in enumerate(faults, start=1) if fault]
    _raise_if_any(problems)


def _value_fault(parents: Sequence[int], weights: Sequence[float], n_train: int) -> str:
    """Return what is wrong with the values of a row; empty if nothing is wrong."""
    if len(parents) != len(weights):
        return f"there are {len(parents)} parents but {len(weights)} weights"
    if any(not 0 <= p < n_train for p in parents):
        return f"a parent is not the number of a train row; the numbers are 0 to {n_train - 1}"
    if any(not 0 <= w <= 1 + SUM_TOLERANCE for w in weights):  # also true for NaN
        return "a weight is not a number from 0 to 1"
    if len(weights) > 0 and abs(math.fsum(weights) - 1) > SUM_TOLERANCE:
        return f"the weights sum to {math.fsum(weights):.6g}, not 1"
    return ""


def _type_fault(row: Any) -> str:
    """Return what is wrong with the types of a row; empty if nothing is wrong."""
    if not isinstance(row, dict):
        return "the line is not a JSON object"
    for name in _COLUMNS:
        if not isinstance(row.get(name), list):
            return f"{name!r} is not a list" if name in row else f"the list {name!r} is missing"
    if any(not isinstance(p, int) or isinstance(p, bool) for p in row["parents"]):
        return "a parent is not an integer"
    if any(not isinstance(w, int | float) or isinstance(w, bool) for w in row["weights"]):
        return "a weight is not a number from 0 to 1"
    return ""


def _raise_if_any(problems: Sequence[str]) -> None:
    if problems:
        raise InputError(
            f"the lineage cannot be used: {len(problems)} problem{'s' if len(problems) > 1 else ''}",
            problems=shortened(problems),
            hint="The lineage needs one row for each synthetic row, in the same order, with the lists `parents` "
            "(numbers of train rows, from 0) and `weights`.",
        )


def _parquet_rows(path: Path) -> tuple[list[tuple[int, Any]], list[str]]:
    """Return a list of (row number from 1, row), and the problems of the columns.

    If a column has a problem, the list of rows is empty.
    """
    with open_regular(path) as opened, arrow_errors():
        names, table = read_parquet(opened, _COLUMNS)
        columns = [name for name in _COLUMNS if names.count(name) == 1]
        rows = table.to_pylist() if len(columns) == len(_COLUMNS) else []
    problems = [
        f"the column {name!r} {'occurs more than once' if name in names else 'is missing'}"
        for name in _COLUMNS
        if name not in columns
    ]
    return list(enumerate(rows, start=1)), problems


def _jsonl_rows(path: Path) -> tuple[list[tuple[int, Any]], list[str]]:
    """Return (line number from 1, value) for each line that is not empty, and an empty list of problems.

    The value is None if the line is not JSON; `_type_fault` then reports it.
    """
    rows: list[tuple[int, Any]] = []
    with open_regular(path) as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                try:
                    rows.append((number, json.loads(line.decode("utf-8"))))
                except (ValueError, RecursionError):
                    rows.append((number, None))
    return rows, []


@dataclass(frozen=True, slots=True, kw_only=True)
class LineageExposure:
    """Contributions of P train persons to the r synthetic rows with parents, and to the c classes of these rows."""

    max_weight: Float  # (r,), weight of the person who contributes most to each row
    effective_parents: Float  # (r,), 1 / (sum over persons of weight²), which is 2 for two persons of equal weight
    persons_of_row: Int  # (r,), number of persons who contribute to each row
    rows_of_person: Int  # (P,), number of rows to which each person contributes
    persons_of_class: Int  # (c,), number of persons who contribute to each class
    max_share_of_class: Float  # (c,), largest share of one person in the total weight of each class
    parentless_rows: int  # number of rows that were made without any record


def weights_by_person(parents: Sequence[int], weights: Sequence[float], train_person: Int) -> dict[int, float]:
    """Return the weight of each person in one row, summed over the person's records; weights of 0 are dropped."""
    weight_of: dict[int, float] = {}
    for parent, weight in zip(parents, weights, strict=True):
        if weight > 0:
            person = int(train_person[parent])
            weight_of[person] = weight_of.get(person, 0.0) + weight
    return weight_of


def lineage_exposure(lineage: Lineage, train_person: Int, synthetic_class: Int) -> LineageExposure:
    """Return how much each person contributes to rows and classes, from a valid lineage.

    `train_person` (n_train,) has the person of each train row, numbered from 0. `synthetic_class` (m,) has the class
    of each of the m synthetic rows.
    """
    mixed = [weights_by_person(p, w, train_person) for p, w in zip(lineage.parents, lineage.weights, strict=True)]
    rows_with_parents = [i for i, weight_of in enumerate(mixed) if weight_of]
    n_persons = int(train_person.max()) + 1
    # for each contribution of a person to a row: the position of the row in `rows_with_parents`, person and weight
    position = np.repeat(np.arange(len(rows_with_parents)), [len(mixed[i]) for i in rows_with_parents])
    person = np.array([p for i in rows_with_parents for p in mixed[i]], dtype=np.int64)
    weight = np.array([w for i in rows_with_parents for w in mixed[i].values()], dtype=np.float64)
    heaviest = np.zeros(len(rows_with_parents))
    np.maximum.at(heaviest, position, weight)
    classes, class_of_row = np.unique(synthetic_class[rows_with_parents], return_inverse=True)
    weight_of_person = np.zeros((len(classes), n_persons))
    np.add.at(weight_of_person, (class_of_row[position], person), weight)
    return LineageExposure(
        max_weight=heaviest,
        effective_parents=1 / np.bincount(position, weights=weight**2, minlength=len(rows_with_parents)),
        persons_of_row=np.bincount(position, minlength=len(rows_with_parents)),
        rows_of_person=np.bincount(person, minlength=n_persons),
        persons_of_class=(weight_of_person > 0).sum(axis=1),
        max_share_of_class=weight_of_person.max(axis=1) / weight_of_person.sum(axis=1),
        parentless_rows=len(mixed) - len(rows_with_parents),
    )
