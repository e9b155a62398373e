"""Reads a folder that the `datasets` library saved, from its own arrow files, without that library."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa

from synthgen.core.errors import DataError
from synthgen.load.arrow import table_of
from synthgen.load.rows import SourceRow, SourceTable


def read_dataset(path: Path, wanted: Iterable[str]) -> SourceTable:
    """Return the wanted columns of a saved dataset; class numbers become the class names the dataset declares.

    Raises:
        DataError: if the folder holds several splits, or is not a saved dataset, or is damaged.
        OSError: if a file cannot be read.
    """
    splits = path / "dataset_dict.json"
    if splits.is_file():
        raise DataError(
            f"the folder holds several splits: {', '.join(map(str, _list(_json(splits).get('splits'))))}",
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
            "the arrow files are damaged, or do not fit together", hint="Save the dataset again."
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
    """Return, for each column of class numbers, the names of the classes."""
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
    """Return the row with class numbers replaced; -1 is that library's word for no label."""
    values = dict(row.values)
    for column, classes in names.items():
        number = values.get(column)
        if isinstance(number, int):
            values[column] = classes[number] if 0 <= number < len(classes) else None
    return SourceRow(row.number, values, row.reason)
