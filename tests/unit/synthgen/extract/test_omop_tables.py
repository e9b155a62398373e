# ruff: noqa: S608 - the statements are made of paths and names of the tests

import pyarrow.parquet as pq
import pytest

from synthgen.core.errors import DataError
from synthgen.extract.note import Dropped
from synthgen.extract.omop_tables import PLACE, copy_csv, find_files, open_database, open_files

HEADER = "note_id,person_id,note_text\n"


def test_files_are_found_by_name_in_any_case(tmp_path):
    for name in ("NOTE.csv.gz", "Person.PARQUET", "provider_1.tsv", "provider_2.tsv", "note_nlp.csv", "x.txt"):
        (tmp_path / name).touch()
    (tmp_path / "CONCEPT.parquet").mkdir()
    (tmp_path / "CONCEPT.parquet" / "part-0.snappy.parquet").touch()
    (tmp_path / "CONCEPT.parquet" / "._SUCCESS.crc").touch()
    found = find_files(tmp_path)
    assert {name: (is_csv, [file.name for file in files]) for name, (is_csv, files) in found.items()} == {
        "note": (True, ["NOTE.csv.gz"]),
        "person": (False, ["Person.PARQUET"]),
        "provider": (True, ["provider_1.tsv", "provider_2.tsv"]),
        "concept": (False, ["part-0.snappy.parquet"]),
    }


def test_all_problems_of_a_folder_are_listed(tmp_path):
    for name in ("person.csv", "person.parquet", "concept_1.csv", "concept_2.pq"):
        (tmp_path / name).touch()
    with pytest.raises(DataError) as caught:
        find_files(tmp_path)
    assert len(caught.value.problems) == 4


def test_copy_has_the_cells_and_places_in_small_row_groups(tmp_path):
    path, copy = tmp_path / "note.csv", tmp_path / "copy.parquet"
    path.write_text(HEADER + "".join(f"{i},7,{'x' * 1_000_000}\n" for i in range(9)) + "1,2\n")
    reason = "row with a wrong number of cells, a misplaced quote or an overlong cell"
    assert list(copy_csv("note", (path,), copy, "utf-8")) == [Dropped(reason, "note.csv line 11")]
    table = pq.read_table(copy)
    assert table.column_names == ["note_id", "person_id", "note_text", PLACE]
    assert table.column("note_id").to_pylist() == [str(i) for i in range(9)]
    assert table.column(PLACE).to_pylist() == [f"note.csv line {i + 2}" for i in range(9)]
    assert pq.ParquetFile(copy).num_row_groups == 2


def test_tables_have_lower_case_columns_and_a_place(tmp_path):
    path, copy = tmp_path / "note.csv", tmp_path / "copy.parquet"
    path.write_text(HEADER.upper() + "1,7,x\n2,7,y\n")
    list(copy_csv("note", (path,), copy, "utf-8"))
    pq.write_table(pq.read_table(copy).drop_columns([PLACE]).rename_columns(["A", "b", "C"]), tmp_path / "p.parquet")
    with open_files({"note": (copy,), "person": (tmp_path / "p.parquet",)}, tmp_path) as (connection, tables):
        assert tables["person"].columns == {
            "a": ('"A"', "VARCHAR"), "b": ('"b"', "VARCHAR"), "c": ('"C"', "VARCHAR"),
        }  # fmt: skip
        rows = connection.execute(f'SELECT "{PLACE}", c FROM {tables["person"].relation}').fetchall()
        assert rows == [("person row 1", "x"), ("person row 2", "y")]
        rows = connection.execute(f'SELECT "{PLACE}" FROM {tables["note"].relation}').fetchall()
        assert rows == [("note.csv line 2",), ("note.csv line 3",)]


def test_database_file_needs_its_mark(tmp_path):
    (tmp_path / "a.db").write_bytes(b"SQLite format 3\0")
    with pytest.raises(DataError, match="not a DuckDB file"), open_database(tmp_path / "a.db", tmp_path):
        pass


def test_quotes_in_a_vocabulary_of_athena_are_characters(tmp_path):
    path, copy = tmp_path / "CONCEPT.csv", tmp_path / "copy.parquet"
    names = ['"Snuff" user', '"open quote', "Discharge summary", '"Whole ""name"""']
    rows = "".join(f"{i}\t{name}\n" for i, name in enumerate(names))
    path.write_text("CONCEPT_ID\tCONCEPT_NAME\n" + rows)
    assert list(copy_csv("concept", (path,), copy, "utf-8")) == []
    found = ['"Snuff" user', '"open quote', "Discharge summary", 'Whole "name"']
    assert pq.read_table(copy)["concept_name"].to_pylist() == found
