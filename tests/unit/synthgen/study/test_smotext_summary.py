import math

import pyarrow as pa
import pytest
from scipy import stats

from synthgen.errors import DataError
from synthgen.study.corrected_t import FoldMean
from synthgen.study.smotext_summary import (
    GAIN,
    MISSED,
    NOT_MEASURABLE,
    NOT_SHOWN,
    OVER_ALONE,
    OVER_WITH,
    RATIO,
    REACHED,
    goals,
    over_seeds,
    verdict,
)
from synthgen.study.trial import MEASURE


def row(seed, variant, arm, value, *, n=20, by="tfidf-linear", measure="accuracy"):
    return {
        "dataset": "d", "seed": seed, "variant": variant, "n": n, "arm": arm, "by": by, "measure": measure,
        "value": value, "n_real": 10, "n_test": 5,
    }  # fmt: skip


REAL = [row(s, "real", "real", v, n=0) for s, v in enumerate((0.8, 0.5))]
OURS = [row(s, "smotext", "synthetic", v) for s, v in enumerate((0.6, 0.5))]
WITH = [row(s, "smotext", "real+synthetic", v) for s, v in enumerate((0.9, 0.7))]
LABEL = [row(s, "label-only", arm, 0.4) for s in (0, 1) for arm in ("synthetic", "real+synthetic")]
FEW = [row(s, "smotext", "synthetic", 0.0, n=7) for s in (0, 1)]


def table(*rows):
    return pa.Table.from_pylist([r for part in rows for r in part], schema=MEASURE)


def test_means_by_hand():
    rows = over_seeds(table(REAL, FEW)).to_pylist()
    real, few = rows
    # s = 0.3/√2, se² = (1/2 + 5/10) s², t of one degree of freedom
    half = stats.t.ppf(0.975, 1) * 0.3 / math.sqrt(2)
    assert real["mean"] == pytest.approx(0.65)
    assert real["high"] - real["mean"] == pytest.approx(half)
    assert (few["n"], few["mean"], few["low"], few["seeds"]) == (7, 0.0, None, 2)


def test_goals_by_hand():
    found = {(r["variant"], r["goal"]): r for r in goals(table(REAL, OURS, WITH, LABEL, FEW)).to_pylist()}
    means = {goal: found["smotext", goal]["mean"] for goal in (RATIO, GAIN, OVER_ALONE, OVER_WITH)}
    assert means == pytest.approx({RATIO: (0.75 + 1) / 2, GAIN: 0.15, OVER_ALONE: 0.15, OVER_WITH: 0.4})
    assert found["smotext", RATIO]["wanted"] == 1
    assert found["label-only", GAIN]["mean"] == pytest.approx(-0.25)
    assert set(found) == {("smotext", g) for g in means} | {("label-only", RATIO), ("label-only", GAIN)}


def test_only_seeds_with_both_are_compared_and_a_real_accuracy_of_nothing_sets_no_standard():
    nothing = [row(0, "real", "real", 0.0, n=0), row(1, "real", "real", 0.5, n=0)]
    found = {r["goal"]: r for r in goals(table(nothing, OURS)).to_pylist()}
    assert (found[RATIO]["seeds"], found[RATIO]["mean"], found[RATIO]["verdict"]) == (1, 1.0, NOT_MEASURABLE)
    assert GAIN not in found


@pytest.mark.parametrize(
    ("goal", "low", "high", "said"),
    [
        (RATIO, 1.0, 1.1, REACHED), (RATIO, 0.99, 1.1, NOT_SHOWN), (RATIO, 0.9, 0.99, MISSED),
        (GAIN, 0.02, 0.03, REACHED), (GAIN, 0.0, 0.019, MISSED), (GAIN, 0.01, 0.02, NOT_SHOWN),
        (OVER_ALONE, 0.001, 0.1, REACHED), (OVER_ALONE, 0.0, 0.1, NOT_SHOWN), (OVER_WITH, -0.2, -0.1, MISSED),
        (OVER_WITH, None, None, NOT_MEASURABLE),
    ],
)  # fmt: skip
def test_a_goal_is_reached_by_the_whole_interval_alone(goal, low, high, said):
    assert verdict(goal, FoldMean(folds=5, mean=1.0, low=low, high=high, p=None)) == said


def test_a_measure_that_stands_twice_is_refused():
    with pytest.raises(DataError, match="2 measures of the study stand twice"):
        over_seeds(table(REAL, REAL))
