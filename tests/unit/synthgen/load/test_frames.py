import io

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from synthgen.core.errors import UsageError
from synthgen.load.frames import parquet_of

ROWS = [{"text": "one", "label": "a", "person": 1}, {"text": "two", "label": "b", "person": 2}]
TABLES = {
    "list": ROWS,
    "arrow": pa.Table.from_pylist(ROWS),
    "pandas": pd.DataFrame(ROWS, index=[7, 9]),
    "polars": pl.DataFrame(ROWS),
    "stream": pa.Table.from_pylist(ROWS).to_reader(),
}


@pytest.mark.parametrize("kind", TABLES)
def test_every_kind_of_table_becomes_the_same_rows(kind):
    table = pq.read_table(io.BytesIO(parquet_of(TABLES[kind])))
    assert table.to_pylist() == ROWS


def test_missing_cells_of_pandas_become_null():
    frame = pd.DataFrame({"text": ["one", None], "label": pd.Categorical(["a", "b"]), "n": [1.0, np.nan]})
    assert pq.read_table(io.BytesIO(parquet_of(frame))).to_pylist()[1] == {"text": None, "label": "b", "n": None}


def test_a_key_that_the_first_dictionary_lacks_is_a_column():
    table = pq.read_table(io.BytesIO(parquet_of([{"text": "one"}, {"text": "two", "label": "b"}])))
    assert table.to_pylist() == [{"text": "one", "label": None}, {"text": "two", "label": "b"}]


@pytest.mark.parametrize(
    "table",
    [
        pd.DataFrame({"text": ["Anna Kowalska", 3]}),
        pd.DataFrame([["Anna Kowalska", "x"]], columns=["text", "text"]),
        [{"text": "Anna Kowalska"}, {"text": 3}],
        [3],
        {"text": ["Anna Kowalska"]},
        "Anna Kowalska",
        3,
    ],
)
def test_what_is_no_table_raises_one_error_without_a_cell(table):
    with pytest.raises(UsageError, match="cannot be read as a table") as caught:
        parquet_of(table)
    assert "Kowalska" not in str(caught.value)
    assert caught.value.hint.startswith("Pass a pandas or polars frame, an Arrow table, or a list of dictionaries")
