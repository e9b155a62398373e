"""Detect the format of a source and read it as a table. Unreadable rows carry a reason.

Every reader raises DataError if the file or folder is damaged or ambiguous, and OSError if it cannot be read.
"""

import csv
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq

from synthgen.core.errors import DataError
from synthgen.load.config import SourceConfig

MALFORMED = "malformed row"
UNDECODABLE = "undecodable bytes"
MAX_CELL_CHARACTERS = 1 << 24
Format = Literal["jsonl", "csv", "parquet", "dataset", "text"]
_SUFFIXES: dict[str, Format] = {".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv"}
_SUFFIXES |= {".parquet": "parquet", ".pq": "parquet"}
_FOLDERS = ("dataset", "text")
_SAVE_AGAIN = "Save the dataset again."


@dataclass(frozen=True, slots=True)
class SourceRow:
    """One row: its number, counted from 1, and its values or the reason why it is unreadable."""

    number: int
    values: Mapping[str, Any]
    reason: str = ""

    def __repr__(self) -> str:
        return f"SourceRow({self.number})"


@dataclass(frozen=True, slots=True)
class SourceTable:
    """The columns and rows of a source, in file order."""

    columns: tuple[str, ...]
    rows: tuple[SourceRow, ...]

    def __repr__(self) -> str:
        return f"SourceTable({len(self.columns)} columns, {len(self.rows)} rows)"


def _row(number: int, read: Callable[..., Mapping[str, Any]], *arguments: Any) -> SourceRow:
    """Return a row with the values that `read` returns, or with the reason why they cannot be read."""
    try:
        return SourceRow(number, read(*arguments))
    except UnicodeError:
        return SourceRow(number, {}, UNDECODABLE)
    except (ValueError, RecursionError):  # wrong number of cells; not JSON, too many digits, or nested too deeply
        return SourceRow(number, {}, MALFORMED)


def table_of(arrow: pa.Table, wanted: Iterable[str]) -> SourceTable:
    """Return the wanted columns of an Arrow table as rows numbered from 1; skip columns it lacks.

    Raises:
        pyarrow.ArrowInvalid: if a column is damaged.
    """
    names = [name for name in dict.fromkeys(wanted) if name in arrow.column_names]
    if any(arrow.column_names.count(name) > 1 for name in names):
        raise DataError("the table has two columns of the same name", hint="Give every column a unique name.")
    columns = [_values(arrow.column(name)) for name in names]
    rows = (_row(i + 1, _decoded, names, [column[i] for column in columns]) for i in range(arrow.num_rows))
    return SourceTable(tuple(arrow.column_names), tuple(rows))


def _decoded(names: list[str], cells: list[Any]) -> dict[str, Any]:
    cells = [cell.decode("utf-8") if isinstance(cell, bytes) else cell for cell in cells]
    return dict(zip(names, cells, strict=True))


def _values(column: pa.ChunkedArray) -> list[Any]:
    """Return a column's values; strings as bytes, so that one undecodable text does not hide the others."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        column, kind = column.cast(kind.value_type), kind.value_type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        column = column.cast(pa.binary() if pa.types.is_string(kind) else pa.large_binary())
    column.validate(full=True)  # offsets of a damaged file may point outside the buffer
    values: list[Any] = column.to_pylist()
    return values


def read_csv(path: Path, *, isolated_rows: bool = False) -> SourceTable:
    """Return the rows of a CSV file (UTF-8, comma, double quotes); row 1 is the first below the header.

    With `isolated_rows`, cells that span several lines are rejected. An unclosed quote would absorb the rows below,
    so one person's row could change the rows of others.
    """
    csv.field_size_limit(MAX_CELL_CHARACTERS)
    rows: list[SourceRow] = []
    # invalid UTF-8 becomes lone surrogates, so that one bad row does not hide the others
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        reader = csv.reader(file, strict=True)
        try:
            columns = next(reader, [])
            _refuse_lines(columns, "the header", isolated_rows=isolated_rows)
            for number, cells in enumerate((c for c in reader if c), 1):
                _refuse_lines(cells, f"row {number}", isolated_rows=isolated_rows)
                rows.append(_row(number, _csv_values, columns, cells))
        except csv.Error as error:
            message = f"the csv file cannot be read past line {reader.line_num} ({error})"
            raise DataError(message, hint="Close all quotes, or save the table as jsonl or parquet.") from None
    if len(set(columns)) != len(columns):
        raise DataError("the csv header has two columns of the same name", hint="Give every column a unique name.")
    return SourceTable(tuple(columns), tuple(rows))


def _refuse_lines(cells: list[str], where: str, *, isolated_rows: bool) -> None:
    if isolated_rows and any("\n" in cell or "\r" in cell for cell in cells):
        raise DataError(
            f"{where} of the csv file has a cell of several lines; under a privacy budget this is rejected, since an "
            "unclosed quote would absorb the rows of other persons",
            hint="Save the table as jsonl or parquet.",
        )


def _csv_values(columns: list[str], cells: list[str]) -> dict[str, str]:
    values = dict(zip(columns, cells, strict=True))
    "".join(cells).encode()  # raises UnicodeError on a lone surrogate
    return values


def read_jsonl(path: Path) -> SourceTable:
    """Return the rows of a JSON Lines file; a row's number is its line. Blank lines are skipped."""
    columns: dict[str, None] = {}
    rows: list[SourceRow] = []
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            raw = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
            if not raw.strip():
                continue
            row = _row(number, _json_object, raw)
            columns |= dict.fromkeys(row.values)
            rows.append(row)
    return SourceTable(tuple(columns), tuple(rows))


def _json_object(data: bytes) -> dict[str, Any]:
    value = json.loads(data.decode("utf-8"))
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004 - one class of error for every malformed text
    return value


def read_text(path: Path) -> SourceTable:
    """Return the `.txt` files below a folder as rows, in the order of their paths.

    The columns are `text`, `label` (the folder directly below `path`; None for files in `path` itself)
    and `id` (the path relative to the folder).
    """
    files = sorted((f.relative_to(path).as_posix(), f) for f in path.rglob("*.txt") if f.is_file())
    rows = (_row(i, _text_values, name, file) for i, (name, file) in enumerate(files, 1))
    return SourceTable(("text", "label", "id"), tuple(rows))


def _text_values(name: str, file: Path) -> dict[str, Any]:
    label, slash, _ = name.partition("/")
    return {"text": file.read_bytes().decode("utf-8-sig"), "label": label if slash else None, "id": name}


def read_parquet(path: Path, wanted: Iterable[str]) -> SourceTable:
    """Return the wanted columns of a parquet file."""
    wanted = tuple(wanted)
    with path.open("rb") as file:
        try:
            parquet = pq.ParquetFile(file)
            names = parquet.schema_arrow.names
            read = table_of(parquet.read(columns=[name for name in names if name in wanted]), wanted)
        except (pa.ArrowException, UnicodeDecodeError, OSError) as error:
            hint = "Check that it was copied whole, or save it again."
            raise DataError("the file is not a readable parquet file", hint=hint) from error
    return SourceTable(tuple(names), read.rows)


def read_dataset(path: Path, wanted: Iterable[str]) -> SourceTable:
    """Return the wanted columns of a folder saved by the `datasets` library, with class numbers as names."""
    splits = path / "dataset_dict.json"
    if splits.is_file():
        found = ", ".join(map(str, _list(_json(splits).get("splits"))))
        hint = "Set source.path to the folder of one of them."
        raise DataError(f"the folder contains several splits: {found}", hint=hint)
    state = _json(path / "state.json")
    try:
        files = [str(item["filename"]) for item in state["_data_files"]]
    except (KeyError, TypeError):
        raise DataError("state.json does not list the dataset's files", hint=_SAVE_AGAIN) from None
    if not files or any(Path(name).name != name for name in files):
        raise DataError("state.json lists no files of this folder", hint=_SAVE_AGAIN)
    info = path / "dataset_info.json"
    names = _class_names(_json(info)) if info.is_file() else {}
    try:
        table = table_of(pa.concat_tables(_arrow(path / name) for name in files), wanted)
    except (pa.ArrowInvalid, UnicodeDecodeError) as error:
        raise DataError("the arrow files are damaged or have different columns", hint=_SAVE_AGAIN) from error
    return SourceTable(table.columns, tuple(_named(row, names) for row in table.rows))


def _arrow(path: Path) -> pa.Table:
    with path.open("rb") as file:
        try:
            with pa.ipc.open_stream(file) as stream:
                return stream.read_all()
        except (pa.ArrowException, UnicodeDecodeError, OSError) as error:
            raise DataError(f"{path.name} is not a readable arrow file", hint=_SAVE_AGAIN) from error


def _json(path: Path) -> dict[str, Any]:
    try:
        return _json_object(path.read_bytes())
    except ValueError as error:
        raise DataError(f"{path.name} is not a JSON object", hint=_SAVE_AGAIN) from error


def _class_names(info: dict[str, Any]) -> dict[str, list[str]]:
    """Return the class names of each column that stores class numbers."""
    features = info.get("features") or {}
    if not isinstance(features, dict):
        raise DataError("dataset_info.json does not describe the columns", hint=_SAVE_AGAIN)
    return {
        column: [str(name) for name in _list(feature["names"])]
        for column, feature in features.items()
        if isinstance(feature, dict) and feature.get("_type") == "ClassLabel" and feature.get("names")
    }


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _named(row: SourceRow, names: dict[str, list[str]]) -> SourceRow:
    """Return the row with class numbers replaced by names; the library stores a missing label as -1."""
    values = dict(row.values)
    for column, classes in names.items():
        number = values.get(column)
        if isinstance(number, int):
            values[column] = classes[number] if 0 <= number < len(classes) else None
    return SourceRow(row.number, values, row.reason)


def read_source(source: SourceConfig, path: Path, *, isolated_rows: bool = False) -> SourceTable:
    """Return the rows of the source; raise only DataError. See `read_csv` for `isolated_rows`."""
    readers: dict[Format, Callable[[], SourceTable]] = {
        "jsonl": lambda: read_jsonl(path),
        "csv": lambda: read_csv(path, isolated_rows=isolated_rows),
        "parquet": lambda: read_parquet(path, wanted_columns(source)),
        "dataset": lambda: read_dataset(path, wanted_columns(source)),
        "text": lambda: read_text(path),
    }
    try:
        return readers[_format(source, path)]()
    except DataError as error:
        raise DataError(f"{path}: {error.message}", problems=error.problems, hint=error.hint) from error
    except OSError as error:
        hint = "Check the permissions of the file and that it is complete."
        raise DataError(f"{path}: cannot be read ({error.strerror})", hint=hint) from error


def wanted_columns(source: SourceConfig) -> tuple[str, ...]:
    """Return the distinct columns that the configuration names."""
    optional = [name for name in (source.group, source.id) if name is not None]
    return tuple(dict.fromkeys((source.text, source.label, *optional, *source.names)))


def _format(source: SourceConfig, path: Path) -> Format:
    if not path.exists():
        raise DataError("there is no such file or folder", hint="Check source.path in the configuration.")
    is_folder = path.is_dir()
    if source.format != "auto":
        if is_folder != (source.format in _FOLDERS):
            wanted = "a folder" if source.format in _FOLDERS else "a file"
            raise DataError(f"format {source.format} needs {wanted}", hint="Check source.path and source.format.")
        return source.format
    if is_folder:
        return "dataset" if any((path / name).is_file() for name in ("state.json", "dataset_dict.json")) else "text"
    kind = _SUFFIXES.get(path.suffix.lower())
    if kind is None:
        message = f"the format cannot be derived from the file extension {path.suffix!r}"
        raise DataError(message, hint="Set source.format to jsonl, csv, parquet, dataset or text.")
    return kind
