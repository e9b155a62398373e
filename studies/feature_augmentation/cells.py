"""Check the raw results of a study, which are called cells: one for each dataset, repeat, fold, n and method.

The repeat and the fold are those of a repeated cross-validation. n is the number of train records of each minority
class.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from synthgen.core.errors import DataError

MEASURES = ("accuracy", "macro_f1", "minority_recall")
_KEY = ("dataset", "repeat", "fold", "n", "method")
_COLUMNS = (*_KEY, "status", "reason", *MEASURES, "n_test", "n_train")

FoldKey = tuple[int, int]  # repeat, fold
Cell = Mapping[str, Any]
Cells = Mapping[tuple[str, int, str], Mapping[FoldKey, Cell]]


def by_place(cells: pa.Table) -> Cells:
    """Return the cells of each (dataset, n, method) by (repeat, fold), in the order of the table.

    Raises:
        DataError: if the table has no cells or lacks columns, if a cell occurs twice, or if a cell with the status
            "ok" lacks a measure.
    """
    missing = [name for name in _COLUMNS if name not in cells.column_names]
    if missing:
        raise DataError("the study's cells lack columns", problems=missing, hint="Run the study again.")
    rows = cells.select(list(_COLUMNS)).to_pylist()
    problems = [f"row {i}: {problem}" for i, row in enumerate(rows) for problem in _problems(row)]
    times = Counter(tuple(row[name] for name in _KEY) for row in rows)
    problems += [f"{n} cells for the same fold, n and method instead of one" for n in times.values() if n > 1]
    if not rows or problems:
        raise DataError(
            "the study's cells cannot be summarised", problems=problems or ["no cells"], hint="Run the study again."
        )
    places: dict[tuple[str, int, str], dict[FoldKey, Cell]] = defaultdict(dict)
    for row in rows:
        places[row["dataset"], row["n"], row["method"]][row["repeat"], row["fold"]] = row
    return dict(places)


def _problems(row: Cell) -> list[str]:
    if row["status"] == "refused":
        return []
    if row["status"] != "ok":
        return ["status is neither ok nor refused"]
    found = [f"{m} is not a number" for m in MEASURES if row[m] is None or not math.isfinite(row[m])]
    found += [f"{name} is not positive" for name in ("n_test", "n_train") if row[name] is None or row[name] <= 0]
    return found


def places_along(cells: Cells, index: int, dataset: str | None = None) -> list[Any]:
    """Return the distinct datasets (index 0), values of n in ascending order (index 1) or methods (index 2).

    If `dataset` is given, only its cells count.
    """
    found = list(dict.fromkeys(place[index] for place in cells if dataset in (None, place[0])))
    return sorted(found) if index == 1 else found


def ok(cells: Cells, place: tuple[str, int, str]) -> dict[FoldKey, Cell]:
    """Return the cells of `place`, a (dataset, n, method), whose status is "ok"."""
    return {fold: cell for fold, cell in cells.get(place, {}).items() if cell["status"] == "ok"}
