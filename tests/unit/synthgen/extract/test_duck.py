# ruff: noqa: S608 - the statements are made of paths and names of the tests

import pytest

from synthgen.core.errors import DataError
from synthgen.extract.duck import connect, literal, quoted


def test_reads_and_writes_its_folder_and_the_named_files_only(tmp_path):
    folder, named, other = tmp_path / "t", tmp_path / "named.parquet", tmp_path / "other.parquet"
    folder.mkdir()
    with connect(tmp_path) as connection:
        connection.execute(f"COPY (SELECT 1 AS a) TO {literal(named)}")
        connection.execute(f"COPY (SELECT 1 AS a) TO {literal(other)}")
    with connect(folder, readable=[named]) as connection:
        assert connection.execute(f"SELECT * FROM read_parquet({literal(named)})").fetchall() == [(1,)]
        connection.execute(f"COPY (SELECT 2) TO {literal(folder / 'own.parquet')}")
    with pytest.raises(DataError, match="PermissionException"), connect(folder, readable=[named]) as connection:
        connection.execute(f"SELECT * FROM read_parquet({literal(other)})")


@pytest.mark.parametrize(
    "statement",
    [
        "SET lock_configuration = false",
        "SET enable_external_access = true",
        "SET threads = 8",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SELECT * FROM read_csv('https://example.org/a.csv')",
        "SELECT * FROM glob('/etc/*')",
        "ATTACH 'x.duckdb'",
        "SELECT * FROM statement",  # names a Python variable, which DuckDB could read
    ],
)
def test_configuration_is_locked_and_nothing_else_is_accessed(tmp_path, statement):
    with pytest.raises(DataError, match="DuckDB cannot"), connect(tmp_path) as connection:
        connection.execute(statement)


def test_settings_that_the_readers_rely_on(tmp_path):
    wanted = {
        "autoload_known_extensions": "false",
        "autoinstall_known_extensions": "false",
        "enable_progress_bar": "false",
        "preserve_insertion_order": "true",
        "TimeZone": "UTC",
        "threads": "2",
        "temp_directory": str(tmp_path),
        "memory_limit": "476.8 MiB",
    }
    with connect(tmp_path, "500MB") as connection:
        for name, value in wanted.items():
            found = connection.execute(f"SELECT current_setting('{name}')").fetchall()[0][0]
            assert str(found).lower() == value.lower(), name


def test_error_does_not_contain_cell_values(tmp_path):
    with pytest.raises(DataError) as caught, connect(tmp_path) as connection:
        connection.execute("SELECT CAST('zebra' AS INTEGER)").fetchall()
    assert "zebra" not in str(caught.value)
    assert "ConversionException" in str(caught.value)


def test_large_results_use_the_folder_and_too_large_ones_are_an_error(tmp_path):
    with connect(tmp_path, "50MB") as connection:
        connection.execute("CREATE TABLE t AS SELECT i, repeat(md5(i::VARCHAR), 8) AS s FROM range(400000) r(i)")
        assert any(tmp_path.iterdir())
        assert connection.execute("SELECT count(*) FROM t").fetchall() == [(400000,)]
    assert not any(tmp_path.iterdir())
    with pytest.raises(DataError, match="more than 10MB of memory"), connect(tmp_path, "10MB") as connection:
        connection.execute("SELECT list(repeat('x', 1000)) FROM range(100000)").fetchall()


def test_names_are_quoted(tmp_path):
    name, value = quoted('a"b'), literal("it's")
    with connect(tmp_path) as connection:
        connection.execute(f"CREATE TABLE {name} AS SELECT {value} AS c")
        assert connection.execute(f"SELECT * FROM {name}").fetchall() == [("it's",)]


def test_path_with_a_pattern_is_refused(tmp_path):
    with pytest.raises(DataError, match="as a pattern"):
        literal(tmp_path / "a*.parquet")
    assert literal("a*") == "'a*'"
