import math

import pyarrow as pa
import pytest

from studies.feature_augmentation.cells import by_place, ok, places_along
from synthgen.core.errors import DataError


def test_cells_are_found_by_place_and_fold(made_up):
    places = by_place(made_up(["b", "a"], [16, 8], 2, 3, refused={("smote", 8)}))
    assert places_along(places, 0) == ["b", "a"]
    assert places_along(places, 1, "a") == [8, 16]
    assert places_along(places, 2, "b") == ["none", "random-oversample", "smote", "vae", "adasyn"]
    assert set(places["a", 16, "vae"]) == {(r, f) for r in range(2) for f in range(3)}
    assert ok(places, ("a", 8, "smote")) == {}
    assert len(ok(places, ("a", 16, "smote"))) == 6
    assert ok(places, ("a", 99, "smote")) == {}


def test_missing_columns_are_named(made_up):
    with pytest.raises(DataError, match=r"(?s)lack columns.*accuracy.*n_train"):
        by_place(made_up(["a"], [8], 1, 2).drop_columns(["accuracy", "n_train"]))


def test_every_invalid_cell_is_listed_by_row(made_up):
    rows = made_up(["a"], [8], 1, 2).to_pylist()
    rows[0]["macro_f1"] = math.nan
    rows[1]["accuracy"] = None
    rows[2]["status"] = "perhaps"
    rows[3]["n_train"] = 0
    rows.append(dict(rows[4]))
    with pytest.raises(DataError) as caught:
        by_place(pa.Table.from_pylist(rows))
    assert caught.value.problems == (
        "row 0: macro_f1 is not a number",
        "row 1: accuracy is not a number",
        "row 2: status is neither ok nor refused",
        "row 3: n_train is not positive",
        "2 cells for the same fold, n and method instead of one",
    )


def test_a_table_without_cells_is_refused(made_up):
    with pytest.raises(DataError, match="no cells"):
        by_place(made_up(["a"], [8], 1, 2).slice(0, 0))
