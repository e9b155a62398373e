"""What the trials of the SMOTExT study say: means over seeds, and whether its goals are reached."""

from collections import defaultdict
from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from synthgen.errors import DataError
from synthgen.study.corrected_t import FoldMean, corrected_t
from synthgen.study.smotext import LABEL_ONLY, REAL

HEADS = {"encoder-logistic": "encoder head", "tfidf-linear": "TF-IDF"}
RATIO, GAIN, OVER_ALONE, OVER_WITH = (
    "synthetic / real",
    "real + synthetic − real",
    "synthetic − label-only",
    "real + synthetic − (real + label-only)",
)
# the least that is wanted; of the last two, anything above
GOALS = {RATIO: 1.0, GAIN: 0.02, OVER_ALONE: 0.0, OVER_WITH: 0.0}
REACHED, MISSED, NOT_SHOWN, NOT_MEASURABLE = "reached", "missed", "not shown", "not measurable"
VERDICTS = (REACHED, NOT_SHOWN, MISSED, NOT_MEASURABLE)
# the arm of a variant, and the arm of what it is compared with: real records alone, or label-only's same arm
_COMPARED = {
    RATIO: ("synthetic", REAL),
    GAIN: ("real+synthetic", REAL),
    OVER_ALONE: ("synthetic", "synthetic"),
    OVER_WITH: ("real+synthetic", "real+synthetic"),
}
_KEY = ("dataset", "variant", "arm", "by", "n", "measure")

Key = tuple[str, str, str, str, int, str]
Values = Mapping[Key, Mapping[int, float]]  # by seed


def by_key(measures: pa.Table) -> Values:
    """Return the values of each dataset, variant, arm, by, n and measure, by seed.

    Raises:
        DataError: if one stands there twice.
    """
    found: dict[Key, dict[int, float]] = defaultdict(dict)
    twice = 0
    for row in measures.to_pylist():
        at = found[tuple(row[name] for name in _KEY)]
        twice += row["seed"] in at
        at[row["seed"]] = row["value"]
    if twice:
        raise DataError(f"{twice} measures of the study stand twice", hint="Run the study again.")
    return dict(found)


def over_seeds(measures: pa.Table) -> pa.Table:
    """Return mean and interval of every measure.

    Columns: dataset, variant, arm, by, n, measure, seeds, mean, low, high; the interval is that of `corrected_t`,
    null where there is one seed or no spread.

    Raises:
        DataError: see `by_key`.
    """
    ratio = _test_to_train(measures)
    rows = []
    for key, at in by_key(measures).items():
        told = corrected_t(np.array(list(at.values())), ratio[key[0]])
        place = dict(zip(_KEY, key, strict=True))
        rows.append({**place, "seeds": told.folds, "mean": told.mean, "low": told.low, "high": told.high})
    return pa.Table.from_pylist(rows, schema=_SUMMARY)


def goals(measures: pa.Table) -> pa.Table:
    """Return, for each variant and classifier with all synthetic records, how it stands to each of `GOALS`.

    Differences and the ratio are paired: the same seed, the same real records, the same test records. Columns:
    dataset, variant, by, goal, wanted, seeds, mean, low, high, verdict.

    Raises:
        DataError: see `by_key`.
    """
    values, ratio = by_key(measures), _test_to_train(measures)
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
                    told = _paired(goal, one, two if variant != other else {}, ratio[dataset])
                    place = {"dataset": dataset, "variant": variant, "by": head, "goal": goal, "wanted": GOALS[goal]}
                    shown = {"seeds": told.folds, "mean": told.mean, "low": told.low, "high": told.high}
                    if told.folds > 0:
                        rows.append({**place, **shown, "verdict": verdict(goal, told)})
    return pa.Table.from_pylist(rows, schema=_GOALS)


def verdict(goal: str, told: FoldMean) -> str:
    """Return whether a goal is reached: by the whole interval, missed by the whole, or neither is shown."""
    if told.low is None or told.high is None:
        return NOT_MEASURABLE
    wanted = GOALS[goal]
    if told.low > wanted or (told.low == wanted and wanted > 0):
        return REACHED
    return MISSED if told.high < wanted else NOT_SHOWN


def _paired(goal: str, one: Mapping[int, float], other: Mapping[int, float], ratio: float) -> FoldMean:
    both = sorted(set(one) & set(other))
    if goal == RATIO:
        # a classifier that gets nothing right sets no standard
        both = [seed for seed in both if other[seed] > 0]
        return corrected_t(np.array([one[seed] / other[seed] for seed in both]), ratio)
    return corrected_t(np.array([one[seed] - other[seed] for seed in both]), ratio)


def _test_to_train(measures: pa.Table) -> dict[str, float]:
    """Return n_test / n_real of each dataset."""
    rows = measures.select(["dataset", "n_real", "n_test"]).to_pylist()
    return {row["dataset"]: row["n_test"] / row["n_real"] for row in rows}


_F, _I, _S = pa.float64(), pa.int64(), pa.string()
_TOLD = [("seeds", _I), ("mean", _F), ("low", _F), ("high", _F)]
_SUMMARY = pa.schema(
    [
        *(("dataset", _S), ("variant", _S), ("arm", _S), ("by", _S), ("n", _I), ("measure", _S)),
        *_TOLD,
    ]
)
_GOALS = pa.schema(
    [
        *(("dataset", _S), ("variant", _S), ("by", _S), ("goal", _S), ("wanted", _F)),
        *_TOLD,
        ("verdict", _S),
    ]
)
