import json
from dataclasses import replace

import numpy as np
import pytest

from synthgen.core.errors import DataError, InternalError
from synthgen.core.seeds import SeedTree
from synthgen.core.types import Corpus, Record
from synthgen.evaluate import Tables, evaluate, tv_distance

WORDS = {"ant": "colony queen forager tunnel", "bee": "hive drone nectar comb", "cow": "herd dairy heifer stall"}
OTHER = "the a of in and with was by some near far old new wet long".split()  # noqa: SIM905 - words
SEEDS = SeedTree(3).child("evaluate")


def corpus(role, persons, seed, *, noise=0.0, wrong=0.0):
    """Return two records per person and vectors; `noise` affects both, and a share `wrong` gets a random label."""
    rng = np.random.default_rng(seed)
    records, vectors = [], []
    for label, n in persons.items():
        for person in range(n):
            for note in range(2):
                given = label if rng.random() >= wrong else str(rng.choice(sorted(WORDS)))
                own = WORDS[label].split() if rng.random() >= noise else OTHER
                text = " ".join([*rng.choice(own, 3), *rng.choice(OTHER, 5)])
                group = f"{role}-{label}{person}"
                records.append(Record(id=f"{group}-{note}", text=text, label=given, group=group))
                vectors.append(np.eye(3, 5)[sorted(WORDS).index(label)] + rng.normal(scale=0.3 + noise, size=5))
    return Corpus(role=role, records=tuple(records), has_groups=True), np.array(vectors, dtype=np.float32)


def tables(*, noise=0.0, wrong=0.0, synthetic=None):
    made = {
        "synthetic": corpus("synthetic", synthetic or {"ant": 30, "bee": 30, "cow": 30}, 1, noise=noise, wrong=wrong),
        "train": corpus("train", {"ant": 22, "bee": 16, "cow": 25}, 2),
        "test": corpus("control", {"ant": 20, "bee": 14, "cow": 23}, 4, noise=0.1),
    }
    return Tables(**{k: v[0] for k, v in made.items()}, vectors={k: v[1] for k, v in made.items()})


def test_records_like_train_have_a_ratio_near_one():
    found = evaluate(tables(), SEEDS, requested={"ant": 1, "bee": 1, "cow": 1})
    assert set(found.reasons) <= {"style.gap"}  # the texts are too short for it
    e = found.metrics["utility.tstr_over_trtr"]
    assert 0.9 < e.low <= e.value <= e.high < 1.15
    assert e.n == 57
    assert found.metrics["utility.worst_class_ratio"].n == 14
    assert found.metrics["balance.tv_distance"].value == 0
    results = json.loads(json.dumps(found.results, allow_nan=False))
    assert sorted(results["classifiers"]) == ["encoder-logistic", "tfidf-linear"]
    for arms in results["classifiers"].values():
        assert sorted(arms) == ["real", "real+synthetic", "synthetic"]
        for arm in arms.values():
            assert set(arm) == {"accuracy", "macro_f1", "weighted_f1", "per_class"}
            assert list(arm["per_class"]) == ["ant", "bee", "cow"]
            assert arm["accuracy"]["low"] <= arm["accuracy"]["value"] <= arm["accuracy"]["high"] <= 1
    assert results["records"] == {"real": 126, "synthetic": 180, "real+synthetic": 306, "test": 114}


def test_accuracy_of_subgroups_has_an_interval_over_their_persons():
    given = tables()
    aged = [replace(r, text=f"{r.text}. A 70 year old woman.") for r in given.test.records]
    test = Corpus(role="control", records=tuple(aged), has_groups=True)
    found = evaluate(replace(given, test=test), SEEDS).results
    for attribute, value in (("sex", "female"), ("age_band", "older adult")):
        for classifier, arms in found["classifiers"].items():
            accuracy = found["subgroups"][attribute][value][classifier]["synthetic"]
            assert accuracy == arms["synthetic"]["accuracy"]  # every person is in the subgroup
            assert accuracy["n"] == 57
    assert evaluate(given, SEEDS).results["subgroups"] == {"sex": {}, "age_band": {}}


def test_useless_records_have_a_low_ratio():
    found = evaluate(tables(wrong=1.0), SEEDS)
    assert found.metrics["utility.tstr_over_trtr"].high < 0.8
    assert found.metrics["utility.worst_class_ratio"].high < 0.8


def test_metric_is_that_of_the_worse_classifier():
    found = evaluate(tables(noise=0.7), SEEDS)
    for name in ("tstr_over_trtr", "worst_class_ratio"):
        lows = [e["low"] for e in found.results["ratios"][name].values()]
        assert len(lows) == 2
        assert found.metrics[f"utility.{name}"].low == min(lows)


def test_missing_class_is_the_worst_class():
    found = evaluate(tables(synthetic={"ant": 30, "cow": 30}), SEEDS, requested={"ant": 20, "bee": 20, "cow": 20})
    assert found.metrics["utility.worst_class_ratio"].value == 0
    assert found.metrics["balance.tv_distance"].value == 1  # a requested class is missing


def rows_of(given, name, rows):
    """Return the tables with these rows of one table."""
    corpus, vectors = getattr(given, name), given.vectors | {name: given.vectors[name][rows]}
    return replace(given, **{name: replace(corpus, records=tuple(corpus.records[i] for i in rows))}, vectors=vectors)


def test_evaluation_does_not_depend_on_the_order_of_records():
    given = moved = tables()
    rng = np.random.default_rng(8)
    for name in ("synthetic", "train", "test"):
        moved = rows_of(moved, name, rng.permutation(len(given.vectors[name])))
    assert evaluate(moved, SEEDS).results == evaluate(given, SEEDS).results


def test_worst_class_is_not_measured_if_a_class_has_no_test_persons():
    given = tables()
    found = evaluate(rows_of(given, "test", [i for i, r in enumerate(given.test.records) if r.label != "bee"]), SEEDS)
    assert "utility.worst_class_ratio" not in found.metrics
    assert "1 classes of train" in found.reasons["utility.worst_class_ratio"]
    assert "utility.tstr_over_trtr" in found.metrics


def test_nothing_is_measured_on_one_class():
    given = tables()
    for name in ("train", "test", "synthetic"):
        rows = [i for i, r in enumerate(getattr(given, name).records) if r.label == "ant"]
        given = rows_of(given, name, rows)
    found = evaluate(given, SEEDS)
    assert not [name for name in found.metrics if name.startswith("utility")]
    assert "have the same class" in found.reasons["utility.tstr_over_trtr"]
    assert "have the same class" in found.reasons["utility.worst_class_ratio"]


def test_all_problems_of_tables_are_listed():
    given = tables()
    new_class = Record(id="s", text="x", label="zebra", group=given.train.records[0].group)
    test = replace(given.test, records=(*given.test.records, new_class))
    empty = replace(given.synthetic, records=())
    vectors = given.vectors | {"test": np.ones((115, 5)), "synthetic": np.ones((0, 5))}
    with pytest.raises(DataError, match="cannot be measured") as refused:
        evaluate(Tables(synthetic=empty, train=given.train, test=test, vectors=vectors), SEEDS)
    problems = (
        "the synthetic table has no records",
        "the test table has 1 classes that the train table does not have",
        "the test and train tables have 1 person in common",
    )
    assert refused.value.problems == problems
    with pytest.raises(InternalError, match="the synthetic table has 180 records but 0 vectors"):
        evaluate(replace(given, vectors=vectors), SEEDS)


def test_tv_distance_worked_examples():
    for counts, requested, distance in [
        ({"a": 5, "b": 3, "c": 2}, {"a": 1, "b": 1, "c": 2}, 0.3),  # (.25 + .05 + .3) / 2
        ({"a": 1}, {"b": 4}, 1),
        ({"a": 26, "b": 30}, {"a": 30, "b": 30}, 4 / 60),  # 4 records of one class are missing
        ({"a": 28, "b": 28}, {"a": 30, "b": 30}, 4 / 60),
        (dict.fromkeys("abc", 1), dict.fromkeys("abcd", 1), 1),  # no record of one class
        ({"a": 66, "b": 350}, {"a": 70, "b": 350}, 4 / 420),
    ]:
        labels = [label for label, n in counts.items() for _ in range(n)]
        assert tv_distance(labels, requested, 0.95).value == pytest.approx(distance)
    with pytest.raises(DataError, match="at least one"):
        tv_distance([], {"a": 1}, 0.95)
