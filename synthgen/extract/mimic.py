"""Read the notes of MIMIC-IV-Note (discharge, radiology) and MIMIC-III (NOTEEVENTS)."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path

from synthgen.core.errors import DataError
from synthgen.extract.csv_rows import identifier, read_csv_table
from synthgen.extract.links import OUTSIDE, entries_of, is_outside
from synthgen.extract.note import Dropped, Fields, Item
from synthgen.extract.table_notes import note_of

MARKED_AS_ERROR = "note is marked as an error (ISERROR)"
_NOTES = re.compile(r"(?P<table>discharge|radiology|noteevents)\.csv(?:\.gz)?", re.IGNORECASE)  # tables of notes
_DETAILS = re.compile(r"(?:discharge|radiology)_detail\.csv(?:\.gz)?", re.IGNORECASE)  # tables without notes
# field of a note -> default column; `document` is the identifier of the note
_IN_BOTH = {"person": "subject_id", "encounter": "hadm_id"}
_MIMIC_4 = {"document": "note_id", **_IN_BOTH, "date": "charttime", "label": "note_type"}
_MIMIC_3 = {"document": "row_id", **_IN_BOTH, "date": "chartdate", "label": "category", "author": "cgid"}


def read_mimic(path: Path, fields: Fields, encoding: str = "utf-8") -> Iterator[Item]:
    """Yield the notes of MIMIC-IV-Note or MIMIC-III.

    Default columns of the fields:
    - MIMIC-IV-Note and MIMIC-III: person `subject_id`, encounter `hadm_id`
    - MIMIC-IV-Note: date `charttime`, label `note_type`, no author
    - MIMIC-III: date `CHARTDATE`, label `CATEGORY`, author `CGID`

    Notes of MIMIC-III with `ISERROR` 1 are dropped. The marks `___` and `[**...**]`, which replace removed
    identifiers, stay in the text.

    Args:
        path: discharge.csv, radiology.csv or NOTEEVENTS.csv, plain or compressed by gzip, or a folder of such files.
        fields: names of columns that replace the default columns.
        encoding: character encoding of the files.

    Raises:
        DataError: there is no table of notes, the folder has notes of both databases, a column is missing, or a file
            is damaged.

    Privacy: reads notes.
    """
    files = [path]
    if path.is_dir():
        files, dropped = _files(path)
        yield from dropped
    headers = {file: read_csv_table(file, {"subject_id"}, encoding).columns for file in files}
    kinds = {"note_id" in header for header in headers.values()}  # True for MIMIC-IV-Note, False for MIMIC-III
    if len(kinds) > 1:
        why = "the same subject_id means different persons in the two databases"
        message = f"{path} has notes of both MIMIC-III and MIMIC-IV; {why}"
        raise DataError(message, hint="Set source.path to a folder with notes of only MIMIC-III or only MIMIC-IV.")
    overrides = {name: column.lower() for name, column in asdict(fields).items() if column is not None}
    needed = {**(_MIMIC_4 if kinds.pop() else _MIMIC_3), **overrides, "text": "text"}
    problems = [
        f"{file.name} has no column {column} (for the field `{name}`); its columns are {', '.join(header)}"
        for file, header in headers.items()
        for name, column in needed.items()
        if column not in header
    ]
    if problems:
        hint = "Correct source.path or source.fields."
        raise DataError("the tables of notes lack columns", problems=problems, hint=hint)
    for file in files:
        yield from _rows(file, needed, encoding)


def _files(folder: Path) -> tuple[list[Path], list[Dropped]]:  # (files of tables, dropped files)
    tables: dict[str, Path] = {}
    dropped, problems = [], []
    for entry in entries_of(folder):
        match = _NOTES.fullmatch(entry.name)
        if match is None:
            reason = (
                "table of note details; it contains no notes"
                if _DETAILS.fullmatch(entry.name)
                else "not a table of notes"
            )
            dropped.append(Dropped(reason, entry.name))
        elif match["table"].lower() in tables:
            problems.append(f"{entry.name}: contains the same table as {tables[match['table'].lower()].name}")
        elif is_outside(entry, folder):
            problems.append(f"{entry.name}: {OUTSIDE}")
        else:
            tables[match["table"].lower()] = entry
    if problems or not tables:
        missing = "there is no file discharge.csv, radiology.csv or NOTEEVENTS.csv, with or without .gz"
        hint = "Set source.path to a folder with tables discharge, radiology or NOTEEVENTS, one file for each."
        raise DataError(f"{folder} is not a folder of MIMIC notes", problems=problems or [missing], hint=hint)
    return list(tables.values()), dropped


def _rows(file: Path, columns: Mapping[str, str], encoding: str) -> Iterator[Item]:
    table = read_csv_table(file, {"subject_id"}, encoding)
    index = {name: table.columns.index(column) for name, column in columns.items()}
    error_column = table.columns.index("iserror") if "iserror" in table.columns else None
    for row in table.rows:
        if isinstance(row, Dropped):
            yield row
        elif error_column is not None and identifier(row.cells[error_column]) == "1":
            yield Dropped(MARKED_AS_ERROR, row.place)
        else:
            values = {name: identifier(row.cells[i]) for name, i in index.items()}
            yield from note_of({"author": "", **values, "text": row.cells[index["text"]]}, row.place)
