import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from synthgen.core.errors import DataError
from synthgen.load.parquet import read_parquet
from synthgen.load.rows import UNDECODABLE, SourceRow


def test_wanted_columns_are_read_and_all_are_told(tmp_path, written, rows):
    table = read_parquet(written.parquet(tmp_path / "a.parquet", rows), iter(["who", "note", "nowhere"]))
    assert table.columns == ("note", "kind", "who", "nid", "full")
    assert table.rows[4] == SourceRow(5, {"who": "p1", "note": "text 4 é"})
    assert len(table.rows) == 7


def test_undecodable_cells_do_not_hide_the_other_rows(tmp_path, undecodable):
    pq.write_table(pa.table({"text": undecodable}), tmp_path / "a.parquet")
    rows = read_parquet(tmp_path / "a.parquet", ["text"]).rows
    assert [(row.number, row.reason) for row in rows] == [(1, ""), (2, UNDECODABLE), (3, "")]


@pytest.mark.parametrize("data", [b"", b"PAR1 zebra not really", b"PAR1" + b"\xff" * 200 + b"PAR1"])
def test_a_file_that_is_no_parquet_is_refused(tmp_path, data):
    (tmp_path / "a.parquet").write_bytes(data)
    with pytest.raises(DataError, match="not a readable parquet file") as caught:
        read_parquet(tmp_path / "a.parquet", ["text"])
    assert "zebra" not in str(caught.value)


@pytest.mark.parametrize("damage", ["cut short", "page", "column name"])
def test_a_damaged_file_is_refused(tmp_path, written, rows, damage):
    path = written.parquet(tmp_path / "a.parquet", rows)
    whole = path.read_bytes()
    path.write_bytes(
        {
            "cut short": whole[:-30],
            "page": whole[:4] + b"\xff" * 40 + whole[44:],
            "column name": whole.replace(b"full", b"\xff\xff\xff\xff"),
        }[damage]
    )
    with pytest.raises(DataError, match="not a readable parquet file"):
        read_parquet(path, ["note"])
