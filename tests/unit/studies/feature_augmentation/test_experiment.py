import math
from dataclasses import replace

import numpy as np
import pytest

from studies.feature_augmentation import experiment as study
from studies.feature_augmentation.experiment import (
    CELL,
    METHODS,
    Protocol,
    balance,
    plan_experiment,
    rows_of,
    run_fold,
)
from synthgen.core.errors import DataError
from synthgen.core.seeds import SeedTree
from synthgen.core.types import Embedded
from synthgen.interpolate import METHODS as INTERPOLATORS
from synthgen.interpolate import InterpolateConfig

PROTOCOL = Protocol(folds=4, repeats=2, seed=5, smallest=8, largest=32)
FOUND = {
    8: dict.fromkeys(METHODS, 0.965)
    | dict.fromkeys(("borderline-smote", "borderline-smote-2", "vae"), 0.982)
    | {"logistic": 0.912, "logistic-weighted": 0.947},
    16: {name: 0.947 if name.startswith("logistic") else 0.982 for name in METHODS},
}
TIMES = {"seconds", "fit_seconds"}


def clouds(sizes=(90, 75, 80), d=7, seed=0, spread=0.35):
    """Return unit vectors around one corner for each class."""
    rng = np.random.Generator(np.random.Philox(seed))
    y = np.repeat(np.arange(len(sizes)), sizes)
    x = np.eye(d)[y] + spread * rng.normal(size=(len(y), d))
    x = (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32)
    order = rng.permutation(len(y))
    ids, groups = (tuple(f"{kind}{i}" for i in range(len(y))) for kind in "rg")
    labels = tuple(f"class {c}" for c in y[order])
    return Embedded(vectors=x[order], ids=ids, labels=labels, groups=groups, encoder="corners", normalized=True)


@pytest.fixture(scope="module")
def experiment():
    return plan_experiment("corners", clouds(), PROTOCOL)


@pytest.fixture(scope="module")
def cells(experiment):
    return run_fold(experiment, 1, 2)


def without_times(table):
    return table.drop_columns(sorted(TIMES)).to_pylist()


def test_the_plan_finds_the_largest_class_size(experiment):
    assert experiment.largest == 32  # 75 records, half of them in train
    assert experiment.sizes == (8, 16)
    assert plan_experiment("corners", clouds(), replace(PROTOCOL, largest=16)).sizes == (8,)
    with pytest.raises(DataError, match="corners: too few records"):
        plan_experiment("corners", clouds((90, 75, 20)), PROTOCOL)


def test_every_method_of_the_configuration_is_used():
    recipes = [recipe.interpolate for recipe in METHODS.values() if recipe.interpolate is not None]
    assert {InterpolateConfig(**recipe, total=1).method for recipe in recipes} == set(INTERPOLATORS)


def test_a_fold_has_one_cell_for_each_n_and_method(cells):
    assert cells.schema == CELL
    rows = cells.to_pylist()
    assert [(r["n"], r["method"]) for r in rows] == [(n, m) for n in (8, 16) for m in METHODS]
    assert {(r["dataset"], r["repeat"], r["fold"]) for r in rows} == {("corners", 1, 2)}
    for r in rows:
        assert r["n_test"] in {3 * 18, 3 * 19}  # of each class, a quarter of the size of the smallest class
        assert r["n_train"] == 2 * 32 + r["n"]
        assert all(r[name] >= 0 for name in TIMES)
        assert r["status"] == ("refused" if r["reason"] else "ok")
        if r["status"] == "ok":
            assert all(0 <= r[m] <= 1 for m in ("accuracy", "macro_f1", "minority_recall"))
        else:
            assert math.isnan(r["accuracy"])
    accuracy = {(r["n"], r["method"]): r["accuracy"] for r in rows}
    assert accuracy[16, "smote"] > 0.8


def test_accuracies_change_only_with_the_version_of_the_folds(cells):
    """The key of a fold does not depend on the code, so a change of the results requires a new FOLDS_VERSION."""
    for n, found in FOUND.items():
        accuracy = {r["method"]: r["accuracy"] for r in cells.to_pylist() if r["n"] == n and r["status"] == "ok"}
        assert accuracy == pytest.approx(found, abs=0.001), "raise feature_augmentation.experiment.FOLDS_VERSION"


def test_a_fold_is_the_same_each_time_and_another_fold_is_not(experiment, cells, monkeypatch):
    few = {name: METHODS[name] for name in ("smote", "class-weighted", "logistic")}
    monkeypatch.setattr(study, "METHODS", few)
    again = without_times(run_fold(experiment, 1, 2))
    # the cell of a method does not depend on the other methods
    assert again == [row for row in without_times(cells) if row["method"] in few]
    other = without_times(run_fold(experiment, 0, 2))
    assert [r["accuracy"] for r in other] != [r["accuracy"] for r in again]


def test_a_refusal_is_a_cell_with_its_reason(monkeypatch):
    one_person = clouds()
    one_person = replace(one_person, groups=tuple(f"p{i % 12}" for i in range(len(one_person.ids))))
    experiment = plan_experiment("few persons", one_person, replace(PROTOCOL, folds=3, largest=16))
    monkeypatch.setattr(study, "METHODS", {name: METHODS[name] for name in ("none", "smote")})
    none, smote = run_fold(experiment, 0, 0).to_pylist()  # SMOTE needs six persons, a train part has four
    assert (none["status"], smote["status"]) == ("ok", "refused")
    assert "persons" in smote["reason"]
    assert math.isnan(smote["minority_recall"])
    assert smote["n_test"] == none["n_test"]


def test_augmentation_uses_only_train_rows(experiment):
    """Other vectors in validation and test change neither the synthetic points nor their classes."""
    parts = experiment.folds(0)(1)
    rows = parts.train_rows(8, 32)
    held_out = np.concatenate([parts.validation, parts.test])
    changed = experiment.x.vectors.copy()
    changed[held_out] = -changed[held_out]
    other = plan_experiment("corners", replace(experiment.x, vectors=changed), PROTOCOL)
    assert (other.folds(0)(1).train_rows(8, 32) == rows).all()
    made = [
        balance(rows_of(e.x, rows), dict.fromkeys(parts.minority, 24), {"method": "smote"}, SeedTree(1))
        for e in (experiment, other)
    ]
    assert (made[0].vectors == made[1].vectors).all()
    assert set(made[0].labels) == set(parts.minority)


def test_classifiers_get_the_rows_weights_and_streams_of_the_protocol(experiment, monkeypatch):
    given = []

    def note(train, validation, test, n_classes, rng, *, weighted):
        given.append((train, validation, test, weighted, str(rng)))
        return np.zeros(len(test), dtype=np.int64)

    monkeypatch.setattr(study, "mlp", note)
    monkeypatch.setattr(study, "METHODS", {name: METHODS[name] for name in ("none", "smote", "class-weighted")})
    run_fold(experiment, 0, 0)
    (none, smote, weighted), later = given[:3], given[3:]
    assert np.bincount(none[0].y).tolist() == [8, 32, 32]
    assert np.bincount(smote[0].y).tolist() == [32, 32, 32]
    assert (smote[0].x[:72] == none[0].x).all()  # the real rows come first and are the same
    assert np.square(none[0].x).mean() == pytest.approx(1, rel=1e-3)
    assert weighted[3] is True
    assert (weighted[0].x == none[0].x).all()
    assert none[4] == smote[4] == weighted[4]  # the same stream, so the same first weights
    assert none[4] != later[0][4]
    assert (later[0][2] == none[2]).all()  # every n is tested on the same rows
    rows = {row.tobytes() for row in none[0].x}
    assert rows <= {row.tobytes() for row in later[0][0].x}  # n = 8 is part of n = 16


def test_measures_by_hand(experiment, monkeypatch):
    """Every row is predicted as class 0, the minority of repeat 0, fold 0; one third is right."""
    monkeypatch.setattr(study, "mlp", lambda train, validation, test, *_, **__: np.zeros(len(test), dtype=np.int64))
    monkeypatch.setattr(study, "METHODS", {"none": METHODS["none"]})
    cell = run_fold(experiment, 0, 0).to_pylist()[0]
    assert cell["accuracy"] == pytest.approx(1 / 3)
    assert cell["macro_f1"] == pytest.approx((2 * 1 / (1 + 3)) / 3)
    assert cell["minority_recall"] == 1
    assert run_fold(experiment, 0, 1).to_pylist()[0]["minority_recall"] == 0  # the minority of fold 1 is class 1


def test_the_key_changes_with_everything_that_determines_the_numbers(experiment):
    x = experiment.x
    vectors = x.vectors.copy()
    vectors[3] = vectors[4]
    changes = [{"dataset": "other"}, {"largest": 16}]
    changes += [{"protocol": replace(PROTOCOL, **change)} for change in ({"seed": 6}, {"folds": 5}, {"smallest": 16})]
    rows = ({name: (*getattr(x, name)[1:], getattr(x, name)[0])} for name in ("labels", "groups"))
    changes += [{"x": replace(x, **change)} for change in ({"vectors": vectors}, *rows)]
    keys = {experiment.key(), *(replace(experiment, **change).key() for change in changes)}
    assert len(keys) == 1 + len(changes) == 9
    more = replace(experiment, protocol=replace(PROTOCOL, repeats=9))
    assert more.key() == experiment.key()  # further repeats extend the same experiment
