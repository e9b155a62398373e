"""Detect the format of a source and read it as a table. Unreadable rows carry a reason."""

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq

from synthgen.core.errors import DataError
from synthgen.load.config import SourceConfig

MALFORMED = "malformed row"
UNDECODABLE = "undecodable bytes"


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


def table_of(arrow: pa.Table, wanted: Iterable[str]) -> SourceTable:
    """Return the wanted columns of an Arrow table as rows numbered from 1; skip columns it lacks.

    Raises:
        DataError: if a wanted column occurs twice.
        pyarrow.ArrowInvalid: if a column is damaged.
    """
    names = [name for name in dict.fromkeys(wanted) if name in arrow.column_names]
    if any(arrow.column_names.count(name) > 1 for name in names):
        raise DataError("the table has two columns of the same name", hint="Give every column a unique name.")
    columns = [_values(arrow.column(name)) for name in names]
    rows = [_row(i, names, [column[i] for column in columns]) for i in range(arrow.num_rows)]
    return SourceTable(tuple(arrow.column_names), tuple(rows))


def _row(index: int, names: list[str], cells: list[Any]) -> SourceRow:
    try:
        values = {
            name: cell.decode("utf-8") if isinstance(cell, bytes) else cell
            for name, cell in zip(names, cells, strict=True)
        }
    except UnicodeDecodeError:
        return SourceRow(index + 1, {}, UNDECODABLE)
    return SourceRow(index + 1, values)


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


MAX_CELL_CHARACTERS = 1 << 24


def read_csv(path: Path, *, isolated_rows: bool = False) -> SourceTable:
    """Return the rows of a CSV file (UTF-8, comma, double quotes); row 1 is the first below the header.

    Args:
        path: path of the file.
        isolated_rows: reject cells that span several lines. An unclosed quote would absorb the rows below, so one
            person's row could change the rows of others.

    Raises:
        DataError: if a column name occurs twice, a quote is never closed, or a cell spans several lines although
            `isolated_rows` is set.
        OSError: if the file cannot be read.
    """
    csv.field_size_limit(MAX_CELL_CHARACTERS)
    rows: list[SourceRow] = []
    # invalid UTF-8 becomes lone surrogates, so that one bad row does not hide the others
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        reader = csv.reader(file, strict=True)
        try:
            columns = tuple(next(reader, ()))
            _refuse_lines(columns, "the header", isolated_rows=isolated_rows)
            for number, cells in enumerate((c for c in reader if c), 1):
                _refuse_lines(cells, f"row {number}", isolated_rows=isolated_rows)
                rows.append(_csv_row(number, columns, cells))
        except csv.Error as error:
            raise DataError(
                f"the csv file cannot be read past line {reader.line_num} ({error})",
                hint="Close all quotes, or save the table as jsonl or parquet.",
            ) from None
    if len(set(columns)) != len(columns):
        raise DataError("the csv header has two columns of the same name", hint="Give every column a unique name.")
    return SourceTable(columns, tuple(rows))


def _refuse_lines(cells: Sequence[str], where: str, *, isolated_rows: bool) -> None:
    if isolated_rows and any("\n" in cell or "\r" in cell for cell in cells):
        raise DataError(
            f"{where} of the csv file has a cell of several lines; under a privacy budget this is rejected, since an "
            "unclosed quote would absorb the rows of other persons",
            hint="Save the table as jsonl or parquet.",
        )


def _csv_row(number: int, columns: tuple[str, ...], cells: list[str]) -> SourceRow:
    if len(cells) != len(columns):
        return SourceRow(number, {}, MALFORMED)
    try:
        "".join(cells).encode()
    except UnicodeEncodeError:
        return SourceRow(number, {}, UNDECODABLE)
    return SourceRow(number, dict(zip(columns, cells, strict=True)))


def read_jsonl(path: Path) -> SourceTable:
    """Return the rows of a JSON Lines file; a row's number is its line. Blank lines are skipped.

    Raises:
        OSError: if the file cannot be read.
    """
    columns: dict[str, None] = {}
    rows: list[SourceRow] = []
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            raw = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
            if not raw.strip():
                continue
            row = _jsonl_row(number, raw)
            columns |= dict.fromkeys(row.values)
            rows.append(row)
    return SourceTable(tuple(columns), tuple(rows))


def _jsonl_row(number: int, line: bytes) -> SourceRow:
    try:
        value = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError:
        return SourceRow(number, {}, UNDECODABLE)
    except (ValueError, RecursionError):  # not JSON, a number with too many digits, or nested too deeply
        return SourceRow(number, {}, MALFORMED)
    return SourceRow(number, value) if isinstance(value, dict) else SourceRow(number, {}, MALFORMED)


def read_text(path: Path) -> SourceTable:
    """Return the `.txt` files below a folder as rows, in the order of their paths.

    The columns are `text`, `label` (the folder directly below `path`; None for files in `path` itself)
    and `id` (the path relative to the folder).

    Raises:
        OSError: if a file cannot be read.
    """
    files = sorted((f.relative_to(path).as_posix(), f) for f in path.rglob("*.txt") if f.is_file())
    return SourceTable(
        ("text", "label", "id"), tuple(_text_row(i, name, file) for i, (name, file) in enumerate(files, 1))
    )


def _text_row(number: int, name: str, file: Path) -> SourceRow:
    label, slash, _ = name.partition("/")
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        return SourceRow(number, {}, UNDECODABLE)
    return SourceRow(number, {"text": text, "label": label if slash else None, "id": name})


def read_parquet(path: Path, wanted: Iterable[str]) -> SourceTable:
    """Return the wanted columns of a parquet file.

    Raises:
        DataError: if the file is not parquet, or damaged.
        OSError: if the file cannot be read.
    """
    wanted = tuple(wanted)
    with path.open("rb") as file:
        try:
            parquet = pq.ParquetFile(file)
            names = parquet.schema_arrow.names
            read = table_of(parquet.read(columns=[name for name in names if name in wanted]), wanted)
        except (pa.ArrowException, UnicodeDecodeError, OSError) as error:
            raise DataError(
                "the file is not a readable parquet file", hint="Check that it was copied whole, or save it again."
            ) from error
    return SourceTable(tuple(names), read.rows)


def read_dataset(path: Path, wanted: Iterable[str]) -> SourceTable:
    """Return the wanted columns of a folder saved by the `datasets` library, with class numbers as names.

    Raises:
        DataError: if the folder contains several splits, is not a saved dataset, or is damaged.
        OSError: if a file cannot be read.
    """
    splits = path / "dataset_dict.json"
    if splits.is_file():
        raise DataError(
            f"the folder contains several splits: {', '.join(map(str, _list(_json(splits).get('splits'))))}",
            hint="Set source.path to the folder of one of them.",
        )
    state = _json(path / "state.json")
    try:
        files = [str(item["filename"]) for item in state["_data_files"]]
    except (KeyError, TypeError):
        raise DataError("state.json does not list the dataset's files", hint="Save the dataset again.") from None
    if not files or any(Path(name).name != name for name in files):
        raise DataError("state.json lists no files of this folder", hint="Save the dataset again.")
    info = path / "dataset_info.json"
    names = _class_names(_json(info)) if info.is_file() else {}
    try:
        table = table_of(pa.concat_tables(_arrow(path / name) for name in files), wanted)
    except (pa.ArrowInvalid, UnicodeDecodeError) as error:
        raise DataError(
            "the arrow files are damaged or have different columns", hint="Save the dataset again."
        ) from error
    return SourceTable(table.columns, tuple(_named(row, names) for row in table.rows))


def _arrow(path: Path) -> pa.Table:
    with path.open("rb") as file:
        try:
            with pa.ipc.open_stream(file) as stream:
                return stream.read_all()
        except (pa.ArrowException, UnicodeDecodeError, OSError) as error:
            raise DataError(f"{path.name} is not a readable arrow file", hint="Save the dataset again.") from error


def _json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_bytes())
    except ValueError as error:
        raise DataError(f"{path.name} is not JSON", hint="Save the dataset again.") from error
    if not isinstance(value, dict):
        raise DataError(f"{path.name} is not a JSON object", hint="Save the dataset again.")
    return value


def _class_names(info: dict[str, Any]) -> dict[str, list[str]]:
    """Return the class names of each column that stores class numbers."""
    features = info.get("features") or {}
    if not isinstance(features, dict):
        raise DataError("dataset_info.json does not describe the columns", hint="Save the dataset again.")
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


Format = Literal["jsonl", "csv", "parquet", "dataset", "text"]
_SUFFIXES: dict[str, Format] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
}
_FOLDERS = ("dataset", "text")


def read_source(source: SourceConfig, path: Path, *, isolated_rows: bool = False) -> SourceTable:
    """Return the rows of the source; see `read_csv` for `isolated_rows`.

    Raises:
        DataError: if the path does not exist, has another format, is unreadable or is damaged.
    """
    try:
        kind = _format(source, path)
        match kind:
            case "jsonl":
                return read_jsonl(path)
            case "csv":
                return read_csv(path, isolated_rows=isolated_rows)
            case "parquet":
                return read_parquet(path, wanted_columns(source))
            case "dataset":
                return read_dataset(path, wanted_columns(source))
            case "text":
                return read_text(path)
    except DataError as error:
        raise DataError(f"{path}: {error.message}", problems=error.problems, hint=error.hint) from error
    except OSError as error:
        raise DataError(
            f"{path}: cannot be read ({error.strerror})",
            hint="Check the permissions of the file and that it is complete.",
        ) from error


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
        raise DataError(
            f"the format cannot be derived from the file extension {path.suffix!r}",
            hint="Set source.format to jsonl, csv, parquet, dataset or text.",
        )
    return kind
