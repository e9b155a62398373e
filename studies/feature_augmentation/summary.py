"""Summarise the results of a study: means with intervals, and differences of each method to the baselines.

n is the number of train records of each minority class. A cell is the result of one method at one n on one fold.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from studies.corrected_t import FoldMean, corrected_t, holm_where_made
from studies.feature_augmentation.cells import MEASURES, Cell, Cells, FoldKey, by_place, ok, places_along

NONE, RANDOM = "none", "random-oversample"
BASELINES = {NONE: "none", RANDOM: "random"}  # key: method; value: the part of column names that stands for it
HEAD_TO_HEAD = ("smote", "vae")
HIGHER, LOWER, NO_DIFFERENCE, NOT_MEASURABLE = "higher", "lower", "no difference shown", "not measurable"


def summarise(cells: pa.Table) -> pa.Table:
    """Return a row per dataset, measure, n and method: mean, interval, and paired tests against the two baselines.

    Columns: dataset, measure, n, method, folds_ok, folds_refused, mean, low, high; then diff_*, diff_*_low,
    diff_*_high, p_* and p_*_holm, where * is `none` (no augmentation) or `random` (random oversampling). Differences
    are method minus baseline over the folds in which both have results. Holm's correction is over the methods of a
    dataset, measure and n. A value is null if it cannot be computed: for the baseline itself, if method and baseline
    have no fold in common, and for intervals and p-values with one fold or without variance.

    Args:
        cells: the raw results, one row per dataset, repeat, fold, n and method.

    Raises:
        DataError: if the cells are incomplete; see `by_place`.
    """
    places = by_place(cells)
    rows: list[dict[str, Any]] = []
    for dataset in places_along(places, 0):
        for measure in MEASURES:
            for n in places_along(places, 1, dataset):
                rows += _rows_at(places, dataset, measure, n)
    return pa.Table.from_pylist(rows, schema=_SUMMARY)


def over_n(cells: pa.Table) -> pa.Table:
    """Return, for each dataset and measure, the difference of each method to a baseline, averaged over n.

    Columns: dataset, measure, method, versus, n_used, n_left_out, folds, diff, low, high, p, p_holm, verdict.
    The paired differences of each fold are averaged over n. Their mean over the folds is tested. Only the n at which
    both methods have a result in every fold are used; `n_left_out` lists the others. Holm's correction is over the
    methods of a dataset, measure and baseline; the comparison of SMOTE with VAE is not corrected. The verdict is
    `higher` or `lower` if the interval (not corrected for the number of methods) is above or below zero,
    `no difference shown` if it contains zero, and `not measurable` if there is no interval.

    Raises:
        DataError: if the cells are incomplete; see `by_place`.
    """
    places = by_place(cells)
    rows: list[dict[str, Any]] = []
    for dataset in places_along(places, 0):
        methods = places_along(places, 2, dataset)
        for measure in MEASURES:
            for baseline in (b for b in BASELINES if b in methods):
                rows += _rows_over_n(places, dataset, measure, baseline, [m for m in methods if m != baseline])
            if set(HEAD_TO_HEAD) <= set(methods):
                rows += _rows_over_n(places, dataset, measure, HEAD_TO_HEAD[1], HEAD_TO_HEAD[:1])
    return pa.Table.from_pylist(rows, schema=_OVER_N)


def difference_verdict(low: float | None, high: float | None) -> str:
    """Return the verdict on a difference whose interval is from `low` to `high`, or None if it has no interval."""
    if low is None or high is None:
        return NOT_MEASURABLE
    if low > 0:
        return HIGHER
    return LOWER if high < 0 else NO_DIFFERENCE


def _rows_at(places: Cells, dataset: str, measure: str, n: int) -> list[dict[str, Any]]:
    methods = [m for m in places_along(places, 2, dataset) if (dataset, n, m) in places]
    rows = []
    for method in methods:
        good = ok(places, (dataset, n, method))
        own = corrected_t(_values(good, measure), _test_to_train(list(good.values())))
        refused = len(places[dataset, n, method]) - len(good)
        place = {"dataset": dataset, "measure": measure, "n": n, "method": method}
        counts = {"folds_ok": own.folds, "folds_refused": refused}
        rows.append({**place, **counts, "mean": own.mean, "low": own.low, "high": own.high})
    for baseline, name in BASELINES.items():
        found = [_difference(places, dataset, measure, [n], (m, baseline)) for m in methods]
        adjusted = holm_where_made([d.p for d in found])
        for row, d, p_holm in zip(rows, found, adjusted, strict=True):
            row |= {f"diff_{name}": d.mean, f"diff_{name}_low": d.low, f"diff_{name}_high": d.high}
            row |= {f"p_{name}": d.p, f"p_{name}_holm": p_holm}
    return rows


def _rows_over_n(
    places: Cells, dataset: str, measure: str, baseline: str, methods: Sequence[str]
) -> list[dict[str, Any]]:
    all_n = places_along(places, 1, dataset)
    folds = {fold for place, at in places.items() if place[0] == dataset for fold in at}
    rows = []
    for method in methods:
        used = [n for n in all_n if all(ok(places, (dataset, n, m)).keys() == folds for m in (method, baseline))]
        d = _difference(places, dataset, measure, used, (method, baseline))
        row: dict[str, Any] = {"dataset": dataset, "measure": measure, "method": method, "versus": baseline}
        row |= {"n_used": used, "n_left_out": [n for n in all_n if n not in used], "folds": d.folds}
        row |= {"diff": d.mean, "low": d.low, "high": d.high, "p": d.p, "verdict": difference_verdict(d.low, d.high)}
        rows.append(row)
    for row, p_holm in zip(rows, holm_where_made([row["p"] for row in rows]), strict=True):
        row["p_holm"] = p_holm
    return rows


def _difference(places: Cells, dataset: str, measure: str, all_n: Sequence[int], pair: tuple[str, str]) -> FoldMean:
    """Return the mean over folds of the first method minus the second, averaged over n within each fold.

    Only the folds in which both methods have a result at every n of `all_n` are used.
    """
    first, second = ([ok(places, (dataset, n, m)) for n in all_n] for m in pair)
    if not all_n or pair[0] == pair[1]:
        return FoldMean(folds=0, mean=None, low=None, high=None, p=None)
    both = sorted(set.intersection(*(set(at) for at in (*first, *second))))
    one, other = (
        np.array([[at[fold][measure] for at in side] for fold in both], dtype=np.float64).reshape(-1, len(all_n))
        for side in (first, second)
    )
    return corrected_t((one - other).mean(axis=1), _test_to_train([at[fold] for at in first for fold in both]))


def _values(good: dict[FoldKey, Cell], measure: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.array([good[fold][measure] for fold in sorted(good)], dtype=np.float64)


def _test_to_train(cells: Sequence[Cell]) -> float:
    return float(np.mean([c["n_test"] / c["n_train"] for c in cells])) if cells else 0.0


_F, _I, _S = pa.float64(), pa.int64(), pa.string()
_SUMMARY = pa.schema(
    [
        *(("dataset", _S), ("measure", _S), ("n", _I), ("method", _S), ("folds_ok", _I), ("folds_refused", _I)),
        *(("mean", _F), ("low", _F), ("high", _F)),
        *(
            (column.format(name), _F)
            for name in BASELINES.values()
            for column in ("diff_{}", "diff_{}_low", "diff_{}_high", "p_{}", "p_{}_holm")
        ),
    ]
)
_OVER_N = pa.schema(
    [
        *(("dataset", _S), ("measure", _S), ("method", _S), ("versus", _S)),
        *(("n_used", pa.list_(_I)), ("n_left_out", pa.list_(_I)), ("folds", _I)),
        *(("diff", _F), ("low", _F), ("high", _F), ("p", _F), ("p_holm", _F), ("verdict", _S)),
    ]
)
