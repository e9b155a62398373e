"""Summarise the trials of the SMOTExT study: means over draws, and whether its goals are reached.

A draw is a random choice of train records, numbered by `seed`. `arm` names the records on which a classifier is
trained: real, synthetic or both. `by` names the classifier, or the similarity that an attack uses.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from studies.corrected_t import FoldMean
from studies.crossed_t import Float64, crossed_t
from studies.smotext.protocol import LABEL_ONLY, REAL
from synthgen.core.errors import DataError

HEADS = {"encoder-logistic": "encoder head", "tfidf-linear": "TF-IDF"}
RATIO, GAIN, OVER_ALONE, OVER_WITH = (
    "synthetic / real",
    "real + synthetic − real",
    "synthetic − label-only",
    "real + synthetic − (real + label-only)",
)
# the smallest value that reaches each goal; for the last two goals, the value must be above zero
GOALS = {RATIO: 1.0, GAIN: 0.02, OVER_ALONE: 0.0, OVER_WITH: 0.0}
REACHED, MISSED, NOT_SHOWN, NOT_MEASURABLE = "reached", "missed", "not shown", "not measurable"
VERDICTS = (REACHED, NOT_SHOWN, MISSED, NOT_MEASURABLE)
# for each goal: the arm of the variant, and the arm to compare with (REAL: real records alone, otherwise label-only)
_COMPARED = {
    RATIO: ("synthetic", REAL),
    GAIN: ("real+synthetic", REAL),
    OVER_ALONE: ("synthetic", "synthetic"),
    OVER_WITH: ("real+synthetic", "real+synthetic"),
}
_KEY = ("dataset", "variant", "arm", "by", "n", "measure")

Key = tuple[str, str, str, str, int, str]


@dataclass(frozen=True, slots=True, eq=False)
class Value:
    """One value of a measure in one draw."""

    value: float
    # (C,) contribution of each of C test persons minus the average contribution; empty if no test records are used
    influence: Float64


BySeed = Mapping[int, Value]


def by_key(measures: pa.Table) -> Mapping[Key, BySeed]:
    """Return the values by key (dataset, variant, arm, by, n, measure) and then by seed.

    Raises:
        DataError: if a value occurs twice.
    """
    found: dict[Key, dict[int, Value]] = defaultdict(dict)
    twice = 0
    for row in measures.to_pylist():
        at = found[tuple(row[name] for name in _KEY)]
        twice += row["seed"] in at
        at[row["seed"]] = Value(row["value"], _influence(row))
    if twice:
        raise DataError(f"{twice} measures of the study occur twice", hint="Run the study again.")
    return dict(found)


def _influence(row: Mapping[str, Any]) -> Float64:
    """Return (hits_c − tested_c · accuracy) / n for each test person c, where n is the number of test records."""
    if row["hits"] is None:
        return np.empty(0)
    hits, tested = (np.array(row[name], dtype=np.float64) for name in ("hits", "tested"))
    influence: Float64 = (hits - tested * row["value"]) / tested.sum()
    return influence


def over_seeds(measures: pa.Table) -> pa.Table:
    """Return the mean over draws and the interval of every measure.

    Columns: dataset, variant, arm, by, n, measure, seeds (number of draws), mean, low, high. The interval from low to
    high is that of `crossed_t`, and null if there is one draw or no variance.

    Raises:
        DataError: see `by_key`.
    """
    ratio = _train_to_rest(measures)
    rows = []
    for key, at in by_key(measures).items():
        result = _over(np.array([v.value for v in at.values()]), ratio[key[0]], [v.influence for v in at.values()])
        place = dict(zip(_KEY, key, strict=True))
        rows.append({**place, "seeds": result.folds, "mean": result.mean, "low": result.low, "high": result.high})
    return pa.Table.from_pylist(rows, schema=_SUMMARY)


def goals(measures: pa.Table) -> pa.Table:
    """Return whether each of `GOALS` is reached, for each variant and classifier with all synthetic records.

    Differences and the ratio are paired: both values have the same draw of real records and the same test records.
    Columns: dataset, variant, by, goal, wanted (the smallest value that reaches the goal), seeds (number of draws),
    mean, low, high, verdict.

    Raises:
        DataError: see `by_key`.
    """
    values, ratio = by_key(measures), _train_to_rest(measures)
    most = {key[0]: max(k[4] for k in values if k[0] == key[0]) for key in values}
    rows = []
    for dataset in dict.fromkeys(key[0] for key in values):
        variants = dict.fromkeys(k[1] for k in values if k[0] == dataset and k[1] != REAL)
        for variant in variants:
            for head in HEADS:
                for goal, (arm, against) in _COMPARED.items():
                    other, n = (REAL, 0) if against == REAL else (LABEL_ONLY, most[dataset])
                    pair = (variant, arm, most[dataset]), (other, against, n)
                    one, two = (values.get((dataset, v, a, head, m, "accuracy"), {}) for v, a, m in pair)
                    result = _paired(goal, one, two if variant != other else {}, ratio[dataset])
                    place = {"dataset": dataset, "variant": variant, "by": head, "goal": goal, "wanted": GOALS[goal]}
                    shown = {"seeds": result.folds, "mean": result.mean, "low": result.low, "high": result.high}
                    if result.folds > 0:
                        rows.append({**place, **shown, "verdict": goal_verdict(goal, result)})
    return pa.Table.from_pylist(rows, schema=_GOALS)


def goal_verdict(goal: str, result: FoldMean) -> str:
    """Return the verdict: reached or missed if the whole interval is above or below the goal, otherwise not shown.

    For `RATIO` and `GAIN`, an interval that begins exactly at the goal also counts as reached. Without an interval,
    the goal is not measurable.
    """
    if result.low is None or result.high is None:
        return NOT_MEASURABLE
    wanted = GOALS[goal]
    if result.low > wanted or (result.low == wanted and wanted > 0):
        return REACHED
    return MISSED if result.high < wanted else NOT_SHOWN


def _paired(goal: str, one: BySeed, other: BySeed, ratio: float) -> FoldMean:
    """Return the mean of x − y, or for `RATIO` of r = x / y, over the draws in which both values exist.

    x is a value in `one`, and y is the value of the same draw in `other`. Their influences u_x and u_y give the
    influence of the difference, u_x − u_y, and to first order the influence of the ratio, (u_x − r · u_y) / y.
    """
    both = sorted(set(one) & set(other))
    if goal != RATIO:
        apart = [one[seed].value - other[seed].value for seed in both]
        return _over(np.array(apart), ratio, [one[seed].influence - other[seed].influence for seed in both])
    both = [seed for seed in both if other[seed].value > 0]
    shares = [one[seed].value / other[seed].value for seed in both]
    influence = [
        (one[seed].influence - share * other[seed].influence) / other[seed].value
        for seed, share in zip(both, shares, strict=True)
    ]
    return _over(np.array(shares), ratio, influence)


def _over(values: Float64, ratio: float, influence: Sequence[Float64]) -> FoldMean:
    return crossed_t(values, ratio, np.mean(influence, axis=0) if influence else np.empty(0))


def _train_to_rest(measures: pa.Table) -> dict[str, float]:
    """Return for each dataset n_real / (n_pool − n_real): train records divided by the other records of the pool."""
    rows = measures.select(["dataset", "n_real", "n_pool"]).to_pylist()
    return {row["dataset"]: row["n_real"] / (row["n_pool"] - row["n_real"]) for row in rows}


_F, _I, _S = pa.float64(), pa.int64(), pa.string()
_INTERVAL = [("seeds", _I), ("mean", _F), ("low", _F), ("high", _F)]
_SUMMARY = pa.schema(
    [*(("dataset", _S), ("variant", _S), ("arm", _S), ("by", _S), ("n", _I), ("measure", _S)), *_INTERVAL]
)
_GOALS = pa.schema(
    [*(("dataset", _S), ("variant", _S), ("by", _S), ("goal", _S), ("wanted", _F)), *_INTERVAL, ("verdict", _S)]
)
