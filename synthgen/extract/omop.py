"""Read the notes of an OMOP database (data model 5.3, 5.4 or 6) in parquet or CSV files, or in a DuckDB file."""

# ruff: noqa: S608 - names in SQL statements are quoted, and no statement contains a cell value

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from synthgen.core.errors import DataError
from synthgen.extract.duck import quoted
from synthgen.extract.note import Fields, Item, PersonNames, StaffNames
from synthgen.extract.omop_tables import PLACE, OmopTable, copy_csv, find_files, open_database, open_files
from synthgen.extract.table_notes import note_of

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

# table that `source.fields` can name besides note -> column that joins the table to note
_KEYS = {"person": "person_id", "visit_occurrence": "visit_occurrence_id", "provider": "provider_id"}
_REQUIRED: dict[str, tuple[str, ...]] = {table: (key,) for table, key in _KEYS.items()}  # table -> needed columns
_REQUIRED |= {"note": ("note_id", "person_id", "note_text"), "concept": ("concept_id", "concept_name")}
# columns with names of persons, which some sites add to the table person
_GIVEN, _FAMILY = ("given_name", "first_name"), ("family_name", "last_name")
_PERSON_NAMES = (*_GIVEN, "middle_name", *_FAMILY, "person_name", "name", "birth_name", "maiden_name")
_BATCH = 256  # rows that are fetched together
_INTEGER_TYPES = re.compile(r"U?(?:TINY|SMALL|BIG|HUGE)?INT(?:EGER)?")  # SQL types of whole numbers
# SQL types whose values are converted to text by a plain cast
_CAST = re.compile(rf"{_INTEGER_TYPES.pattern}|DATE|BOOLEAN|UUID|DECIMAL\(.*\)|ENUM\(.*\)", re.DOTALL)
_EXACT = {"FLOAT": 1 << 24, "DOUBLE": 1 << 53}  # SQL type -> limit below which the type stores whole numbers exactly


def read_omop(path: Path, fields: Fields, encoding: str = "utf-8") -> Iterator[Item]:
    """Yield the notes of an OMOP database, and the names of persons and providers.

    Defaults of the fields:
    - person: `note.person_id`
    - encounter: `note.visit_occurrence_id`
    - date: `note.note_datetime`, else `note.note_date`
    - author: `provider.provider_name`, else `note.provider_id`
    - label: the first of these columns that has a value in any note: `concept.concept_name` (joined by
      `note_class_concept_id`), `note.note_title`, `note.note_class_concept_id`. All notes use the same column.

    Concept 0 (no matching concept) counts as empty. Times in columns of the SQL type TIMESTAMP WITH TIME ZONE are
    converted to UTC. OMOP defines no columns for names of persons. Some sites add such columns to the table person,
    for example `given_name`; names in the columns of `_PERSON_NAMES` are used for de-identification.

    Args:
        path: a DuckDB file, or a folder of parquet or CSV files (also compressed). A table is one file, several
            numbered files, or a subfolder of files.
        fields: columns that replace the defaults, as `table.column` with a table note, person, visit_occurrence or
            provider.
        encoding: character encoding of CSV files.

    Raises:
        DataError: a table or column is missing or ambiguous, or a file is damaged.

    Privacy: reads notes, persons, visits and providers. CSV tables are copied to a temporary folder. Only the user
    can read this folder, and it is removed at the end.
    """
    with TemporaryDirectory(prefix="synthgen-") as temporary:
        folder = Path(temporary)
        opened: AbstractContextManager[tuple[DuckDBPyConnection, dict[str, OmopTable]]]
        if path.is_dir():
            parquet = {}
            for name, (is_csv, paths) in find_files(path).items():
                copy = folder / f"{name}.parquet"
                if is_csv:
                    yield from copy_csv(name, paths, copy, encoding)
                parquet[name] = (copy,) if is_csv else paths
            opened = open_files(parquet, folder)
        else:
            opened = open_database(path, folder)
        with opened as (connection, tables):
            yield from _items(connection, tables, fields)


def _items(connection: "DuckDBPyConnection", tables: Mapping[str, OmopTable], fields: Fields) -> Iterator[Item]:
    _refuse_missing(tables, fields)
    if "provider_name" in _columns(tables, "provider"):
        staff = f"SELECT DISTINCT {_value(tables, 'provider', 'provider_name')} FROM {tables['provider'].relation}"
        for rows in _batches(connection, f"{staff} AS provider"):
            yield StaffNames(tuple(name for (name,) in rows if name))
    tables = _joinable(connection, tables, fields)
    selected = _selected(connection, tables, fields)
    _refuse_repeated_keys(connection, tables, selected.values())
    previous: tuple[str, tuple[str, ...]] = ("", ())
    for rows in _batches(connection, _query(tables, selected.values())):
        for row in rows:
            values = {name: value or "" for name, value in zip(selected, row, strict=True)}
            person_and_names = values["person"], _names(values)
            if all(person_and_names) and person_and_names != previous:
                yield PersonNames(*person_and_names)
                previous = person_and_names
            yield from note_of(values, values["place"])


def _refuse_missing(tables: Mapping[str, OmopTable], fields: Fields) -> None:
    problems = []
    for table in tables:
        missing = [column for column in _REQUIRED[table] if column not in tables[table].columns]
        if missing:
            problems.append(f"table {table} has no column {', '.join(missing)}; {_listed(tables, table)}")
    for field, reference in asdict(fields).items():
        if reference is None:
            continue
        table, _, column = reference.lower().partition(".")
        if table not in {"note", *_KEYS}:
            problems.append(
                f"source.fields.{field}: write `table.column`, with one of the tables note, {', '.join(_KEYS)}"
            )
        elif table not in tables:
            problems.append(f"source.fields.{field}: there is no table {table}; the tables are {', '.join(tables)}")
        elif column not in tables[table].columns:
            problems.append(f"source.fields.{field}: table {table} has no column {column}; {_listed(tables, table)}")
        elif table != "note" and _KEYS[table] not in tables["note"].columns:
            problems.append(
                f"source.fields.{field}: table note has no column {_KEYS[table]}, by which table {table} is joined; "
                f"{_listed(tables, 'note')}"
            )
    if problems:
        hint = "Correct source.path or source.fields."
        raise DataError("the OMOP source lacks tables or columns", problems=problems, hint=hint)


def _listed(tables: Mapping[str, OmopTable], table: str) -> str:
    return f"its columns are {', '.join(tables[table].columns)}"


def _columns(tables: Mapping[str, OmopTable], table: str) -> Mapping[str, tuple[str, str]]:
    return tables[table].columns if table in tables else {}


def _joinable(
    connection: "DuckDBPyConnection", tables: Mapping[str, OmopTable], fields: Fields
) -> dict[str, OmopTable]:
    # keeps only the rows that notes refer to, because a vocabulary has millions of concepts
    joinable = {"note": tables["note"]}
    configured = {reference.lower().split(".")[0] for reference in asdict(fields).values() if reference}
    needed = {"person", "provider", "concept", *configured} - {"note"}
    for table in sorted(needed & {*tables}):
        key, note_key = _join_keys(table)
        if note_key in tables["note"].columns:
            keys = f"SELECT {_value(tables, 'note', note_key)} FROM {tables['note'].relation} AS note"
            rows = f"SELECT * FROM {tables[table].relation} AS {table} WHERE {_value(tables, table, key)} IN ({keys})"
            connection.execute(f"CREATE TEMPORARY TABLE {quoted('joined ' + table)} AS {rows}")
            joinable[table] = OmopTable(quoted(f"joined {table}"), tables[table].columns)
    return joinable


def _join_keys(table: str) -> tuple[str, str]:
    # returns the columns (of `table`, of note) that join the two tables
    return ("concept_id", "note_class_concept_id") if table == "concept" else (_KEYS[table], _KEYS[table])


def _selected(connection: "DuckDBPyConnection", tables: Mapping[str, OmopTable], fields: Fields) -> dict[str, str]:
    # returns field of a note -> SQL expression of the field; `place` is where the row is in the source
    def value(reference: str | None, *default: str) -> str:
        pairs = [r.lower().split(".", 1) for r in ([reference] if reference else default)]
        existing = [_value(tables, table, column) for table, column in pairs if column in _columns(tables, table)]
        return f"coalesce({', '.join(existing)})" if existing else "''"

    selected = {
        "place": f"note.{quoted(PLACE)}",
        "document": value("note.note_id"),
        "text": _text(tables, "note", "note_text"),
        "person": value(fields.person, "note.person_id"),
        "encounter": value(fields.encounter, "note.visit_occurrence_id"),
        "date": value(fields.date, "note.note_datetime", "note.note_date"),
        "author": value(fields.author, "provider.provider_name", "note.provider_id"),
    }
    selected |= {name: value(f"person.{name}") for name in _PERSON_NAMES if name in _columns(tables, "person")}
    labels = [value(fields.label)] if fields.label else _default_labels(tables)
    # the last default is chosen without a test, so that a label is always selected
    label = next(sql for sql in labels if sql == labels[-1] or _has_value(connection, tables, sql))
    return selected | {"label": label}


def _default_labels(tables: Mapping[str, OmopTable]) -> list[str]:
    columns = (("concept", "concept_name"), ("note", "note_title"), ("note", "note_class_concept_id"))
    return [_value(tables, table, name) for table, name in columns if name in _columns(tables, table)] or ["''"]


def _has_value(connection: "DuckDBPyConnection", tables: Mapping[str, OmopTable], expression: str) -> bool:
    query = _query(tables, [expression])
    return bool(connection.execute(f"SELECT 1 FROM ({query}) AS found(v) WHERE v IS NOT NULL LIMIT 1").fetchall())


def _query(tables: Mapping[str, OmopTable], expressions: Iterable[str]) -> str:
    expressions = list(expressions)
    joins = [f"SELECT {', '.join(expressions)} FROM {tables['note'].relation} AS note"]
    for table in _joined_tables(tables, expressions):
        key, note_key = _join_keys(table)
        condition = f"{_value(tables, table, key)} = {_value(tables, 'note', note_key)}"
        joins.append(f"LEFT JOIN {tables[table].relation} AS {table} ON {condition}")
    return " ".join(joins)


def _joined_tables(tables: Mapping[str, OmopTable], expressions: Iterable[str]) -> list[str]:
    # returns the tables besides note that the SQL expressions name
    whole = " ".join(expressions)
    return [table for table in tables if table != "note" and re.search(rf"\b{table}\.", whole)]


def _refuse_repeated_keys(
    connection: "DuckDBPyConnection", tables: Mapping[str, OmopTable], expressions: Iterable[str]
) -> None:
    # a repeated key in a joined table would repeat notes
    problems = []
    for table in _joined_tables(tables, expressions):
        key, _ = _join_keys(table)
        value = _value(tables, table, key)
        query = f"SELECT count({value}) - count(DISTINCT {value}) FROM {tables[table].relation} AS {table}"
        repeated = connection.execute(query).fetchall()[0][0]
        if repeated:
            problems.append(f"table {table}: {repeated} rows have the {key} of another row")
    if problems:
        hint = "Export each of these tables with one row per key."
        raise DataError("keys of OMOP tables are not unique", problems=problems, hint=hint)


def _text(tables: Mapping[str, OmopTable], table: str, column: str) -> str:
    # returns the SQL expression of a column as text; a float that is not whole or not exact becomes null
    name, kind = tables[table].columns[column]
    sql = f"{table}.{name}"
    if kind == "VARCHAR":
        return sql
    if kind == "BLOB":
        return f"decode({sql})"
    if kind.startswith("TIMESTAMP"):
        return f"strftime({sql}::TIMESTAMP, '%Y-%m-%dT%H:%M:%S')"
    if kind in _EXACT:
        is_whole = f"abs({sql}) < {_EXACT[kind]} AND {sql} = trunc({sql})"
        return f"CASE WHEN {is_whole} THEN {sql}::BIGINT::VARCHAR END"
    if _CAST.fullmatch(kind):
        return f"{sql}::VARCHAR"
    message = f"column {table}.{column} has a type that cannot be read as text"
    raise DataError(message, hint="Save the column as text, a number or a date.")


def _value(tables: Mapping[str, OmopTable], table: str, column: str) -> str:
    # like `_text`, but removes surrounding blanks; "" and concept 0 become null, and "12.0" becomes "12"
    value = _text(tables, table, column)
    if _INTEGER_TYPES.fullmatch(tables[table].columns[column][1]) is None:
        value = rf"nullif(regexp_replace(trim({value}), '^([+-]?\d+)\.0+$', '\1'), '')"
    return f"nullif({value}, '0')" if column.endswith("concept_id") else value


def _batches(connection: "DuckDBPyConnection", query: str) -> Iterator[list[tuple[Any, ...]]]:
    connection.execute(query)
    while rows := connection.fetchmany(_BATCH):
        yield rows


def _names(values: Mapping[str, str]) -> tuple[str, ...]:
    given = next((values[name] for name in _GIVEN if values.get(name)), "")
    family = next((values[name] for name in _FAMILY if values.get(name)), "")
    whole = " ".join(filter(None, [given, values.get("middle_name"), family]))
    others = (values.get(name, "") for name in ("person_name", "name", "birth_name", "maiden_name"))
    return tuple(dict.fromkeys(filter(None, [whole, *others])))
