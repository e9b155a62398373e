"""Load the tables of the audits from parquet, jsonl or csv files, and check every row before any audit runs.

A table to be released is rejected if it contains anything that no audit reads (`audits.core.released`).
"""

import codecs
import csv
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from io import BufferedReader, TextIOWrapper
from pathlib import Path
from typing import Any, Literal

import numpy as np

from audits.core.errors import InputError, counted
from audits.core.files import arrow_errors, open_regular, read_parquet
from audits.core.released import NUMBERINGS, file_problems, is_numbering, released_problems
from audits.core.strictjson import JsonError, canonical, unique_keys
from audits.core.types import AuditInputs, Int, Table, persons

# "synthetic" is the table to be released; only for this role, every byte of the file is checked. Three roles are the
# outputs of additional runs of the generator: "rerun" (without some train persons), "mirror" (trained on control) and
# "canary build" (with invented persons). "previous" is an earlier release. "evaluated" is a table whose utility is
# measured, or which `audits rewrite` rewrites.
Role = Literal[
    "synthetic", "rerun", "mirror", "canary build", "evaluated", "previous", "train", "control", "reference"
]

MAX_ROWS = 5_000_000
MAX_TEXT_CHARACTERS = 1_000_000
_SURROGATE = re.compile("[\ud800-\udfff]")  # a lone surrogate of UTF-16, which is not a character
_MAX_LISTED = 20  # largest number of problems or columns that a message lists
_MAX_NAME_CHARACTERS = 40  # a longer column name is not shown: it may be a record of a file without header
_COLUMN = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,31}")  # allowed column names of a synthetic table
_DEFAULT_COLUMNS = {"text": "text", "label": "label", "group": "group"}  # parameter of `load_table` -> default


def load_table(
    path: str | Path,
    *,
    text: str = "text",
    label: str = "label",
    group: str = "group",
    role: Role,
    rows_are_persons: bool = False,
) -> Table:
    """Return the table in a file; the suffix of the file (.parquet, .jsonl, .csv) selects the reader.

    The audits must read everything in a table that will be released. A synthetic table may therefore have only the
    columns `text` and `label`, and columns that add no information, such as row numbers (`is_numbering`). All values
    of one column must have the same type. The file must equal the output of a known writer, such as pandas
    (`file_problems`).

    Args:
        path: the file.
        text: column of the texts; required.
        label: column of the classes; may be missing if it has the default name or the role is reference.
        group: column of the persons; may be missing if it has the default name or the role is synthetic, evaluated or
            reference.
        role: what the table is used for; selects the checks and appears in messages.
        rows_are_persons: whether each row belongs to a different person; ignored for a synthetic table.

    Raise InputError if the file cannot be read, has no rows, too many rows or an unusable row, or lacks a required
    column; if a synthetic table has content that no audit reads; or if `rows_are_persons` is set for a train or
    control table with the column `group`. The problems state row numbers (from 1), but no content of rows.
    """
    path = Path(path)
    columns = {"text": text, "label": label, "group": group}
    rows, present, problems = _read(path, columns, role)
    if role == "synthetic":
        problems += _unaudited(path, columns, [row for _, row in rows], present)
    elif role in {"train", "control"} and rows_are_persons and group in present:
        conflict = f"--rows-are-persons contradicts the column {group!r}, which is read as person ids"
        problems.append(f"{conflict}; omit the option, or remove the column if it does not identify persons")
    _check_columns(path, columns, present, role, problems)
    texts, labels, groups = [], [], []
    for number, row in rows:
        reason = _fault(row, columns, present)
        if reason:
            problems.append(f"row {number}: {reason}")
            continue
        texts.append(row[text])
        labels.append(str(row[label]) if label in present else "")
        groups.append(f"{row[group]}" if group in present else f"{role} row {number}")
    if not texts and not problems:
        problems.append("the file has no rows")
    if problems:
        n_problems = f"{len(problems)} problem{'s' if len(problems) > 1 else ''}"
        raise InputError(f"the {role} table cannot be used: {n_problems} in {path}", problems=shortened(problems))
    return Table(
        texts=tuple(texts),
        labels=tuple(labels) if label in present else None,
        groups=tuple(groups),
        has_groups=role != "synthetic" and (group in present or rows_are_persons),
    )


def load_tables(
    synthetic: Path | None, train: Path, control: Path, reference: Path | None, **options: Any
) -> AuditInputs:
    """Load all tables from files; `options` are arguments of `load_table`, such as the names of the columns.

    If `synthetic` is None, the control texts take its place. Commands such as `audits selftest` use this, because
    they audit no synthetic table of the user.
    """
    synthetic_table = None if synthetic is None else load_table(synthetic, role="synthetic", **options)
    train_table = load_table(train, role="train", **options)
    control_table = load_table(control, role="control", **options)
    reference_table = None if reference is None else load_table(reference, role="reference", **options)
    if synthetic_table is None:  # without labels and persons, control passes the checks of a synthetic table
        synthetic_table = replace(control_table, labels=None, has_groups=False)
    return load_inputs(synthetic_table, train_table, control_table, reference_table)


def load_inputs(
    synthetic: Table,
    train: Table,
    control: Table,
    reference: Table | None = None,
    *,
    identifiers: Sequence[Sequence[str]] | None = None,
) -> AuditInputs:
    """Return the audit inputs after checking the tables against each other.

    `identifiers` lists, for each train row, the original identifiers that were replaced in the text of the row.

    Raise InputError in these cases: the synthetic, train or control table is empty; a person is in both train and
    control; the synthetic table has labels, names of persons or digests that must not be released
    (`released_problems`); `identifiers` does not have one entry per train row.
    """
    tables = {"synthetic": synthetic, "train": train, "control": control}
    problems = [f"the {name} table has no rows" for name, table in tables.items() if len(table) == 0]
    shared = len(set(train.groups) & set(control.groups)) if train.has_groups and control.has_groups else 0
    if shared:
        problems.append(f"train and control have {counted(shared, 'person')} in common; remove them from one table")
    problems += released_problems(synthetic, train, control)
    if identifiers is not None and len(identifiers) != len(train):
        problems.append(f"`identifiers` has {len(identifiers)} entries, but the train table has {len(train)} rows")
    if problems:
        raise InputError("the tables cannot be audited", problems=problems)
    replaced = None if identifiers is None else tuple(tuple(row) for row in identifiers)
    return AuditInputs(synthetic=synthetic, train=train, control=control, reference=reference, identifiers=replaced)


def take(table: Table, rows: Int) -> Table:
    """Return the table of the given rows, in the given order."""
    index = rows.tolist()
    return Table(
        texts=tuple(table.texts[i] for i in index),
        labels=None if table.labels is None else tuple(table.labels[i] for i in index),
        groups=tuple(table.groups[i] for i in index),
        has_groups=table.has_groups,
        vectors={name: matrix[rows] for name, matrix in table.vectors.items()},
    )


def some_persons(table: Table, max_persons: int, rng: np.random.Generator) -> Table:
    """Return all rows of `max_persons` randomly chosen persons, or the whole table if it has no more persons."""
    names, owner = persons(table.groups)
    if len(names) <= max_persons:
        return table
    return take(table, np.flatnonzero(np.isin(owner, rng.choice(len(names), size=max_persons, replace=False))))


def table_digest(table: Table) -> str:
    """Return the sha256 over the texts, labels and person ids of a table; each string is preceded by its length."""
    digest = hashlib.sha256(b"audits/table/v1\0" + bytes([table.labels is not None, table.has_groups]))
    for column in (table.texts, table.labels or (), table.groups if table.has_groups else ()):
        digest.update(len(column).to_bytes(8, "big"))
        for part in column:
            encoded = part.encode("utf-8", "surrogatepass")
            digest.update(len(encoded).to_bytes(8, "big") + encoded)
    return digest.hexdigest()


def digests(inputs: AuditInputs) -> dict[str, str]:
    """Return name -> sha256 for each given table, for the lineage (parents, weights) and for the mechanism log."""
    roles = ("synthetic", "train", "control", "reference", "mirror")
    tables: dict[str, Table | None] = {role: getattr(inputs, role) for role in roles}
    if inputs.canaries is not None:
        tables |= {"canaries": inputs.canaries.table, "canary build": inputs.canaries.canary_build}
    if inputs.previous is not None:
        tables |= {"previous": inputs.previous.synthetic, "previous train": inputs.previous.train}
    digest_of = {name: table_digest(table) for name, table in tables.items() if table is not None}
    if inputs.lineage is not None:
        lineage = [[list(row) for row in column] for column in (inputs.lineage.parents, inputs.lineage.weights)]
        digest_of["lineage"] = hashlib.sha256(canonical(lineage)).hexdigest()
    if inputs.mechanism is not None:
        digest_of["mechanism"] = hashlib.sha256(canonical(inputs.mechanism)).hexdigest()
    return digest_of


def shortened(problems: Sequence[str]) -> list[str]:
    """Return the first 20 problems and, if there are more, an entry that states how many more."""
    n_more = len(problems) - _MAX_LISTED
    return [*problems[:_MAX_LISTED], *([f"and {n_more} more"] if n_more > 0 else [])]


# rows of a file, as (row number from 1, values by column name); its column names; a message for each unreadable row
_Loaded = tuple[list[tuple[int, dict[str, Any]]], set[str], list[str]]


def _read(path: Path, columns: Mapping[str, str], role: Role) -> _Loaded:
    if path.suffix not in READERS:
        suffixes = ", ".join(READERS)
        raise InputError(f"the file of the {role} table must end in {suffixes}; got {path.suffix or 'no suffix'!r}")
    try:
        with open_regular(path) as file:
            if not file.peek(1):
                raise InputError(f"the {role} table is an empty file: {path}")
            rows, present, problems = READERS[path.suffix](file, columns, role)
    except OSError as error:
        raise InputError(f"the {role} table cannot be read: {path} ({error.strerror})") from error
    if len(rows) > MAX_ROWS:
        raise InputError(f"the {role} table has {len(rows)} rows; the limit is {MAX_ROWS}")
    return rows, present, problems


def _parquet(opened: BufferedReader, columns: Mapping[str, str], role: Role) -> _Loaded:
    names, table = read_parquet(opened, {*columns.values(), *NUMBERINGS})
    if any(names.count(name) > 1 for name in columns.values()):
        raise InputError(f"the {role} table has two columns with the same name")
    if table.num_rows > MAX_ROWS:
        raise InputError(f"the {role} table has {table.num_rows} rows; the limit is {MAX_ROWS}")
    with arrow_errors():
        rows = table.to_pylist()
    return list(enumerate(rows, start=1)), set(names), []


def _jsonl(file: BufferedReader, _columns: Mapping[str, str], _role: Role) -> _Loaded:
    rows, present, problems = list[tuple[int, dict[str, Any]]](), set[str](), list[str]()
    for number, line in enumerate(file, start=1):
        if not line.strip():
            continue
        try:
            text = (line.removeprefix(codecs.BOM_UTF8) if number == 1 else line).decode("utf-8")
            row = json.loads(text, object_pairs_hook=unique_keys)
        except UnicodeDecodeError:
            problems.append(f"row {number}: not UTF-8")
        except JsonError:  # from `unique_keys`
            problems.append(f"row {number}: a key occurs twice (duplicate key)")
        except (ValueError, RecursionError):
            problems.append(f"row {number}: not valid JSON")
        else:
            if isinstance(row, dict):
                present |= row.keys()
                rows.append((number, row))
            else:
                problems.append(f"row {number}: not a JSON object")
    return rows, present, problems


def _csv(file: BufferedReader, _columns: Mapping[str, str], role: Role) -> _Loaded:
    limit = csv.field_size_limit(MAX_TEXT_CHARACTERS + 1)
    try:
        # bytes that are not UTF-8 are read as lone surrogates, so that the message can state the row
        with TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape", newline="") as text:
            reader = csv.reader(text, strict=True)
            header = next(reader, [])
            if _SURROGATE.search("".join(header)):
                raise InputError(f"the header of the {role} table is not UTF-8")
            if len(set(header)) != len(header):
                raise InputError(f"the {role} table has two columns with the same name")
            rows, problems = [], []
            for number, cells in enumerate(reader, start=1):
                if _SURROGATE.search("".join(cells)):
                    problems.append(f"row {number}: not UTF-8")
                elif len(cells) == len(header):
                    rows.append((number, dict(zip(header, cells, strict=True))))
                elif cells:
                    problems.append(f"row {number}: {len(cells)} fields where the header has {len(header)}")
    except csv.Error as error:
        raise InputError(f"the {role} table is not valid csv: {error}") from error
    finally:
        csv.field_size_limit(limit)
    return rows, set(header), problems


READERS = {".parquet": _parquet, ".jsonl": _jsonl, ".csv": _csv}


def _fault(row: Mapping[str, Any], columns: Mapping[str, str], present: set[str]) -> str:
    """Return why a row cannot be used, or "" if it can be used.

    `columns` maps the keys text, label and group to names of columns. The label and the group are checked only if
    their columns are in `present`, the columns of the file.
    """
    value = row.get(columns["text"])
    if not isinstance(value, str):
        return "the text is missing" if value is None else "the text is not a string"
    if not value.strip():
        return "the text is empty"
    if len(value) > MAX_TEXT_CHARACTERS:
        return f"the text is longer than {MAX_TEXT_CHARACTERS} characters"
    if _SURROGATE.search(value):
        return "the text contains half of a surrogate pair, which is not valid text"
    faults = (
        _label_or_group_fault(row[columns[key]], key)
        for key in ("label", "group")
        if columns[key] in present & row.keys()
    )
    missing = (f"the {key} is missing" for key in ("label", "group") if columns[key] in present - row.keys())
    return next(filter(None, (*missing, *faults)), "")


def _label_or_group_fault(value: object, key: str) -> str:
    if not isinstance(value, str | int | None) and value == value:  # noqa: PLR0124 # NaN is a missing value
        return f"the {key} is of type {type(value).__name__}; write it as a string"
    return "" if isinstance(value, str | int) and str(value).strip() else f"the {key} is missing"


def _unaudited(
    path: Path, columns: Mapping[str, str], rows: Sequence[Mapping[str, Any]], present: set[str]
) -> list[str]:
    """Return the problems with the content of a synthetic table that no audit reads.

    If the table has extra columns (other than text, label and row numbers), they are the only returned problem.
    Otherwise, the names of the columns, the types of their values, and the bytes of the file (`file_problems`) are
    checked.
    """
    text, label = columns["text"], columns["label"]
    possible_numberings = {name for name in present - {text, label} if name in {columns["group"], *NUMBERINGS}}
    values = {name: [row.get(name) for row in rows] for name in present & {text, label} | possible_numberings}
    is_usable = text in present and not any(_fault(row, columns, present & {label}) for row in rows)
    content = [(row[text], row.get(label)) for row in rows] if is_usable else []
    extra = present - {text, label} - {name for name in possible_numberings if is_numbering(values[name], content)}
    if extra:
        kept = "accepted: row numbers in order, and ids that SynthGen computes from text and label"
        advice = f"remove them with `audits rewrite` ({kept})"
        return [f"the table has columns that no audit reads: {_shown(extra)}; {advice}"]
    problems = []
    if any(_COLUMN.fullmatch(name) is None for name in present - NUMBERINGS):
        form = "a letter, followed by at most 31 letters, digits or underscores"
        problems.append(f"a column name must be {form}, because no audit reads column names")
    if any(len(set(map(type, column))) > 1 for column in values.values()):
        mixed = "the values of a column differ in type (such as text and number), and types can carry information"
        problems.append(f"{mixed}; rewrite the table with `audits rewrite`")
    return problems + (file_problems(path, rows) if rows else [])


def _shown(column_names: set[str]) -> str:
    """Return column names for a message, with only the length of each name that may be the text of a record."""
    is_safe = {name: len(name) <= _MAX_NAME_CHARACTERS and name.isprintable() for name in sorted(column_names)}
    names = [name if safe else f"(a name of {len(name)} characters)" for name, safe in is_safe.items()]
    return ", ".join(shortened(names)) or "none"


def _check_columns(
    path: Path, columns: Mapping[str, str], present: set[str], role: Role, problems: Sequence[str]
) -> None:
    required = [name for key, name in columns.items() if key == "text" or name != _DEFAULT_COLUMNS[key]]
    optional = {columns["group"]} if role in {"synthetic", "evaluated"} else set()
    if role == "reference":  # public text need not have classes or persons
        optional = {columns["label"], columns["group"]}
    if missing := [repr(name) for name in required if name not in present | optional]:
        listed = f"columns found: {_shown(present)}"
        if path.suffix == ".csv" and not present & set(columns.values()):  # the first line may be a record
            listed = f"the first line has {len(present)} cells and no expected column name, so it may be a record"
        all_problems, hint = [listed, *shortened(problems)], "Name the columns with --text, --label and --group."
        raise InputError(
            f"the {role} table has no column {', '.join(missing)}: {path}", problems=all_problems, hint=hint
        )
