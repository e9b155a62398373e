"""Tables from files: parquet, jsonl or csv, checked row by row before anything is attacked."""

import csv
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from audits.core.errors import InputError
from audits.core.files import write_whole
from audits.core.released import file_problems, no_duplicate_keys, plain_file, released_problems
from audits.core.strictjson import canonical
from audits.core.types import AuditInputs, Table

# a rerun never leaves, and what is previous has left already
Role = Literal["synthetic", "rerun", "previous", "train", "control", "reference"]

MAX_FILE_BYTES = 4 << 30
MAX_ROWS = 5_000_000
MAX_TEXT_CHARACTERS = 1_000_000
_LISTED = 20  # problems and columns listed one by one; the rest is counted
_NAME_CHARACTERS = 40  # longer than a name: a table without a header has its first record there
_BOM = b"\xef\xbb\xbf"  # some programs begin UTF-8 files with it
_DEFAULTS = {"text": "text", "label": "label", "group": "group"}


def load_table(
    path: str | Path,
    *,
    text: str = "text",
    label: str = "label",
    group: str = "group",
    role: Role,
    rows_are_persons: bool = False,
) -> Table:
    """Return the table in a file; the suffix (.parquet, .jsonl, .csv) says how to read it.

    Args:
        path: the file.
        text: the column of texts; it must be there.
        label: the column of classes; may be missing only under its default name.
        group: the column of persons; may be missing only under its default name.
        role: what the table is, for messages and for naming rows without a person.
        rows_are_persons: somebody's claim that every row is another person; counts only where no column names them.

    Of a synthetic table, which is to leave, every byte counts: a column that is not named here is refused, and a file
    that is not, to the byte, what a plain writer makes of its rows (`audits.core.released.file_problems`).

    Raises:
        InputError: the file or a column is missing, or any row cannot be used; every bad row is counted,
            the first ones listed by row number (from 1) and reason, never by content.
    """
    path = Path(path)
    columns = {"text": text, "label": label, "group": group}
    rows, found, problems = _read(path, columns, role)
    if role == "synthetic":
        problems += _not_audited(path, columns, found, rows)
    _check_columns(path, columns, found, role, problems)
    texts, labels, groups = [], [], []
    for number, row in rows:
        reason = _fault(row, columns, found)
        if reason:
            problems.append(f"row {number}: {reason}")
            continue
        texts.append(row[text])
        labels.append(str(row[label]) if label in found else "")
        groups.append(f"{row[group]}" if group in found else f"{role} row {number}")
    if not texts and not problems:
        problems.append("it has no rows")
    if problems:
        raise InputError(f"the {role} table cannot be used: {_count(problems)}", problems=shortened(problems))
    return Table(
        texts=tuple(texts),
        labels=tuple(labels) if label in found else None,
        groups=tuple(groups),
        has_groups=group in found or rows_are_persons,
    )


def _not_audited(
    path: Path, columns: Mapping[str, str], found: set[str], rows: Sequence[tuple[int, Mapping[str, Any]]]
) -> list[str]:
    """Return what a file that is to leave holds besides the columns that audits read."""
    if extra := found - set(columns.values()):
        return [
            f"no audit reads these columns: {_shown(extra)}; `audits rewrite` leaves them out (--group names ids)"
        ]
    return file_problems(path, [row for _, row in rows]) if rows else []


def rewrite(path: Path, out: Path, *, text: str, label: str, group: str) -> int:
    """Write the columns of a table that audits read, and not a byte besides, to a new file; return its rows.

    Args:
        path: the table.
        out: a file that is not there yet; its suffix says how it is written.
        text: the column of texts.
        label: the column of classes, if there is one.
        group: the column of ids or persons, if there is one.

    Raises:
        InputError: the table cannot be used, or the new file exists or cannot be written.
    """
    table = load_table(path, text=text, label=label, group=group, role="rerun")
    if out.suffix not in _READERS:
        raise InputError(f"the new file must end in {', '.join(_READERS)}; got {out.suffix or 'no suffix'!r}")
    if out.exists():
        raise InputError(f"{out} exists already; name a new file")
    columns = {text: table.texts}
    if table.labels is not None:
        columns[label] = table.labels
    if table.has_groups:
        columns[group] = table.groups
    rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    write_whole(out, plain_file(out.suffix, rows))
    return len(rows)


def load_tables(
    synthetic: Path | None, train: Path, control: Path, reference: Path | None, **options: Any
) -> AuditInputs:
    """Return the inputs of the audits from files.

    Args:
        synthetic: None where there is no release yet; control then stands in for it.
        train: what the generator saw.
        control: persons it never saw.
        reference: public text of the same kind, or None.
        options: columns and claims, as of `load_table`.

    Raises:
        InputError: as `load_table` and `load_inputs`.
    """
    released = None if synthetic is None else load_table(synthetic, role="synthetic", **options)
    trained = load_table(train, role="train", **options)
    unseen = load_table(control, role="control", **options)
    public = None if reference is None else load_table(reference, role="reference", **options)
    # nobody reads what stands in for a release that is not made yet, and it may not be judged as one
    stand_in = replace(unseen, labels=None, has_groups=False)
    return load_inputs(stand_in if released is None else released, trained, unseen, public)


def load_inputs(
    synthetic: Table,
    train: Table,
    control: Table,
    reference: Table | None = None,
    *,
    identifiers: Sequence[Sequence[str]] | None = None,
) -> AuditInputs:
    """Return the inputs of the audits, checked against each other.

    Raises:
        InputError: a table is empty, a person stands in both train and control, labels or persons of the synthetic
            table may not leave (`released_problems`), or identifiers do not match train.
    """
    problems = [
        f"the {name} table has no rows"
        for name, table in (("synthetic", synthetic), ("train", train), ("control", control))
        if len(table) == 0
    ]
    if train.has_groups and control.has_groups:
        shared = len(set(train.groups) & set(control.groups))
        if shared:
            problems.append(f"{shared} persons stand in both train and control; control must be persons never seen")
    problems += released_problems(synthetic, train, control)
    if identifiers is not None and len(identifiers) != len(train):
        problems.append(f"identifiers are given for {len(identifiers)} rows, train has {len(train)}")
    if problems:
        raise InputError("the tables do not fit together", problems=problems)
    return AuditInputs(
        synthetic=synthetic,
        train=train,
        control=control,
        reference=reference,
        identifiers=None if identifiers is None else tuple(tuple(row) for row in identifiers),
    )


def take(table: Table, rows: NDArray[np.int64]) -> Table:
    """Return the table of the given rows, in the given order."""
    index = rows.tolist()
    return Table(
        texts=tuple(table.texts[i] for i in index),
        labels=None if table.labels is None else tuple(table.labels[i] for i in index),
        groups=tuple(table.groups[i] for i in index),
        has_groups=table.has_groups,
        vectors={name: matrix[rows] for name, matrix in table.vectors.items()},
    )


def table_digest(table: Table) -> str:
    """Return the sha256 over texts, labels and persons of a table, each prefixed by its length."""
    digest = hashlib.sha256(b"audits/table/v1\0" + bytes([table.labels is not None, table.has_groups]))
    for column in (table.texts, table.labels or (), table.groups if table.has_groups else ()):
        digest.update(len(column).to_bytes(8, "big"))
        for part in column:
            encoded = part.encode("utf-8", "surrogatepass")
            digest.update(len(encoded).to_bytes(8, "big") + encoded)
    return digest.hexdigest()


def digests(inputs: AuditInputs) -> dict[str, str]:
    """Return the digest of each table that was given, and of what else an audit may have read."""
    tables = {"synthetic": inputs.synthetic, "train": inputs.train, "control": inputs.control}
    if inputs.reference is not None:
        tables["reference"] = inputs.reference
    if inputs.mirror is not None:
        tables["mirror"] = inputs.mirror
    if inputs.canaries is not None:
        tables |= {"canaries": inputs.canaries.table, "canary_build": inputs.canaries.canary_build}
    if inputs.previous is not None:
        tables |= {"previous": inputs.previous.synthetic, "previous train": inputs.previous.train}
    found = {name: table_digest(table) for name, table in tables.items()}
    if inputs.lineage is not None:
        lineage = [[list(row) for row in column] for column in (inputs.lineage.parents, inputs.lineage.weights)]
        found["ledger"] = hashlib.sha256(canonical(lineage)).hexdigest()
    if inputs.mechanism is not None:
        found["mechanism"] = hashlib.sha256(canonical(inputs.mechanism)).hexdigest()
    return found


def shortened(problems: Sequence[str]) -> list[str]:
    """Return the first problems, and how many more there are."""
    rest = len(problems) - _LISTED
    return [*problems[:_LISTED], *([f"and {rest} more"] if rest > 0 else [])]


_Rows = Sequence[tuple[int, Mapping[str, Any]]]


def _read(path: Path, columns: Mapping[str, str], role: Role) -> tuple[_Rows, set[str], list[str]]:
    """Return numbered rows, the columns found, and problems of rows that could not be read at all."""
    if path.suffix not in _READERS:
        raise InputError(f"the {role} table must end in {', '.join(_READERS)}; got {path.suffix or 'no suffix'!r}")
    try:
        size = path.stat().st_size
    except OSError as error:
        raise InputError(f"the {role} table cannot be opened: {path} ({error.strerror})") from error
    if size > MAX_FILE_BYTES:
        raise InputError(f"the {role} table has {size} bytes; at most {MAX_FILE_BYTES} are read")
    if size == 0:
        raise InputError(f"the {role} table is an empty file: {path}")
    try:
        rows, found, problems = _READERS[path.suffix](path, columns, role)
    except OSError as error:
        raise InputError(f"the {role} table cannot be read: {path} ({error.strerror})") from error
    if len(rows) > MAX_ROWS:
        raise InputError(f"the {role} table has {len(rows)} rows; at most {MAX_ROWS} are read")
    return rows, found, problems


def _parquet(path: Path, columns: Mapping[str, str], role: Role) -> tuple[list[Any], set[str], list[str]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path, pre_buffer=False)
        names = file.schema_arrow.names
        found = set(names)
        if any(names.count(name) > 1 for name in columns.values()):
            raise InputError(f"the {role} table names a column twice")
        if file.metadata.num_rows > MAX_ROWS:
            raise InputError(f"the {role} table has {file.metadata.num_rows} rows; at most {MAX_ROWS} are read")
        wanted = [name for name in columns.values() if name in found]
        table = file.read(columns=wanted, use_threads=False)
        rows = table.to_pylist()
    except (pa.ArrowException, UnicodeDecodeError, OSError) as error:
        raise InputError(
            f"the {role} table is not a readable parquet file ({type(error).__name__}): {path}"
        ) from error
    return list(enumerate(rows, start=1)), found, []


def _jsonl(path: Path, _columns: Mapping[str, str], _role: Role) -> tuple[list[Any], set[str], list[str]]:
    rows: list[tuple[int, dict[str, Any]]] = []
    found: set[str] = set()
    problems: list[str] = []
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(
                    (line.removeprefix(_BOM) if number == 1 else line).decode("utf-8"),
                    object_pairs_hook=no_duplicate_keys,
                )
            except UnicodeDecodeError:
                problems.append(f"row {number}: not UTF-8")
                continue
            except (ValueError, RecursionError):
                problems.append(f"row {number}: not JSON, or a key stands twice")
                continue
            if not isinstance(row, dict):
                problems.append(f"row {number}: not a JSON object")
                continue
            found |= row.keys()
            rows.append((number, row))
    return rows, found, problems


def _csv(path: Path, _columns: Mapping[str, str], role: Role) -> tuple[list[Any], set[str], list[str]]:
    limit = csv.field_size_limit(MAX_TEXT_CHARACTERS + 1)
    try:
        # bytes that are no UTF-8 come through as lone surrogates, so that the row can be named
        with path.open("r", encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
            reader = csv.reader(file, strict=True)
            header = next(reader, [])
            if not _is_utf8(header):
                raise InputError(f"the {role} table is not UTF-8 in its header")
            if len(set(header)) != len(header):
                raise InputError(f"the {role} table names a column twice in its header")
            rows, problems = [], []
            for number, cells in _numbered(reader):
                if not _is_utf8(cells):
                    problems.append(f"row {number}: not UTF-8")
                elif len(cells) == len(header):
                    rows.append((number, dict(zip(header, cells, strict=True))))
                elif cells:
                    problems.append(f"row {number}: {len(cells)} fields where the header has {len(header)}")
    except csv.Error as error:
        raise InputError(f"the {role} table is not well-formed csv: {error}") from error
    finally:
        csv.field_size_limit(limit)
    return rows, set(header), problems


_READERS = {".parquet": _parquet, ".jsonl": _jsonl, ".csv": _csv}


def _numbered(reader: Iterator[list[str]]) -> Iterator[tuple[int, list[str]]]:
    return ((number, cells) for number, cells in enumerate(reader, start=1))


def _is_utf8(cells: Sequence[str]) -> bool:
    try:
        "".join(cells).encode()
    except UnicodeEncodeError:
        return False
    return True


def _fault(row: Mapping[str, Any], columns: Mapping[str, str], found: set[str]) -> str:
    """Return why a row cannot be used, or an empty string."""
    value = row.get(columns["text"])
    if not isinstance(value, str):
        return "no text" if value is None else "the text is not a string"
    if not value.strip():
        return "empty text"
    if len(value) > MAX_TEXT_CHARACTERS:
        return f"text longer than {MAX_TEXT_CHARACTERS} characters"
    if not value.isascii() and any("\ud800" <= c <= "\udfff" for c in value):
        return "text with half a surrogate pair"
    for key in ("label", "group"):
        name = columns[key]
        if name in found and not _usable(row.get(name)):
            return f"no {key}"
    return ""


def _usable(value: Any) -> bool:
    return isinstance(value, str | int) and str(value).strip() != ""


def _shown(found: set[str]) -> str:
    """Return the names of columns for a message; what may be no name, but a record, by its length only."""
    names = [
        name if len(name) <= _NAME_CHARACTERS and name.isprintable() else f"(a name of {len(name)} characters)"
        for name in sorted(found)
    ]
    rest = len(names) - _LISTED
    return ", ".join([*names[:_LISTED], *([f"and {rest} more"] if rest > 0 else [])]) or "none"


def _check_columns(
    path: Path, columns: Mapping[str, str], found: set[str], role: Role, problems: Sequence[str]
) -> None:
    """Raise InputError where a column that is needed or was asked for is missing."""
    wanted = [name for key, name in columns.items() if key == "text" or name != _DEFAULTS[key]]
    missing = [name for name in wanted if name not in found]
    if missing:
        told = f"columns found: {_shown(found)}"
        if path.suffix == ".csv" and not found & {*columns.values()}:  # its header may be a record
            told = f"the {len(found)} cells of the first line are none of them: is it a header?"
        raise InputError(
            f"the {role} table has no column {', '.join(map(repr, missing))}",
            problems=[told, *shortened(problems)],
            hint="name the columns with --text, --label and --group",
        )


def _count(problems: Sequence[str]) -> str:
    return "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
