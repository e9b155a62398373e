"""Run commands on sources as other programs write them: ids, labels, names, encodings, folders."""

import json
import re
import shutil
import uuid
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.unit.synthgen.load.command_line import ALL, FOLDER, N, csv_of, is_whole, rows

# --- a folder of the library `datasets` after select(), filter() or shuffle()


def saved(sources, written, chosen, **entry):
    """Save 60 rows; the indices `chosen` should exclude the 20 rows of the class `left out`."""
    kept = rows()
    others = [{**row, "pid": f"q{i}", "label": "left out"} for i, row in enumerate(kept[: N // 2])]
    path = written.dataset(sources.folder / "d", [*others, *kept])
    with pa.OSFile(str(path / "i.arrow"), "wb") as file:
        table = pa.table({"indices": pa.array(chosen, pa.uint64())})
        with pa.ipc.new_stream(file, table.schema) as stream:
            stream.write_table(table)
    state = json.loads((path / "state.json").read_text())
    (path / "state.json").write_text(json.dumps({**state, "_indices_data_files": [{"filename": "i.arrow", **entry}]}))
    return path


KEPT = [*range(N // 2, 3 * N // 2)]
CHOSEN = {
    "selected": (KEPT, {}),
    "shuffled": ([*KEPT[::2], *KEPT[1::2]], {}),
    "reversed": (KEPT[::-1], {}),
    "cut": ([0, 1, *KEPT, 2], {"skip": 2, "take": N}),
}


@pytest.mark.parametrize("case", CHOSEN)
def test_rows_that_a_saved_dataset_leaves_out_are_not_loaded(case, sources, written):
    chosen, entry = CHOSEN[case]
    saved(sources, written, chosen, **entry)
    is_whole(sources.plan("d"))


def test_a_saved_dataset_with_unknown_or_wrong_indices_is_refused(sources, written):
    path = saved(sources, written, [*KEPT, 700])
    sources.refused("d", "do not fit the row indices", "Save the dataset again with `Dataset.save_to_disk`")
    state = (path / "state.json").read_text()
    (path / "state.json").write_text(state.replace("_indices_data_files", "_indices_files"))
    sources.refused("d", "indices that SynthGen does not support", "_indices_files")


# --- ids and labels of other types


def typed(name, kind):
    """Return a function that casts one column of a table to an Arrow type."""

    def change(table):
        at = table.column_names.index(name)
        return table.set_column(at, name, table.column(name).cast(kind))

    return change


def unchanged(table):
    return table


def number(i):
    return 100 + i


NUMBERED = {"0": N // 2, "1": N // 2}
TYPES = {
    "float-id": ({"pid": lambda i: 100.0 + i}, unchanged, ALL),
    "decimal-id": ({"pid": lambda i: Decimal(1000 + i)}, unchanged, ALL),
    "uuid-id": ({"pid": lambda i: uuid.UUID(int=i + 1).bytes}, typed("pid", pa.uuid()), ALL),
    "integer-id": ({"pid": number}, typed("pid", pa.int16()), ALL),
    "float32-id": ({"pid": number}, typed("pid", pa.float32()), ALL),
    "float-label": ({"label": lambda i: float(i % 2)}, unchanged, NUMBERED),
    "boolean-label": ({"label": lambda i: i % 2 == 0}, unchanged, {"true": N // 2, "false": N // 2}),
    "decimal-label": ({"label": lambda i: Decimal(f"{i % 2}.0")}, unchanged, NUMBERED),
    "integer-label": ({"label": lambda i: i % 2}, typed("label", pa.int8()), NUMBERED),
}


@pytest.mark.parametrize("case", TYPES)
def test_ids_and_labels_of_other_types_are_read_as_text(case, sources):
    columns, change, classes = TYPES[case]
    sources.write("t.parquet", change(pa.Table.from_pylist(rows(**columns))))
    is_whole(sources.plan("t.parquet"), classes)


@pytest.mark.parametrize("column", ["pid", "label"])
def test_whole_numbers_with_a_decimal_point_in_json_are_read_as_integers(column, sources):
    sources.write("t.jsonl", rows(**{column: lambda i: float(i % 2 if column == "label" else i)}))
    is_whole(sources.plan("t.jsonl"), NUMBERED if column == "label" else ALL)


UNREADABLE = {
    "fraction": ({"pid": lambda i: i + 0.5}, "group is a float that is not a whole number", "pid"),
    "list": ({"pid": lambda i: [f"p{i}"]}, "group is of type list", "pid"),
    "struct": ({"label": lambda i: {"code": f"c{i % 2}"}}, "label is of type struct", "label"),
    "bytes": ({"pid": lambda i: b"\xff" + bytes([i])}, "group is of type binary", "pid"),
    "infinite": ({"label": lambda _: float("inf")}, "label is a float that is not a whole number", "label"),
}


@pytest.mark.parametrize("case", UNREADABLE)
def test_a_type_that_is_not_read_is_named_with_its_column(case, sources):
    columns, message, column = UNREADABLE[case]
    sources.write("t.parquet", rows(**columns))
    said = sources.refused("t.parquet", f"{message}; save it as text \\(column {column}\\): {N} rows")
    assert "missing" not in said


# --- columns of names that hold lists, structs or JSON

NAMES = {
    "text": lambda _: "Zubrovka Quuxley",
    "list": lambda _: ["Zubrovka", "Quuxley"],
    "struct": lambda _: {"family": "Quuxley", "given": ["Zubrovka"]},
    "list-of-structs": lambda _: [{"use": "usual", "family": "Quuxley", "given": ["Zubrovka"]}],
    "json": lambda _: '{"family": "Quuxley", "given": ["Zubrovka"]}',
    "json-list": lambda _: '["Zubrovka", "Quuxley"]',
}


@pytest.mark.parametrize("case", NAMES)
def test_names_in_nested_values_are_replaced(case, sources):
    notes = [row["note"].replace("came", "Quuxley said that Zubrovka came") for row in rows()]
    sources.write("t.parquet" if case == "struct" else "t.jsonl", rows(note=notes.__getitem__, name=NAMES[case]))
    name = "t.parquet" if case == "struct" else "t.jsonl"
    done = sources.call("run", name, "--until", "deidentify", names=["name"])
    assert done.exit_code == 0, (done.output, done.exception)
    (stage,) = (sources.folder / "ws" / "stages").glob("deidentify-*")
    texts = [
        text for part in ("train", "control") for text in pq.read_table(stage / f"{part}.parquet")["text"].to_pylist()
    ]
    assert len(texts) == N
    assert [text for text in texts if re.search("zubrovka|quuxley", text, flags=re.IGNORECASE)] == []


@pytest.mark.parametrize("name", [7, 1.5, True, "[Zubrovka, Quuxley", [["Zubrovka"], 3]])
def test_a_column_of_names_that_cannot_be_read_is_refused(name, sources):
    sources.write("t.jsonl", rows(name=lambda _: name))
    said = sources.refused("t.jsonl", "columns in source.names hold values that are not names", names=["name"])
    assert "Zubrovka" not in said


# --- labels that differ by invisible characters, labels that state no value, and texts without a visible character


@pytest.mark.parametrize("odd", ["cardio\u200b", "car\u00addio", " cardio\t", "\ufeffcardio", "cardio\u2060"])
def test_labels_that_differ_only_by_invisible_characters_are_one_class(odd, sources):
    sources.write("t.jsonl", rows(label=lambda i: ("cardio", "neuro", odd, "neuro")[i % 4]))
    is_whole(sources.plan("t.jsonl"))


SIMILAR = {
    "case": ("Surgery", "SURGERY", "differ only by case"),
    "title": ("cardio unit", "Cardio Unit", "differ only by case"),
    "width": ("cardio", "\uff43\uff41\uff52\uff44\uff49\uff4f", "differ only by case, width or spacing"),
    "spacing": ("card io", "cardio", "differ only by case, width or spacing"),
    "null": ("cardio", "NULL", "look like a missing value"),
    "n/a": ("cardio", "N/A", "look like a missing value"),
    "nan": ("cardio", "nan", "look like a missing value"),
    "excel": ("cardio", "#REF!", "look like a missing value"),
    "database": ("cardio", "n.a", "look like a missing value"),
    "form": ("cardio", "(blank)", "look like a missing value"),
}


@pytest.mark.parametrize("case", SIMILAR)
def test_doubtful_labels_are_reported_with_counts_and_can_be_normalized(case, sources):
    one, other, message = SIMILAR[case]
    sources.write("t.jsonl", rows(label=lambda i: (one, other)[i % 2]))
    (note,) = [note for note in sources.plan("t.jsonl")["notes"] if message in note]
    assert f"{other!r}: {N // 2} records" in note
    assert "source.normalize_labels: true" in note
    found = sources.plan("t.jsonl", normalize_labels=True, max_bad_rows=0.5)
    assert len(found["wanted"]) == 1
    assert found["bad_rows"] == ({"missing label": N // 2} if "missing" in message else {})


@pytest.mark.parametrize("text", ["\u200b", "\u00ad \u2060", "\ufeff\u200d", "\u2800\u3164", "\x01"])
def test_a_text_without_a_visible_character_is_an_empty_text(text, sources):
    notes = [row["note"] for row in rows()]
    sources.write("t.jsonl", rows(note=lambda i: text if i < 3 else notes[i]))
    sources.refused("t.jsonl", r"empty text: 3 rows \(1, 2, 3\)")
    found = sources.plan("t.jsonl", max_bad_rows=0.1)
    assert found["bad_rows"] == {"empty text": 3}


# --- folders


def text_files(folder, names):
    notes = [row["note"] for row in rows()]
    for i, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(notes[i % N] + f" {i}", encoding="utf-8")


@pytest.mark.parametrize("suffix", [".txt", ".TXT", ".Txt", ".tXT"])
def test_text_files_are_read_in_every_case_of_their_suffix(suffix, sources):
    text_files(sources.folder / "notes", [f"{('cardio', 'neuro')[i % 2]}/{i}{suffix}" for i in range(N)])
    is_whole(sources.plan("notes", **FOLDER))


@pytest.mark.parametrize("hidden", [".git", ".svn", "__MACOSX", "cardio/.ipynb_checkpoints"])
def test_hidden_folders_are_no_classes_and_other_files_are_counted(hidden, sources):
    names = [f"{('cardio', 'neuro')[i % 2]}/{i}.txt" for i in range(N)]
    text_files(sources.folder / "notes", [*names, f"{hidden}/HEAD.txt", f"{hidden}/b.txt", "cardio/scan.docx"])
    found = sources.plan("notes", **FOLDER)
    is_whole(found)
    assert {"2 hidden files were not read", "1 files (.docx) were not read; only .txt files are read"} <= {
        *found["notes"]
    }


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("out.parquet", ("part-00000.parquet", "part-00001.parquet")),
        ("out", ("part-0.snappy.parquet", "part-1.snappy.parquet", "part-2.snappy.parquet")),
        ("out.pq", ("A.PARQUET", "b.pq")),
        ("table.csv", ("x.parquet", "y.parquet")),
    ],
)
def test_a_folder_of_parquet_parts_is_one_table(name, parts, sources):
    (sources.folder / name).mkdir()
    table = pa.Table.from_pylist(rows())
    for i, part in enumerate(parts):
        at = [round(N * j / len(parts)) for j in (i, i + 1)]
        pq.write_table(table.slice(at[0], at[1] - at[0]), sources.folder / name / part)
    for beside in ("_SUCCESS", f".{parts[0]}.crc"):
        (sources.folder / name / beside).write_bytes(b"x")
    is_whole(sources.plan(name))
    shutil.copytree(sources.folder / name, sources.folder / name / "year=2024")
    sources.refused(name, "the parquet files of the folder do not form one table", "year=2024 is a folder")


# --- csv files of other programs


@pytest.mark.parametrize(("delimiter", "name"), [(";", "semicolons"), ("\t", "tabs"), ("|", "vertical bars")])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_another_separator_is_named_with_the_key_to_set(delimiter, name, mark, sources):
    sources.write("t.csv", csv_of(delimiter, first=mark).encode())
    sources.refused("t.csv", f"separated by {name}", re.escape(f"source.delimiter: {json.dumps(delimiter)}"))
    is_whole(sources.plan("t.csv", delimiter=delimiter))


def test_commas_are_named_where_another_separator_is_set(sources):
    sources.write("t.csv", csv_of().encode())
    sources.refused("t.csv", "separated by commas", 'source.delimiter: ","', delimiter=";")


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_another_encoding_is_named_with_the_key_to_set(encoding, sources):
    sources.write("t.csv", csv_of().encode(encoding))
    sources.refused("t.csv", f"source.encoding: {encoding}")
    is_whole(sources.plan("t.csv", encoding=encoding))


@pytest.mark.parametrize(("header", "row"), [(",", ","), (",,", ",,"), (", ,", ",x,"), (",,,", ",,,")])
def test_columns_without_a_name_are_not_read_and_counted(header, row, sources):
    sources.write("t.csv", csv_of(header_end=header, row_end=row).encode())
    found = sources.plan("t.csv")
    is_whole(found)
    assert f"{header.count(',')} columns of the csv file have no name and were not read" in found["notes"]
