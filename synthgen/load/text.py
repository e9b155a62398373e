"""Reads a folder of text files, one folder per class."""

from pathlib import Path

from synthgen.load.rows import UNDECODABLE, SourceRow, SourceTable


def read_text(path: Path) -> SourceTable:
    """Return the `.txt` files below a folder as rows, in the order of their paths.

    The columns are `text`, `label` (the folder directly below `path`; none for files that lie in `path` itself)
    and `id` (the path below the folder).

    Raises:
        OSError: if a file cannot be read.
    """
    files = sorted((f.relative_to(path).as_posix(), f) for f in path.rglob("*.txt") if f.is_file())
    return SourceTable(("text", "label", "id"), tuple(_row(i, name, file) for i, (name, file) in enumerate(files, 1)))


def _row(number: int, name: str, file: Path) -> SourceRow:
    label, slash, _ = name.partition("/")
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        return SourceRow(number, {}, UNDECODABLE)
    return SourceRow(number, {"text": text, "label": label if slash else None, "id": name})
