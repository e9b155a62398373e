import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from audits.cli.rewrite import rewrite
from audits.core.errors import InputError
from audits.core.inputs import load_table

NOTE = "zebra a real note of a real person"
ROWS = {"text": ["made up one", "made up two"], "label": ["a", "b"]}


@pytest.mark.parametrize("suffix", [".parquet", ".jsonl", ".csv"])
def test_a_rewritten_file_contains_only_its_rows(tmp_path, suffix):
    extra = {"group": ["s1", "s2"], "source": [NOTE, NOTE]}
    wild = tmp_path / "wild.parquet"
    pq.write_table(pa.table(ROWS | extra).replace_schema_metadata({"note": NOTE}), wild)
    clean = tmp_path / f"clean{suffix}"
    rewrite(wild, clean, text="text", label="label")
    assert b"zebra" not in clean.read_bytes()
    made = load_table(clean, role="synthetic")
    assert (made.texts, made.labels, made.has_groups) == (tuple(ROWS["text"]), ("a", "b"), False)
    with pytest.raises(InputError, match="exists"):
        rewrite(wild, clean, text="text", label="label")
    rewrite(wild, tmp_path / f"rest{suffix}", text="text", label="label", without={1})
    assert load_table(tmp_path / f"rest{suffix}", role="synthetic").texts == ("made up two",)
    for rows, message in (
        ({3}, "row numbers must be between 1 and 2, but 1 of them are not"),
        ({1, 2}, "are all rows of the table"),
    ):
        with pytest.raises(InputError, match=message):
            rewrite(wild, tmp_path / f"none{suffix}", text="text", label="label", without=rows)
