"""Detect the format of a source, and read the source as a table.

Each reader raises DataError if the source is damaged or ambiguous, and OSError if the source cannot be read.
"""

import errno
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa

from audits.core.files import arrow_errors, open_regular, read_regular
from audits.core.files import read_parquet as read_columns
from synthgen.core.errors import DataError
from synthgen.load.config import SourceConfig
from synthgen.load.recognise import unknown_suffix
from synthgen.load.rows import SourceRow, SourceTable, read_row
from synthgen.load.text_files import json_object, read_csv, read_jsonl, read_text

Format = Literal["jsonl", "csv", "parquet", "dataset", "text"]
_SUFFIXES: dict[str, Format] = {".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv"}
_SUFFIXES |= {".parquet": "parquet", ".pq": "parquet"}
# key: type of a float column; value: limit below which the type stores every whole number exactly
SHORT_FLOATS = {pa.float16(): 1 << 11, pa.float32(): 1 << 24}
MAX_LISTED = 20  # largest number of problems in a message
# stem of a file that is a part of a table on the Hugging Face Hub, such as train-00000-of-00002
SHARD = re.compile(r"(?P<split>.+)-(?P<number>\d{5})-of-(?P<of>\d{5})(?:-[0-9a-f]+)?")
# formats whose source can be a folder; "dataset" and "text" are always folders, "parquet" can also be a file
_FOLDER_FORMATS = ("dataset", "text", "parquet")
_SAVE_AGAIN = "Save the dataset again with `Dataset.save_to_disk`."


def table_of(arrow: pa.Table, wanted: Iterable[str]) -> SourceTable:
    """Return the rows of an Arrow table, numbered from 1, with the cells of the existing `wanted` columns.

    The field `columns` of the result names all columns of the Arrow table, not only the wanted ones.

    Raises:
        DataError: two wanted columns have the same name, or a float16 or float32 column has values so large that it
            cannot store every whole number (`SHORT_FLOATS`).
        OSError: a column is damaged or holds a value that Python cannot represent, such as a date out of range.
    """
    names = [name for name in dict.fromkeys(wanted) if name in arrow.column_names]
    if any(arrow.column_names.count(name) > 1 for name in names):
        raise DataError("the table has two columns of the same name", hint="Give every column a unique name.")
    columns = [_values(name, arrow.column(name)) for name in names]
    rows = (read_row(i + 1, _decoded, names, [column[i] for column in columns]) for i in range(arrow.num_rows))
    return SourceTable(tuple(arrow.column_names), tuple(rows))


def _decoded(names: list[str], cells: list[Any]) -> dict[str, Any]:
    cells = [cell.decode("utf-8") if isinstance(cell, bytes) else cell for cell in cells]
    return dict(zip(names, cells, strict=True))


def _values(name: str, column: pa.ChunkedArray) -> list[Any]:
    # strings are returned as undecoded bytes, so that a string that is not UTF-8 makes only its row unusable
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    with arrow_errors():
        if pa.types.is_dictionary(column.type):
            column = column.cast(kind)
        if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
            column = column.cast(pa.binary() if pa.types.is_string(kind) else pa.large_binary())
        column.validate(full=True)  # offsets of a damaged file may point outside the buffer
        values: list[Any] = column.to_pylist()
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        values = [_text_or_binary(value) for value in values]
    elif pa.types.is_fixed_size_binary(kind):  # not read as text, even if the bytes are UTF-8
        values = [None if value is None else bytearray(value) for value in values]
    limit = SHORT_FLOATS.get(kind)
    if limit is not None and any(value is not None and abs(value) >= limit for value in values):
        message = f"column {name!r} has values of {limit} or more, which its type {kind} cannot store exactly"
        raise DataError(message, hint="Save the column as integers or text.")
    return values


def _text_or_binary(value: bytes | None) -> str | bytearray | None:
    """Return a binary cell as text if it is UTF-8, or else as a bytearray, which `_decoded` does not decode."""
    try:
        return None if value is None else value.decode("utf-8")
    except UnicodeError:
        return bytearray(value or b"")


def read_parquet(path: Path, wanted: Iterable[str]) -> SourceTable:
    """Return the wanted columns of a parquet file, or of a folder with the parts of one table."""
    wanted = tuple(wanted)
    if not path.is_dir():
        return _parquet(path, wanted)
    tables = [_parquet(part, wanted) for part in _parts(path)]
    if any(set(table.columns) != set(tables[0].columns) for table in tables):
        message = "the parquet files of the folder have different columns, so they are not parts of one table"
        raise DataError(message, hint="Set source.path to one file.")
    rows = (row for table in tables for row in table.rows)
    numbered = (SourceRow(number, row.values, row.reason) for number, row in enumerate(rows, 1))
    return SourceTable(tables[0].columns, tuple(numbered))


def _parts(folder: Path) -> list[Path]:
    """Return the parquet files of a folder; raise DataError if they may be several tables or parts are missing."""
    entries = sorted(folder.iterdir())
    parts, problems = [], []
    for entry in entries:
        is_hidden, is_parquet = entry.name.startswith(("_", ".")), _SUFFIXES.get(entry.suffix.lower()) == "parquet"
        if is_parquet and not is_hidden and not entry.is_dir():
            parts.append(entry)
        # hidden files that are not parquet, such as _SUCCESS, come from the exporting program and are ignored
        elif entry.is_dir() or is_parquet or not is_hidden:
            problems.append(f"{entry.name} is {'a folder' if entry.is_dir() else 'not a part of the table'}")
    problems += _shard_problems([part.stem for part in parts])
    if problems or not parts:
        raise DataError(
            "the parquet files of the folder do not form one table",
            problems=problems[:MAX_LISTED] or ["there is no parquet file"],
            hint="Save the table as one parquet file. Folders with partitions, table versions or unfinished writes "
            "are not read.",
        )
    return parts


def _shard_problems(names: Sequence[str]) -> list[str]:
    """Return problems of names such as train-00000-of-00002: several sets of parts, or missing parts."""
    shards = [found for name in names if (found := SHARD.fullmatch(name))]
    sets = sorted({(shard["split"], shard["of"]) for shard in shards})
    if len(sets) > 1:
        names_of_sets = ", ".join(f"{split}-*-of-{of}" for split, of in sets)
        return [f"the files belong to more than one set of parts: {names_of_sets}"]
    numbers = {int(shard["number"]) for shard in shards}
    total = int(sets[0][1]) if sets else 0
    missing = total - len(numbers & {*range(total)})
    return [f"{missing} of the {total} parts are missing"] if missing else []


def _parquet(path: Path, wanted: tuple[str, ...]) -> SourceTable:
    with open_regular(path) as file:
        try:
            names, table = read_columns(file, wanted)
            read = table_of(table, wanted)
        except OSError as error:
            hint = "Check that the file was copied completely, or save the table again."
            raise DataError(f"{path.name}: {error.strerror}", hint=hint) from error
    return SourceTable(tuple(names), read.rows)


def read_dataset(path: Path, wanted: Iterable[str]) -> SourceTable:
    """Return the wanted columns of a Hugging Face `datasets` folder, with class names in place of class numbers.

    If the folder has a file of row indices (written by version 1 of the library), only the listed rows are read.
    """
    splits = path / "dataset_dict.json"
    if splits.is_file():
        names = ", ".join(map(str, _list(_json(splits).get("splits"))))
        content = "several splits" if "," in names else "the folder of a split"
        hint = "Set source.path to the folder of one split."
        raise DataError(f"the folder contains {content}: {names}", hint=hint)
    state = _json(path / "state.json")
    data_tables, index_tables = _tables_of(path, state, "_data_files"), _tables_of(path, state, "_indices_data_files")
    # another version of the library can store row indices under another key
    unknown = [key for key in state if "ind" in key.lower() and state[key] and key != "_indices_data_files"]
    if not data_tables or unknown:
        problems = [f"{key}: unsupported kind of row indices" for key in unknown]
        reason = "uses a kind of row indices that SynthGen does not support" if data_tables else "lists no data files"
        raise DataError(f"state.json {reason}", problems=problems, hint=_SAVE_AGAIN)
    info = path / "dataset_info.json"
    class_names = _class_names(_json(info)) if info.is_file() else {}
    try:
        arrow = pa.concat_tables(data_tables)
        if index_tables:
            arrow = arrow.take(pa.concat_tables(index_tables).column("indices"))
        table = table_of(arrow, wanted)
    except (pa.ArrowException, KeyError, OSError) as error:
        message = "the arrow files are damaged, have different columns, or do not fit the row indices"
        raise DataError(message, hint=_SAVE_AGAIN) from error
    return SourceTable(table.columns, tuple(_named(row, class_names) for row in table.rows))


def _tables_of(path: Path, state: dict[str, Any], key: str) -> list[pa.Table]:
    """Return the tables in the Arrow files that state.json lists under `key`, each cut to the listed rows."""
    tables = []
    try:
        for item in state.get(key) or ():
            name = str(item["filename"])
            arrow_file = {Path(name).name: path / name}[name]  # a path with a folder raises KeyError
            tables.append(_arrow(arrow_file).slice(int(item.get("skip", 0)), item.get("take")))
    except DataError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, IndexError):
        raise DataError("state.json is malformed or lists files outside its folder", hint=_SAVE_AGAIN) from None
    return tables


def _arrow(path: Path) -> pa.Table:
    with open_regular(path) as file:
        try:
            with pa.ipc.open_stream(file) as stream:
                return stream.read_all()
        except (pa.ArrowException, UnicodeDecodeError, OSError) as error:
            raise DataError(f"{path.name} is not a readable arrow file", hint=_SAVE_AGAIN) from error


def _json(path: Path) -> dict[str, Any]:
    try:
        return json_object(read_regular(path).decode())
    except ValueError as error:
        raise DataError(f"{path.name} is not a JSON object", hint=_SAVE_AGAIN) from error


def _class_names(info: dict[str, Any]) -> dict[str, list[str]]:
    features = info.get("features") or {}
    if not isinstance(features, dict):
        raise DataError("`features` in dataset_info.json is not a JSON object", hint=_SAVE_AGAIN)
    return {
        column: [str(name) for name in _list(feature["names"])]
        for column, feature in features.items()
        if isinstance(feature, dict) and feature.get("_type") == "ClassLabel" and feature.get("names")
    }


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _named(row: SourceRow, names: dict[str, list[str]]) -> SourceRow:
    """Return the row with class names in place of numbers; a number without a name, such as -1, becomes None."""
    values = dict(row.values)
    for column, classes in names.items():
        number = values.get(column)
        if isinstance(number, int):
            values[column] = classes[number] if 0 <= number < len(classes) else None
    return SourceRow(row.number, values, row.reason)


def read_source(source: SourceConfig, path: Path, *, isolated_rows: bool = False) -> SourceTable:
    """Return the rows of the source; raise only DataError. See `read_csv` for `isolated_rows`."""
    layout = {"encoding": source.encoding, "delimiter": source.delimiter}
    readers: dict[Format, Callable[[], SourceTable]] = {
        "jsonl": lambda: read_jsonl(path, source.encoding),
        "csv": lambda: read_csv(path, wanted_columns(source), isolated_rows=isolated_rows, **layout),
        "parquet": lambda: read_parquet(path, wanted_columns(source)),
        "dataset": lambda: read_dataset(path, wanted_columns(source)),
        "text": lambda: read_text(path, source.encoding),
    }
    try:
        return readers[_format(source, path)]()
    except DataError as error:
        raise DataError(f"{path}: {error.message}", problems=error.problems, hint=error.hint) from error
    except OSError as error:
        hint = "Check the permissions of the file and that it is complete."
        if error.errno == errno.EINVAL:  # `open_regular` found no regular file, or too large a file
            hint = "Only regular files of at most 4 GiB are read; copy the data to such a file."
        raise DataError(f"{path}: cannot be read ({error.strerror})", hint=hint) from error


def wanted_columns(source: SourceConfig) -> tuple[str, ...]:
    """Return the distinct columns that the configuration names."""
    optional = [name for name in (source.group, source.id) if name is not None]
    return tuple(dict.fromkeys((source.text, source.label, *optional, *source.names, *source.staff)))


def _format(source: SourceConfig, path: Path) -> Format:
    if not path.exists():
        raise DataError("there is no such file or folder", hint="Check source.path in the configuration.")
    is_folder = path.is_dir()
    if source.format != "auto":
        if is_folder != (source.format in _FOLDER_FORMATS) and source.format != "parquet":
            needed, given = ("a file", "a folder") if is_folder else ("a folder", "a file")
            message = f"the format {source.format} needs {needed}, but source.path is {given}"
            raise DataError(message, hint="Check source.path and source.format.")
        return source.format
    if is_folder:
        if any((path / name).is_file() for name in ("state.json", "dataset_dict.json")):
            return "dataset"
        is_table = any(_SUFFIXES.get(entry.suffix.lower()) == "parquet" for entry in path.rglob("*"))
        return "parquet" if is_table else "text"
    kind = _SUFFIXES.get(path.suffix.lower())
    if kind is None:
        raise unknown_suffix(path)
    return kind
