import numpy as np
import pytest
from scipy import sparse

from synthgen.core.errors import DataError
from synthgen.stages.interpolate.containers import Target, like, persons


@pytest.mark.parametrize(
    "y",
    [
        ["bee", "ant", "bee"],
        np.array(["bee", "ant", "bee"]),
        np.array(["bee", "ant", "bee"], dtype=object),
        np.array([9, 4, 9], dtype=np.int16),
        np.array([[9], [4], [9]]),
        np.array([True, False, True]),
    ],
)
def test_classes_are_numbered_and_come_back_in_their_own_type(y):
    target = Target.of(y)
    given = np.asarray(y).ravel()
    assert target.codes.tolist() == [1, 0, 1]
    assert target.codes.dtype == np.int64
    more = target.followed_by(np.array([0, 0]))
    assert more.dtype == given.dtype
    assert more.tolist() == [*given, given[1], given[1]]


def test_one_vs_all_keeps_its_columns_also_those_without_a_row():
    y = np.array([[0, 0, 0, 1], [0, 1, 0, 0], [0, 0, 0, 1]], dtype=np.int8)
    target = Target.of(y)
    assert (target.classes.tolist(), target.codes.tolist()) == ([1, 3], [1, 0, 1])
    more = target.followed_by(np.array([1]))
    assert more.dtype == np.int8
    assert more.tolist() == [*y.tolist(), [0, 0, 0, 1]]


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([[1, 0, 0], [0, 0, 0]], "1 rows of y have no class or several"),
        ([[1, 0, 0], [0, 1, 1]], "1 rows of y have no class or several"),
        (sparse.csr_matrix(np.eye(3, dtype=int)), "sparse"),
        ([0.5, 1.5, 2.5], "continuous"),
    ],
)
def test_what_is_no_class(y, message):
    with pytest.raises(ValueError, match=message):
        Target.of(y)


def test_persons_are_numbered():
    assert persons(None, 3).tolist() == [0, 1, 2]
    found = persons(["q", "p", "q", "r"], 4)
    assert found.tolist() == [1, 0, 1, 2]
    assert found.dtype == np.int64


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ([1, 2], "of 2 rows, and X has 3"),
        ([1.0, np.nan, np.nan], "2 rows have no person"),
        (np.array([1.0, np.nan, 2.0], dtype=object), "no person"),
        (["p", None, "q"], "missing persons"),
        (np.array(["p", 3, "q"], dtype=object), "several types"),
    ],
)
def test_missing_persons_are_not_one_person(groups, message):
    with pytest.raises(DataError, match=message):
        persons(groups, 3)


def test_lists_and_arrays_come_back_as_such():
    values = np.arange(6).reshape(3, 2)
    assert like([[0.0, 1.0]], values) == [[0, 1], [2, 3], [4, 5]]
    assert like(np.zeros(1), values) is values
    assert like((0, 1), values) is values


def test_frames_keep_columns_types_and_names():
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    values = np.array([[0.5, 1.5, 2.5], [3.5, 4.5, 5.5]])
    given = pandas.DataFrame({"a": np.zeros(1, dtype=np.float32), "b": [1], "c": [0.0]})
    frame = like(given, values)
    assert isinstance(frame, pandas.DataFrame)
    assert frame.columns.tolist() == ["a", "b", "c"]
    assert frame.dtypes.astype(str).tolist() == ["float32", "float64", "float64"]  # no room between whole numbers
    assert frame.to_numpy().tolist() == values.tolist()
    series = like(pandas.Series(["x", "y"], name="kind", dtype="category"), np.array(["x", "y"]))
    assert (series.name, str(series.dtype), len(series)) == ("kind", "category", 2)
