import hashlib
import io

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audits.core import plain_parquet
from audits.core.plain_parquet import parquet_bytes

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)
ROWS = st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=300)


def columns(rows, names=("a", "é b")):
    return [(name, [row[i] for row in rows]) for i, name in enumerate(names)]


@given(rows=ROWS, page=st.sampled_from([1, 100, 1 << 20]))
def test_a_library_reads_the_written_rows(rows, page):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plain_parquet, "PAGE_BYTES", page)
        data = parquet_bytes(columns(rows))
    file = pq.ParquetFile(io.BytesIO(data))
    assert [tuple(row.values()) for row in file.read().to_pylist()] == rows
    assert file.schema_arrow.names == ["a", "é b"]
    assert not any(field.nullable for field in file.schema_arrow)
    chunks = [file.metadata.row_group(0).column(i) for i in (0, 1)]
    assert sum(c.total_compressed_size for c in chunks) + int.from_bytes(data[-8:-4], "little") + 12 == len(data)
    assert not any(c.is_stats_set or c.has_dictionary_page or c.has_offset_index for c in chunks)


def test_the_bytes_are_stable():
    """Bundles are verified years later; other bytes would invalidate all of them."""
    data = parquet_bytes(columns([("one", "x"), ("two \U0001f600", "y" * 200)] * 9, ("id", "text")))
    assert (len(data), hashlib.sha256(data).hexdigest()[:16]) == (2246, "28a13d4eafb7e1bf")


def test_many_columns_are_written_and_lone_surrogates_are_rejected():
    made = parquet_bytes([(f"c{i}", ["v"]) for i in range(20)])
    assert pq.read_table(io.BytesIO(made)).to_pylist() == [{f"c{i}": "v" for i in range(20)}]
    with pytest.raises(UnicodeEncodeError):
        parquet_bytes([("a", ["\ud800"])])
