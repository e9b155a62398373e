# ruff: noqa: S608 - the statements are made of paths and names of the tests

import csv
import datetime as dt
import gzip
import random

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from synthgen.core.errors import DataError
from synthgen.extract.csv_rows import MALFORMED
from synthgen.extract.note import Dropped, Fields, Note, PersonNames, Remark, StaffNames
from synthgen.extract.omop import read_omop
from synthgen.extract.table_notes import NO_ID, UNKNOWN_DATE

DAY, TIME = dt.date(2020, 3, 4), dt.datetime.fromisoformat("2020-03-04T10:11:12")
NOTES = [
    {
        "note_id": 1, "person_id": 10, "note_date": DAY, "note_datetime": TIME, "note_class_concept_id": 706300,
        "note_title": "Title", "note_text": 'Seen.\r\nSaid "no", café.', "provider_id": 7, "visit_occurrence_id": 90,
    },
    {
        "note_id": 2, "person_id": 11, "note_date": DAY, "note_datetime": None, "note_class_concept_id": 0,
        "note_title": None, "note_text": "Second", "provider_id": 8, "visit_occurrence_id": None,
    },
    {
        "note_id": None, "person_id": 11, "note_date": DAY, "note_datetime": None, "note_class_concept_id": 706300,
        "note_title": "", "note_text": "Third", "provider_id": None, "visit_occurrence_id": None,
    },
]  # fmt: skip
TABLES = {
    "note": NOTES,
    "person": [{"person_id": 10, "person_source_value": "MRN10", "Given_Name": "Ann", "family_name": "Vale"}],
    "visit_occurrence": [{"visit_occurrence_id": 90, "visit_start_date": DAY, "visit_source_value": "V-90"}],
    "provider": [{"provider_id": 7, "provider_name": "Dr. Reed"}, {"provider_id": 8, "provider_name": None}],
    "concept": [{"concept_id": 706300, "concept_name": "Discharge summary"}],
    "measurement": [{"measurement_id": 1}],
}


def write_parquet(folder, tables=TABLES):
    for name, rows in tables.items():
        pq.write_table(pa.Table.from_pylist(rows), folder / f"{name}.parquet")
    return folder


def write_csv(folder, tables=TABLES, separator=",", ending="csv", encoding="utf-8"):
    for name, rows in tables.items():
        with (folder / f"{name.upper()}.{ending}").open("w", encoding=encoding, newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]), delimiter=separator, lineterminator="\n")
            writer.writerow({column: column.upper() for column in rows[0]})
            writer.writerows(rows)
    return folder


def write_database(folder, schema="main", tables=TABLES):
    source = write_parquet(folder, tables)
    with duckdb.connect(str(folder / "omop.duckdb")) as connection:
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
        for name in tables:
            connection.execute(f"CREATE TABLE {schema}.{name} AS SELECT * FROM '{source}/{name}.parquet'")
    return folder / "omop.duckdb"


def packed(folder):
    write_csv(folder)
    for file in list(folder.iterdir()):
        file.with_name(file.name + ".gz").write_bytes(gzip.compress(file.read_bytes()))
        file.unlink()
    return folder


def parts(folder, ending="parquet"):
    """Write each table as a folder of part files, like Spark."""
    for name, rows in TABLES.items():
        (folder / name).mkdir()
        (folder / name / "_SUCCESS").touch()
        for number, row in enumerate(rows):
            schema = pa.Table.from_pylist(rows).schema
            pq.write_table(pa.Table.from_pylist([row], schema), folder / name / f"part-{number:05d}-c000.{ending}")
    return folder


def notes(path, **fields):
    return [item for item in read_omop(path, Fields(**fields)) if isinstance(item, Note)]


SOURCES = [
    write_parquet,
    write_csv,
    packed,
    parts,
    write_database,
    lambda folder: write_csv(folder, separator="\t", ending="tsv"),
    lambda folder: write_database(folder, schema="cdm"),
]
SOURCE_IDS = ["parquet", "csv", "csv.gz", "parts", "duckdb", "tsv", "schema"]


@pytest.mark.parametrize("write", SOURCES, ids=SOURCE_IDS)
def test_all_kinds_of_source_give_the_same_items(tmp_path, write):
    items = list(read_omop(write(tmp_path), Fields()))
    staff, names, first, second, dropped = items
    assert isinstance(staff, StaffNames)
    assert staff.names == ("Dr. Reed",)
    assert names == PersonNames("10", ("Ann Vale",))
    is_csv = first.place.endswith("line 2")
    assert is_csv or first.place == "note row 1"
    assert first == Note(
        place=first.place, document="1", text='Seen.\nSaid "no", café.', person="10", label="Discharge summary",
        encounter="90", date="2020-03-04T10:11:12", author="Dr. Reed",
    )  # fmt: skip
    assert second == Note(
        place=second.place, document="2", text="Second", person="11", label="", date="2020-03-04", author="8"
    )
    assert isinstance(dropped, Dropped)
    assert dropped.reason == NO_ID


def test_label_is_the_first_source_of_labels_that_has_values(tmp_path):
    tables = {name: rows for name, rows in TABLES.items() if name != "concept"}
    path = write_parquet(tmp_path, tables)
    assert [note.label for note in notes(path)] == ["Title", ""]
    unmapped = {**TABLES, "concept": [{"concept_id": 1, "concept_name": "Other"}]}
    assert [note.label for note in notes(write_parquet(tmp_path, unmapped))] == ["Title", ""]
    untitled = [{**note, "note_title": " "} for note in NOTES]
    assert [note.label for note in notes(write_parquet(tmp_path, {**unmapped, "note": untitled}))] == ["706300", ""]


def test_optional_columns_and_tables_can_be_missing(tmp_path):
    write_parquet(tmp_path, {"note": [{"NOTE_ID": "a", "Person_ID": "p", "note_text": "t"}]})
    assert list(read_omop(tmp_path, Fields())) == [
        Note(place="note row 1", document="a", text="t", person="p", label="")
    ]


def test_fields_can_be_overridden(tmp_path):
    first, second = notes(
        write_parquet(tmp_path), person="person.PERSON_SOURCE_VALUE", encounter="visit_occurrence.visit_source_value",
        date="Visit_Occurrence.visit_start_date", label="note.note_class_concept_id", author="note.provider_id",
    )  # fmt: skip
    assert (first.person, first.encounter, first.date, first.label, first.author) == (
        "MRN10", "V-90", "2020-03-04", "706300", "7",
    )  # fmt: skip
    assert (second.person, second.encounter, second.date, second.label, second.author) == ("", "", "", "", "8")
    names = [
        i for i in read_omop(tmp_path, Fields(person="person.person_source_value")) if isinstance(i, PersonNames)
    ]
    assert names == [PersonNames("MRN10", ("Ann Vale",))]


def test_one_error_lists_all_wrong_overrides_with_the_columns(tmp_path):
    write_parquet(tmp_path, {**TABLES, "note": [{k: v for k, v in NOTES[0].items() if k != "visit_occurrence_id"}]})
    own = Fields(person="person.mrn", encounter="visit_occurrence.visit_source_value", date="when", label="a.b")
    with pytest.raises(DataError) as caught:
        list(read_omop(tmp_path, own))
    problems = caught.value.problems
    assert len(problems) == 4
    assert "person_id, person_source_value, given_name" in problems[0]
    assert "table note has no column visit_occurrence_id, by which table visit_occurrence is joined" in problems[1]
    assert "write `table.column`" in problems[2]


def test_missing_required_columns_are_listed_with_those_found(tmp_path):
    write_parquet(tmp_path, {"note": [{"note_id": 1, "body": "zebra"}], "provider": [{"npi": "1"}]})
    with pytest.raises(DataError) as caught:
        list(read_omop(tmp_path, Fields()))
    assert caught.value.problems == (
        "table note has no column person_id, note_text; its columns are note_id, body",
        "table provider has no column provider_id; its columns are npi",
    )


def test_names_of_all_columns_are_read(tmp_path):
    person = {
        "person_id": 10, "first_name": "Ann", "middle_name": "Q", "last_name": "Vale", "birth_name": "Moor",
        "name": "Ann Q Vale", "maiden_name": "",
    }  # fmt: skip
    write_parquet(tmp_path, {**TABLES, "person": [person]})
    names = next(i for i in read_omop(tmp_path, Fields()) if isinstance(i, PersonNames))
    assert names.names == ("Ann Q Vale", "Moor")


def test_identifiers_that_became_decimals_are_joined(tmp_path):
    rows = [{**row, "visit_occurrence_id": 90.0 if row["note_id"] == 1 else None} for row in NOTES[:2]]
    rows += [{**NOTES[0], "note_id": 3, "person_id": 10, "visit_occurrence_id": 1e17}]
    first, second, third = notes(write_parquet(tmp_path, {**TABLES, "note": rows}))
    assert [note.encounter for note in (first, second, third)] == ["90", "", ""]
    first, _, _ = notes(tmp_path, encounter="visit_occurrence.visit_source_value")
    assert first.encounter == "V-90"


def test_binary_text_zones_and_large_types(tmp_path):
    zone = pa.timestamp("ns", "Europe/Berlin")
    table = pa.table(
        {
            "note_id": pa.array([1], pa.decimal128(38, 0)),
            "person_id": pa.array(["10"]).dictionary_encode(),
            "note_text": pa.array(["café".encode()]),
            "note_datetime": pa.array([TIME], pa.timestamp("ns")).cast(zone),
        }
    )
    pq.write_table(table, tmp_path / "note-000000000000.parquet")
    pq.write_table(table, tmp_path / "note-000000000001.parquet")
    first, _ = notes(tmp_path)
    assert (first.document, first.person, first.text, first.date) == ("1", "10", "café", "2020-03-04T10:11:12")


def test_nested_text_is_refused(tmp_path):
    write_parquet(tmp_path, {"note": [{**NOTES[0], "note_text": ["zebra"]}]})
    with pytest.raises(DataError, match=r"note\.note_text has a type that cannot be read as text"):
        notes(tmp_path)


def test_unreadable_rows_of_csv_are_counted(tmp_path):
    header = "note_id,person_id,note_date,note_text\n"
    (tmp_path / "note.csv").write_text(header + '1,10,03/04/2020,"a\n\r\nb"\n2,10\n3,1 0,,x\n4,NA,,y\n', newline="")
    items = list(read_omop(tmp_path, Fields()))
    assert [type(item) for item in items] == [Dropped, Remark, Note, Dropped, Note]
    assert items[0] == Dropped(MALFORMED, "note.csv line 5")
    assert items[1] == Remark(UNKNOWN_DATE, "note.csv line 2")
    assert items[2].text == "a\n\nb"
    assert (items[4].document, items[4].person) == ("4", "")


def test_csv_in_another_encoding_is_refused_or_declared(tmp_path):
    write_csv(tmp_path, encoding="cp1252")
    with pytest.raises(DataError, match="not valid utf-8") as caught:
        notes(tmp_path)
    assert "cp1252" in caught.value.hint
    items = list(read_omop(tmp_path, Fields(), "cp1252"))
    assert next(item.text for item in items if isinstance(item, Note)) == 'Seen.\nSaid "no", café.'


def test_repeated_keys_of_joined_tables_are_refused(tmp_path):
    write_parquet(tmp_path, {**TABLES, "provider": TABLES["provider"] * 2, "person": TABLES["person"] * 3})
    with pytest.raises(DataError, match="not unique") as caught:
        notes(tmp_path)
    assert caught.value.problems == (
        "table person: 2 rows have the person_id of another row",
        "table provider: 2 rows have the provider_id of another row",
    )


def test_schemas(tmp_path):
    path = write_database(tmp_path, schema="cdm", tables={"note": NOTES})
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE SCHEMA vocabulary")
        connection.execute("CREATE TABLE vocabulary.CONCEPT AS SELECT 706300 AS concept_id, 'Class' AS concept_name")
    assert [note.label for note in notes(path)] == ["Class", ""]
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE main.NOTE AS SELECT 1 AS note_id")
    with pytest.raises(DataError) as caught:
        notes(path)
    assert caught.value.problems == ("schema cdm has a table `note`", "schema main has a table `note`")


def test_view_of_a_database_cannot_read_other_files(tmp_path):
    secret = tmp_path / "secret.csv"
    secret.write_text("note_id,person_id,note_text\n1,2,zebra\n")
    with duckdb.connect(str(tmp_path / "a.db")) as connection:
        connection.execute(f"CREATE VIEW note AS SELECT * FROM read_csv('{secret}')")
    with pytest.raises(DataError, match=r"PermissionException|BinderException") as caught:
        notes(tmp_path / "a.db")
    assert "zebra" not in str(caught.value)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ([], "there is no file or folder of this name"),
        (["measurement.csv", "note_nlp.csv"], "there is no file or folder of this name"),
        (["note.csv", "NOTE.csv.gz"], "several files or folders have this name: NOTE.csv.gz, note.csv"),
        (["note_1.csv", "note.csv"], "several files or folders have this name"),
        (["note-1.csv", "note-2.parquet"], "both parquet and CSV"),
        (["note/_delta_log/0.json", "note/part-0.parquet"], "note/_delta_log is a subfolder"),
        (["note/year=2020/part-0.parquet"], "a subfolder"),
        (["note/readme.txt", "note/part-0.parquet"], "note/readme.txt is not a parquet, CSV or TSV file"),
        (["note/_SUCCESS"], "note is an empty folder"),
    ],
)
def test_ambiguous_folders_are_refused(tmp_path, files, message):
    for name in files:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    with pytest.raises(DataError, match="not a folder of OMOP tables") as caught:
        notes(tmp_path)
    assert message in str(caught.value)


def test_parts_of_csv_have_the_same_columns(tmp_path):
    (tmp_path / "note_1.csv").write_text("note_id,person_id,note_text\n1,10,a\n")
    (tmp_path / "note_2.csv").write_text("NOTE_TEXT,note_id,person_id\nb,2,11\n")
    assert [(note.document, note.text) for note in notes(tmp_path)] == [("1", "a"), ("2", "b")]
    (tmp_path / "note_2.csv").write_text("note_id,person_id\n2,11\n")
    with pytest.raises(DataError, match=r"note_2\.csv: its columns differ"):
        notes(tmp_path)


@pytest.mark.parametrize("name", ["missing.duckdb", "note.csv"])
def test_other_files_are_refused(tmp_path, name):
    (tmp_path / "note.csv").write_text("note_id,person_id,note_text\n1,2,zebra\n")
    with pytest.raises(DataError, match=r"not a DuckDB file|cannot be read"):
        notes(tmp_path / name)


N_ALTERED = 50  # number of altered copies
ALTERED = {"csv": write_csv, "parquet": write_parquet, "duckdb": write_database}


@pytest.mark.slow
@pytest.mark.parametrize("kind", ALTERED)
def test_altered_files_end_in_items_or_one_error(tmp_path, kind):
    path = ALTERED[kind](tmp_path)
    files = [path] if kind == "duckdb" else sorted(tmp_path.iterdir())
    whole = {file: file.read_bytes() for file in files}
    rng = random.Random(5)
    messages = []
    for number in range(N_ALTERED):
        file = rng.choice(files)
        data = bytearray(whole[file])
        for _ in range(rng.randrange(1, 6)):
            at = rng.randrange(len(data))
            data[at : at + rng.choice([1, 1, 4])] = rng.choice([b'"', b"\n", b"\0", b"\xff", b"\xff\xff\xff\x7f"])
        file.write_bytes(data[: rng.randrange(len(data))] if number % 9 == 0 else data)
        try:
            list(read_omop(path, Fields()))
        except DataError as error:
            messages.append(str(error))
        file.write_bytes(whole[file])
    assert 0 < len(messages) < N_ALTERED
    assert "Said" not in " ".join(messages)
