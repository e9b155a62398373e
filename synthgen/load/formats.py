"""Finds out which format a source has, and reads it."""

from pathlib import Path
from typing import Literal

from synthgen.core.errors import DataError
from synthgen.load.config import SourceConfig
from synthgen.load.csv import read_csv
from synthgen.load.dataset import read_dataset
from synthgen.load.jsonl import read_jsonl
from synthgen.load.parquet import read_parquet
from synthgen.load.rows import SourceTable
from synthgen.load.text import read_text

Format = Literal["jsonl", "csv", "parquet", "dataset", "text"]
_SUFFIXES: dict[str, Format] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
}
_FOLDERS = ("dataset", "text")


def read_source(source: SourceConfig, path: Path, *, apart: bool = False) -> SourceTable:
    """Return the rows of the source; where they are to be `apart`, none may change what others are.

    Raises:
        DataError: if the path does not exist, is no file of the format, cannot be read, or is damaged.
    """
    try:
        kind = _format(source, path)
        match kind:
            case "jsonl":
                return read_jsonl(path)
            case "csv":
                return read_csv(path, apart=apart)
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
            f"{path}: cannot be read ({error.strerror})", hint="Check the file's permissions and that it is whole."
        ) from error


def wanted_columns(source: SourceConfig) -> tuple[str, ...]:
    """Return the columns the configuration names, each once."""
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
            f"the ending {path.suffix!r} does not tell the format",
            hint="Set source.format to jsonl, csv, parquet, dataset or text.",
        )
    return kind
