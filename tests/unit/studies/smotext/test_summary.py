import math

import pyarrow as pa
import pytest
from scipy import stats

from studies.corrected_t import FoldMean
from studies.smotext.summary import (
    GAIN,
    MISSED,
    NOT_MEASURABLE,
    NOT_SHOWN,
    OVER_ALONE,
    OVER_WITH,
    RATIO,
    REACHED,
    goal_verdict,
    goals,
    over_seeds,
)
from studies.smotext.trial import MEASURE
from synthgen.core.errors import DataError


def row(seed, variant, arm, value, *, n=20, by="tfidf-linear", measure="accuracy", hits=None, tested=None):
    place = {"dataset": "d", "seed": seed, "variant": variant, "n": n, "arm": arm, "by": by, "measure": measure}
    return place | {"value": value, "n_real": 10, "n_pool": 30, "hits": hits, "tested": tested}


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
    # s = 0.3/√2, se² = (1/2 + 10/20) s², t of one degree of freedom
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


def by_person(seed, variant, arm, hits, n=20):
    """A row of three test persons with 2, 1 and 3 records."""
    return row(seed, variant, arm, sum(hits) / 6, n=n, hits=list(hits), tested=[2, 1, 3])


def half_width(a, a_freedom, b, b_freedom):
    freedom = (a + b) ** 2 / (a**2 / a_freedom + b**2 / b_freedom)
    return stats.t.ppf(0.975, freedom) * math.sqrt(a + b)


def test_test_persons_widen_the_interval_and_common_errors_do_not():
    real = [by_person(seed, "real", "real", (2, 1 - seed, 1), n=0) for seed in (0, 1)]
    ours = [by_person(seed, "smotext", "real+synthetic", (2, 1 - seed, 2)) for seed in (0, 1)]
    (alone, _) = over_seeds(table(real, ours)).to_pylist()
    # accuracies 4/6 and 3/6; influence at seed 0: (2 − 8/6, 1 − 4/6, 1 − 2)/6, at seed 1: (1, −1/2, −1/2)/6
    u = [(2 / 3 + 1) / 12, (1 / 3 - 1 / 2) / 12, (-1 - 1 / 2) / 12]
    half = half_width((1 / 2 + 10 / 20) * (1 / 6) ** 2 / 2, 1, 3 / 2 * sum(v * v for v in u), 2)
    assert alone["high"] - alone["mean"] == pytest.approx(half)
    found = {r["goal"]: r for r in goals(table(real, ours)).to_pylist() if r["by"] == "tfidf-linear"}
    # one record more of the third person at either seed: the difference is 1/6 for both, u = (−2, −1, 3)/36
    assert found[GAIN]["mean"] == pytest.approx(1 / 6)
    u = [-2 / 36, -1 / 36, 3 / 36]
    half = stats.t.ppf(0.975, 2) * math.sqrt(3 / 2 * sum(v * v for v in u))
    assert found[GAIN]["high"] - found[GAIN]["mean"] == pytest.approx(half, rel=1e-6)


def test_the_interval_of_a_ratio_follows_the_weight_of_each_test_person():
    real = [by_person(seed, "real", "real", (2, 1, 1), n=0) for seed in (0, 1)]
    ours = [by_person(seed, "smotext", "synthetic", (1, 1, 3)) for seed in (0, 1)]
    rows = goals(table(real, ours)).to_pylist()
    (found,) = (r for r in rows if (r["by"], r["goal"]) == ("tfidf-linear", RATIO))
    step = 1e-6
    moved = [((5 + step * mine) / (4 + step * theirs) - 5 / 4) / step for theirs, mine in ((2, 1), (1, 1), (1, 3))]
    half = stats.t.ppf(0.975, 2) * math.sqrt(3 / 2 * sum(v * v for v in moved))
    assert (found["mean"], found["high"] - found["mean"]) == (pytest.approx(1.25), pytest.approx(half, rel=1e-4))


def test_only_seeds_with_both_are_compared_and_a_real_accuracy_of_zero_is_skipped():
    nothing = [row(0, "real", "real", 0.0, n=0), row(1, "real", "real", 0.5, n=0)]
    found = {r["goal"]: r for r in goals(table(nothing, OURS)).to_pylist()}
    assert (found[RATIO]["seeds"], found[RATIO]["mean"], found[RATIO]["verdict"]) == (1, 1.0, NOT_MEASURABLE)
    assert GAIN not in found


VERDICTS = {
    REACHED: [(RATIO, 1.0, 1.1), (GAIN, 0.02, 0.03), (OVER_ALONE, 0.001, 0.1)],
    NOT_SHOWN: [(RATIO, 0.99, 1.1), (GAIN, 0.01, 0.02), (OVER_ALONE, 0.0, 0.1)],
    MISSED: [(RATIO, 0.9, 0.99), (GAIN, 0.0, 0.019), (OVER_WITH, -0.2, -0.1)],
    NOT_MEASURABLE: [(OVER_WITH, None, None)],
}


@pytest.mark.parametrize(("verdict", "case"), [(verdict, case) for verdict, of in VERDICTS.items() for case in of])
def test_a_goal_is_reached_only_if_the_whole_interval_reaches_it(verdict, case):
    goal, low, high = case
    assert goal_verdict(goal, FoldMean(folds=5, mean=1.0, low=low, high=high, p=None)) == verdict


def test_a_measure_that_occurs_twice_is_refused():
    with pytest.raises(DataError, match="2 measures of the study occur twice"):
        over_seeds(table(REAL, REAL))
