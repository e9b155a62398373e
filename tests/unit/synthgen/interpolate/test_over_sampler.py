from datetime import date
from decimal import Decimal

import numpy as np
import pytest
from scipy import sparse
from sklearn import config_context
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV

from synthgen.core.errors import ConfigError, DataError
from synthgen.core.seeds import SeedTree
from synthgen.interpolate.base import TrainRows
from synthgen.interpolate.config import METHODS, InterpolateConfig
from synthgen.interpolate.over_sampler import OverSampler, _person_numbers

SIZES = {"ant": 13, "bee": 31, "cow": 19}
DIM = 6
LINEAR = ["adasyn", "borderline-smote", "random-oversample", "smote"]


def rows(sizes=None, *, dtype=np.float64, seed=5):
    """Return unit rows of overlapping classes in random order, and their classes."""
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.repeat(list(sizes or SIZES), list((sizes or SIZES).values())))
    X = rng.normal(size=(len(y), DIM))
    return (X / np.linalg.norm(X, axis=1, keepdims=True)).astype(dtype), y


def sampler(method="smote", **given):
    small = {"vae": {"latent_dim": 2}}.get(method, {})
    return OverSampler(method, **{"random_state": 11, "k_neighbors": 3, **small, **given})


@pytest.mark.parametrize("method", sorted(METHODS))
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_fit_resample_appends_points_made_of_their_class(method, dtype):
    X, y = rows(dtype=dtype)
    before, over = X.copy(), sampler(method)
    points, labels = over.fit_resample(X, y)
    assert over.sampling_strategy_ == {"ant": 18, "cow": 12}
    assert (points.shape, points.dtype, labels.dtype) == ((63 + 30, DIM), dtype, y.dtype)
    np.testing.assert_array_equal(points[:63], before)
    np.testing.assert_array_equal(X, before)
    assert labels.tolist() == [*y, *["ant"] * 18, *["cow"] * 12]
    assert (over.parents_.dtype, over.weights_.dtype) == (np.int64, np.float64)
    assert (over.parents_.shape, len(over.parents_)) == (over.weights_.shape, 30)
    if over.parents_.size:
        np.testing.assert_allclose(over.weights_.sum(axis=1), 1, rtol=1e-12)
        assert over.weights_.min() >= 0
        # this holds except for kind 2 of borderline-smote
        assert (y[over.parents_] == labels[63:, None]).all()


@pytest.mark.parametrize("method", LINEAR)
@pytest.mark.parametrize(("dtype", "error"), [(np.float32, 1e-6), (np.float64, 1e-15)])
def test_points_are_weighted_sums_in_the_precision_of_the_rows(method, dtype, error):
    X, y = rows(dtype=dtype)
    over = sampler(method)
    points = over.fit_resample(X, y)[0][len(X) :]
    expected = (over.weights_[:, :, None] * X[over.parents_]).sum(axis=1)
    assert np.abs(points - expected).max() <= error


@pytest.mark.parametrize("method", sorted(METHODS))
def test_points_are_those_of_the_method(method):
    X, y = rows(dtype=np.float32)
    over = sampler(method)
    points = over.fit_resample(X, y)[0][len(X) :]
    classes, codes = np.unique(y, return_inverse=True)
    options = {"latent_dim": 2} if method == "vae" else {}
    config = InterpolateConfig(method=method, k_neighbors=3, total=1, **options)
    fitted = config.build().fit_rows(TrainRows(vectors=X, classes=codes, groups=np.arange(len(X)), normalized=True))
    own = [fitted.points(code, {0: 18, 2: 12}[code], SeedTree(11).child(str(classes[code]))) for code in (0, 2)]
    np.testing.assert_array_equal(points, np.concatenate([p.vectors for p in own]))
    np.testing.assert_array_equal(over.parents_, np.concatenate([p.parents for p in own]))


def test_integer_seed_is_reproducible_and_a_random_state_continues():
    X, y = rows()
    first, again, other = (sampler(random_state=s).fit_resample(X, y)[0] for s in (7, 7, 8))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    twice = sampler(random_state=np.random.RandomState(3))
    one, two = twice.fit_resample(X, y)[0], twice.fit_resample(X, y)[0]
    assert (one != two).any()
    np.testing.assert_array_equal(one, sampler(random_state=np.random.RandomState(3)).fit_resample(X, y)[0])


@pytest.mark.parametrize("method", ["smote", "mixture", "slerp"])
def test_parents_of_a_point_are_of_different_persons(method):
    X, y = rows()
    groups = np.tile([f"p{i % 21}" for i in range(len(X))], 2)
    X = np.concatenate([X, X + 1e-7])  # the records of a person are closest to each other
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    over = sampler(method, sampling_strategy="all", k_neighbors=2)
    for given, is_mixed in ({"groups": groups}, False), ({}, True):  # without groups, some parents are of one person
        over.fit_resample(X, np.tile(y, 2), **given)
        parents = np.sort(groups[over.parents_], axis=1)
        assert (parents[:, 1:] == parents[:, :-1]).any() == is_mixed


def test_clone_has_the_same_parameters_and_points():
    X, y = rows()
    over = sampler("borderline-smote", m_neighbors=4, kind=2, sampling_strategy={"cow": 23})
    copy = clone(over)
    assert copy.get_params() == over.get_params()
    assert set(over.get_params()) == set(OverSampler._parameter_constraints)
    np.testing.assert_array_equal(copy.fit_resample(X, y)[0], over.fit_resample(X, y)[0])
    assert copy.set_params(method="smote", kind=None, m_neighbors=None).method == "smote"


def test_over_sampler_works_in_a_grid_search_and_in_a_pipeline_with_metadata_routing():
    pipeline = pytest.importorskip("imblearn.pipeline", reason="imbalanced-learn is not installed")
    X, y = rows({"ant": 26, "bee": 60})
    steps = pipeline.Pipeline([("over", sampler()), ("classify", LogisticRegression(max_iter=200))])
    methods = sorted(METHODS.keys() - {"vae"})
    grid = [{"over__k_neighbors": np.arange(2, 4)}, {"over__method": methods}]
    grid.append({"over__method": ["borderline-smote"], "over__kind": [1, 2]})
    search = GridSearchCV(steps, grid, cv=2, error_score="raise").fit(X, y)
    assert (len(search.cv_results_["params"]), search.predict(X).shape) == (2 + len(methods) + 2, y.shape)
    groups = np.repeat(np.arange(43), 2)
    with config_context(enable_metadata_routing=True):
        steps.fit(X, y, groups=groups)
    parents = groups[steps["over"].parents_]
    assert (parents[:, 0] != parents[:, 1]).all()
    steps.fit(X, y)
    assert (np.diff(groups[steps["over"].parents_]) == 0).any()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "smoote"}, "method: must be"),
        ({"method": "dp-gaussian"}, "method: dp-gaussian needs a privacy budget"),
        ({"k_neighbors": 0}, "k_neighbors: .* got 0"),
        ({"kind": 1}, "kind: is a key of borderline-smote, not of the method smote; remove it"),
        ({"method": "mixture", "parents": 51, "alpha": -1.0}, "(?s)2 mistakes.*parents.*alpha"),
    ],
)
def test_options_are_validated_by_the_configuration(options, message):
    for call in (sampler(**options).fit, sampler(**options).fit_resample):
        with pytest.raises(ConfigError, match=message):
            call(*rows())


def test_all_unsuitable_classes_are_listed():
    sizes = {"ant": 3, "bee": 30, "cow": 2}
    X, y = rows(sizes)
    with pytest.raises(DataError, match="smote cannot make points of these classes") as caught:
        sampler().fit_resample(X, y)
    counts = {"ant": 3, "cow": 2}
    assert caught.value.problems == tuple(
        f"'{k}': rows of {n} person{'s' * (n > 1)}; 4 persons are needed" for k, n in counts.items()
    )
    X[y == "ant"] += 100
    with pytest.raises(DataError, match="'ant': none of the 3 records of the class is in danger"):
        sampler("borderline-smote", k_neighbors=2, m_neighbors=3).fit_resample(X, y)
    over = sampler(sampling_strategy={"bee": 31})
    assert len(over.fit_resample(X, y)[0]) == 36  # no points of the small classes are requested


def test_balanced_rows_get_no_new_points_and_integers_become_float64():
    X, y = rows({"ant": 9, "bee": 9})
    over = sampler()
    points, labels = over.fit_resample(X, y)
    np.testing.assert_array_equal(points, X)
    assert (labels.tolist(), over.parents_.shape, over.weights_.shape) == (y.tolist(), (0, 2), (0, 2))
    X, y = rows()
    points, _ = sampler().fit_resample((X * 100).astype(int), y)
    assert points.dtype == np.float64
    assert (points[len(X) :] % 1 != 0).any()


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        *((kind, TypeError, "dense data is required") for kind in (sparse.csr_matrix, sparse.csc_array)),
        (lambda X: X[:-1], ValueError, "inconsistent numbers of samples"),
        *(
            (lambda X, s=s: X * s, DataError, r"norm of the vectors must be from 1e-14 to 1e\+18")
            for s in (1e19, 1e39, 1e300, 1e-20, 1e-44)
        ),
        (lambda X: (X * 3e19).astype(np.float32), DataError, r"norm of the vectors must be from 1e-14 to 1e\+18"),
        (
            lambda X: X + np.eye(X.shape[1])[0] * 1e12,
            DataError,
            "rounding to float32 makes rows of X equal or nearly equal",
        ),
        (lambda X: np.vstack([X[:-1] * 1e-300, X[-1:]]), DataError, "rows that become equal: 6"),
        (lambda X: np.where(X > 0.5, np.nan, X), ValueError, "NaN"),
    ],
)
def test_unusable_rows_are_rejected(change, error, message):
    X, y = rows()
    with pytest.raises(error, match=message):
        sampler().fit_resample(change(X), y)


def test_the_scale_of_the_rows_does_not_change_the_parents():
    X, y = rows()
    parents = [over.parents_ for s in (1, 2.0**-40, 2.0**55) if (over := sampler()).fit_resample(X * s, y)]
    np.testing.assert_array_equal(parents[0], parents[1])
    np.testing.assert_array_equal(parents[0], parents[2])


@pytest.mark.parametrize(
    "y",
    [
        *(["bee", "ant", "bee"], np.array(["bee", "ant", "bee"]), np.array(["bee", "ant", "bee"], dtype=object)),
        *(np.array([9, 4, 9], dtype=np.int16), np.array([[9], [4], [9]]), np.array([True, False, True])),
        np.array([[0, 0, 0, 1], [0, 1, 0, 0], [0, 0, 0, 1]], dtype=np.int8),  # one column per class
    ],
)
def test_classes_keep_their_type(y):
    y = y * 5 if isinstance(y, list) else np.concatenate([y] * 5)
    given = np.asarray(y)
    given = given.ravel() if given.shape[1:] == (1,) else given
    labels = sampler().fit_resample(np.random.default_rng(3).normal(size=(15, 2)), y)[1]
    assert isinstance(labels, type(y))
    wanted = [*given.tolist(), *[given.tolist()[1]] * 5]
    assert (np.asarray(labels).dtype, np.asarray(labels).tolist()) == (given.dtype, wanted)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        *(([[1, 0, 0], row], "1 rows of y do not have exactly one class") for row in ([0, 0, 0], [0, 1, 1])),
        (sparse.csr_matrix(np.eye(3, dtype=int)), "sparse"),
        ([0.5, 1.5, 2.5], "continuous"),
    ],
)
def test_over_sampler_rejects_invalid_classes(y, message):
    for call in (sampler().fit, sampler().fit_resample):
        with pytest.raises(ValueError, match=message):
            call(np.eye(np.shape(y)[0]), y)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        *(
            (np.array(["2020-01-01", "2021-01-01", "2020-01-01"], dtype=kind), "dates")
            for kind in ("M8[D]", "M8[ns]")
        ),
        ([date(2020, 1, 1), date(2021, 1, 1), date(2020, 1, 1)], "data types: date"),
        (np.array(["ant", 1, "ant"], dtype=object), "data types: number, str"),
        (np.array(["ant", date(2020, 1, 1), 2], dtype=object), "data types: date, number, str"),
        (["ant", None, "ant"], "1 rows have no class"),
        (np.array([0.0, np.nan, np.nan]), "2 rows have no class"),
        (np.array([Decimal(1), Decimal(2), Decimal(1)], dtype=object), "data types: Decimal"),
    ],
)
def test_dates_missing_and_mixed_classes_are_errors_of_the_project(y, message):
    for call in (sampler().fit, sampler().fit_resample):
        with pytest.raises(DataError, match=message):
            call(np.eye(3), y)


def test_missing_classes_of_pandas_are_found():
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    for kind in ("string", "category", "Int64"):
        values = [1, None, 1] if kind == "Int64" else ["ant", None, "ant"]
        with pytest.raises(DataError, match="1 rows have no class"):
            sampler().fit_resample(np.eye(3), pandas.Series(values, dtype=kind))


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ([1, 2], "has 2 entries, but X has 3 rows"),
        ([1.0, np.nan, np.nan], "2 rows have no person"),
        (np.array([1.0, np.nan, 2.0], dtype=object), "no person"),
        (["p", None, "q"], "missing values"),
        (np.array(["p", 3, "q"], dtype=object), "different data types"),
    ],
)
def test_person_numbers_are_in_order_and_missing_persons_are_rejected(groups, message):
    assert _person_numbers(None, 3).tolist() == [0, 1, 2]
    found = _person_numbers(["q", "p", "q", "r"], 4)
    assert (found.tolist(), found.dtype) == ([1, 0, 1, 2], np.int64)
    with pytest.raises(DataError, match=message):
        _person_numbers(groups, 3)


def test_lists_stay_lists_and_frames_keep_columns_types_and_names():
    made = sampler().fit_resample(rows()[0].tolist(), rows()[1].tolist())
    assert [(type(part), len(part)) for part in made] == [(list, 93)] * 2
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    numbers = np.random.default_rng(3).normal(size=(15, 3)) * 9
    given = pandas.DataFrame(numbers, columns=["a", "b", "c"]).astype({"a": np.float32, "b": int})
    y = pandas.Series(["x", "y", "x"] * 5, name="kind", dtype="category")
    frame, series = sampler().fit_resample(given, y)
    assert isinstance(frame, pandas.DataFrame)
    assert frame.columns.tolist() == ["a", "b", "c"]
    assert frame.dtypes.astype(str).tolist() == ["float32", "float64", "float64"]  # points can lie between integers
    assert (frame["b"][15:] % 1 != 0).any()
    assert (series.name, str(series.dtype), len(series)) == ("kind", "category", 20)


def test_polars_frames_keep_columns_types_and_names():
    polars = pytest.importorskip("polars", reason="polars is not installed")
    X, y = rows()
    expected = sampler().fit_resample(X, y)
    for kind in (polars.String, polars.Categorical, polars.Enum(sorted(SIZES))):
        given = polars.Series("kind", y.tolist(), dtype=kind)
        frame, series = sampler().fit_resample(polars.DataFrame(X, schema=list("abcdef")), given)
        np.testing.assert_array_equal(frame.to_numpy(), expected[0])
        assert (frame.columns, series.name, series.dtype) == (list("abcdef"), "kind", kind)
        assert series.to_list() == expected[1].tolist()
    frame = polars.DataFrame({"a": X[:, 0].astype(np.float32), "b": (X[:, 1] * 100).astype(int)})
    frame, series = sampler().fit_resample(frame, polars.Series(y == "bee"))
    assert (frame.dtypes, series.dtype) == ([polars.Float32, polars.Float64], polars.Boolean)
    with pytest.raises(DataError, match="1 rows have no class"):
        sampler().fit(X, polars.Series([None, *y.tolist()[1:]]))
    _, column = sampler().fit_resample(X, polars.DataFrame({"kind": y.tolist()}))
    assert (column.columns, column["kind"].to_list()) == (["kind"], expected[1].tolist())
    with pytest.raises(DataError, match="LazyFrame is not supported"):
        sampler().fit(frame.lazy(), y)
    assert sampler().fit_resample(X, np.array([np.str_(label) for label in y], dtype=object))[1].tolist()


@pytest.mark.parametrize(
    ("strategy", "message"),
    [
        *((strategy, "sampling_strategy.*must be") for strategy in ("majority", 0, 1.01, None)),
        *((0.9, "binary"), ({"elk": 40}, "elk.*not present")),
        *(({"ant": 2}, "greater or equal"), ({"ant": 20.5}, "not an integer")),
    ],
)
def test_unsupported_strategies_are_rejected(strategy, message):
    with pytest.raises(ValueError, match=f"(?s){message}"):
        sampler(sampling_strategy=strategy).fit_resample(*rows())


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        *(("auto", {"ant": 18, "cow": 12}), ("minority", {"ant": 18}), ("not minority", {"bee": 0, "cow": 12})),
        *(("all", {"ant": 18, "bee": 0, "cow": 12}), ({"cow": 19, "ant": np.int64(20)}, {"ant": 7, "cow": 0})),
        (lambda y: {"ant": len(y)}, {"ant": 50}),
    ],
)
def test_strategies_worked_examples(strategy, expected):
    over = sampler(sampling_strategy=strategy)
    assert len(over.fit_resample(*rows())[0]) == 63 + sum(expected.values())
    assert over.sampling_strategy_ == expected
