"""Find the tables of an OMOP database in a folder of parquet or CSV files, or in a DuckDB file, and open them."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from audits.core.files import open_regular
from synthgen.core.errors import DataError
from synthgen.extract.csv_rows import CsvRow, read_csv_table
from synthgen.extract.duck import connect, literal, quoted
from synthgen.extract.links import OUTSIDE, entries_of, is_outside
from synthgen.extract.note import Dropped

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

PLACE = "synthgen place"  # added column that states where a row is in the source; OMOP column names have no spaces
# table -> typical columns; the header of a CSV file must contain at least one of them
_COLUMNS = {
    "note": frozenset({"note_id", "person_id", "note_text", "note_date"}),
    "person": frozenset({"person_id", "gender_concept_id", "year_of_birth"}),
    "visit_occurrence": frozenset({"visit_occurrence_id", "person_id", "visit_concept_id"}),
    "provider": frozenset({"provider_id", "provider_name", "npi"}),
    "concept": frozenset({"concept_id", "concept_name", "domain_id"}),
}
_NAME = "|".join(_COLUMNS)
_ENDING = r"\.(?:parquet|pq|[ct]sv)(?:\.gz)?"  # suffixes of a file
_FILE = re.compile(rf"(?P<table>{_NAME})(?:[-_.]\d+)*{_ENDING}", re.IGNORECASE)  # name of a file
_FOLDER = re.compile(rf"(?P<table>{_NAME})(?:{_ENDING})?", re.IGNORECASE)  # folder with the files of a table
_PART = re.compile(rf".*{_ENDING}", re.IGNORECASE)  # name of a file in the folder of a table
_NUMBERED = re.compile(rf"\d{_ENDING}", re.IGNORECASE)  # end of the file name of a numbered part
_BATCH_CHARACTERS = 1 << 22  # a batch of rows ends after this number of characters or after 65,536 rows
_MAX_FILE_BYTES = 1 << 42  # 4 TiB; no lower limit is needed, because a file is not read into memory
_LAYOUT = (
    "Set source.path to a folder with files such as note.parquet, note.csv or note.csv.gz, or with folders of parts "
    "such as note/. Or set source.path to a DuckDB file with a table `note`."
)


@dataclass(frozen=True, slots=True)
class OmopTable:
    """A table of an OMOP database."""

    relation: str  # SQL expression of the table
    columns: Mapping[str, tuple[str, str]]  # lower-case name of a column -> (SQL name, SQL type)


@contextmanager
def open_files(
    found: Mapping[str, tuple[Path, ...]], folder: Path
) -> Iterator[tuple["DuckDBPyConnection", dict[str, OmopTable]]]:
    """Open the tables in parquet files, and yield (connection, name -> table); temporary files go to `folder`."""
    files = [path for paths in found.values() for path in paths]
    with connect(folder, readable=files) as connection:
        relations = {
            name: f"read_parquet([{', '.join(map(literal, paths))}], binary_as_string = true)"
            for name, paths in found.items()
        }
        yield connection, {name: _described(connection, name, relation) for name, relation in relations.items()}


@contextmanager
def open_database(path: Path, folder: Path) -> Iterator[tuple["DuckDBPyConnection", dict[str, OmopTable]]]:
    """Open the tables in a DuckDB file, and yield (connection, name -> table); temporary files go to `folder`.

    The tables are read from the schema that has a table `note`. Many sites keep the table `concept` in another
    schema. Therefore, if the file has only one table `concept`, it may be in any schema.

    Raises:
        DataError: the file cannot be read, is not a DuckDB file, or does not have exactly one table `note`.
    """
    try:
        with open_regular(path, _MAX_FILE_BYTES) as file:
            is_database = file.read(12)[8:] == b"DUCK"
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})", hint=_LAYOUT) from None
    if not is_database:
        raise DataError(f"{path.name} is not a DuckDB file", hint=_LAYOUT)
    with connect(folder, readable=[path, path.with_name(path.name + ".wal")]) as connection:
        connection.execute(f"ATTACH {literal(path)} AS source (READ_ONLY)")
        listed = connection.execute(
            "SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = 'source' UNION ALL "
            "SELECT schema_name, view_name FROM duckdb_views() WHERE database_name = 'source' AND NOT internal"
        ).fetchall()
        known = [(str(schema), str(table)) for schema, table in listed if table.lower() in _COLUMNS]
        schemas = sorted(schema for schema, table in known if table.lower() == "note")
        if len(schemas) != 1:
            problems = [f"schema {schema} has a table `note`" for schema in schemas] or [
                "no schema has a table `note`"
            ]
            hint = "Copy the tables of one schema to a separate DuckDB file." if schemas else _LAYOUT
            raise DataError(f"{path.name} does not contain exactly one table `note`", problems=problems, hint=hint)
        names = {table.lower(): (schema, table) for schema, table in known if schema == schemas[0]}
        concepts = [(schema, table) for schema, table in known if table.lower() == "concept"]
        if len(concepts) == 1:
            names["concept"] = concepts[0]
        relations = {name: f"source.{quoted(schema)}.{quoted(table)}" for name, (schema, table) in names.items()}
        yield connection, {name: _described(connection, name, relation) for name, relation in relations.items()}


def _described(connection: "DuckDBPyConnection", name: str, relation: str) -> OmopTable:
    # returns the table with the column `PLACE`, which is added unless `copy_csv` has written it
    rows = connection.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()  # noqa: S608 - names are quoted
    columns = {str(column).lower(): (quoted(str(column)), str(kind)) for column, kind, *_ in rows}
    if PLACE in columns:
        return OmopTable(relation, columns)
    place = f"SELECT *, '{name} row ' || row_number() OVER () AS {quoted(PLACE)} FROM {relation}"  # noqa: S608 - see above
    return OmopTable(f"({place})", columns)


def find_files(path: Path) -> dict[str, tuple[bool, tuple[Path, ...]]]:
    """Return table -> (True for CSV or False for parquet, paths of the files), for the tables in a folder.

    Raises:
        DataError: there is no table `note`, or a table has files or folders that do not belong together.
    """
    sources: dict[str, list[Path]] = defaultdict(list)
    found, problems = {}, []
    for entry in entries_of(path):
        match = (_FOLDER if entry.is_dir() else _FILE).fullmatch(entry.name)
        if match is not None:
            sources[match["table"].lower()].append(entry)
    for name, entries in sources.items():
        files = entries
        if [entry.is_dir() for entry in entries] == [True]:
            files, wrong = _parts(entries[0])
            problems += [f"table {name}: {problem}" for problem in wrong]
        elif len(entries) > 1 and not all(_NUMBERED.search(entry.name) for entry in entries):
            shown = ", ".join(entry.name for entry in entries[:5])
            problems.append(f"table {name}: several files or folders have this name: {shown}")
        problems += [f"table {name}: {file.name}: {OUTSIDE}" for file in files if is_outside(file, path)]
        kinds = {_is_csv(file) for file in files}  # True for CSV, False for parquet
        if len(kinds) == 2:
            problems.append(f"table {name} has both parquet and CSV files")
        found[name] = (True in kinds, tuple(files))
    if "note" not in found:
        problems.append("table note: there is no file or folder of this name")
    if problems:
        raise DataError(f"{path} is not a folder of OMOP tables", problems=problems, hint=_LAYOUT)
    return found


def _is_csv(file: Path) -> bool:
    return ".parquet" not in file.name.lower() and ".pq" not in file.name.lower()


def _parts(folder: Path) -> tuple[list[Path], list[str]]:
    # Returns (files, problems). A subfolder is a problem, because it can be the log of a versioned format such as
    # Delta, whose parquet files can contain deleted rows.
    parts, problems = [], []
    for entry in entries_of(folder):
        shown = f"{folder.name}/{entry.name}"
        if entry.is_dir():
            how = "export the table as plain files, without partitions and not in a versioned format such as Delta"
            problems.append(f"{shown} is a subfolder; {how}")
        elif entry.name.startswith(("_", ".")):
            continue  # files of the exporting program, such as _SUCCESS
        elif _PART.fullmatch(entry.name):
            parts.append(entry)
        else:
            problems.append(f"{shown} is not a parquet, CSV or TSV file")
    return parts, problems if parts or problems else [f"{folder.name} is an empty folder"]


def copy_csv(name: str, paths: tuple[Path, ...], copy: Path, encoding: str) -> Iterator[Dropped]:
    """Write the rows of CSV files to a parquet file, with file name and line of each row; yield the unreadable rows.

    DuckDB does not read the CSV files itself, because it rejects some common forms of rows. For example, it rejects a
    row that ends in CR LF if a cell of the row contains LF.

    Raises:
        DataError: `read_csv_table` cannot read a file, or the files have different columns.
    """
    is_vocabulary = name == "concept"
    columns = read_csv_table(paths[0], _COLUMNS[name], encoding).columns
    schema = pa.schema([(column, pa.string()) for column in (*columns, PLACE)])
    with pq.ParquetWriter(copy, schema) as writer:
        for path in paths:
            table = read_csv_table(path, _COLUMNS[name], encoding, is_vocabulary=is_vocabulary)
            if {*table.columns} != {*columns}:
                message = f"{path.name}: its columns differ from those of {paths[0].name}"
                raise DataError(message, hint="Export all parts of the table with the same columns.")
            order = [table.columns.index(column) for column in columns]
            for item in _batches(table.rows, order):
                if isinstance(item, Dropped):
                    yield item
                else:
                    arrays = [pa.array(cells, pa.string()) for cells in zip(*item, strict=True)]
                    writer.write_batch(pa.record_batch(arrays, schema=schema))


def _batches(rows: Iterator[CsvRow | Dropped], order: list[int]) -> Iterator[list[list[str]] | Dropped]:
    # yields batches of rows (cells in `order`, then the place), and each dropped row alone
    batch: list[list[str]] = []
    size = 0
    for row in rows:
        if isinstance(row, Dropped):
            yield row
            continue
        batch.append([*(row.cells[index] for index in order), row.place])
        size += sum(map(len, row.cells))
        if size > _BATCH_CHARACTERS or len(batch) == 1 << 16:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
