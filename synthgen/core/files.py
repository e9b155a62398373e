"""Read JSON strictly, and write private files atomically: a path always has its old or its new content."""

import json
from pathlib import Path
from typing import Any

from audits.core.files import MAX_TABLE_BYTES, read_regular, write_whole
from audits.core.strictjson import parse


def read_json(path: Path) -> Any:
    """Return the value of a JSON file; lists become tuples.

    Raises:
        JsonError: the file is not strict JSON; see `audits.core.strictjson.parse`.
        OSError: the file cannot be read.
    """
    return parse(read_regular(path, MAX_TABLE_BYTES))


def write_json(path: Path, value: Any) -> None:
    """Write a value as JSON; see `audits.core.files.write_whole`."""
    write_whole(path, (json.dumps(value, indent=1, sort_keys=True, allow_nan=False) + "\n").encode())
