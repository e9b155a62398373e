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
        OSError: the file cannot be read or has more than `MAX_TABLE_BYTES` bytes.
    """
    return parse(read_regular(path, MAX_TABLE_BYTES))


def write_json(path: Path, value: Any) -> None:
    """Write a value as JSON, atomically and readable by the owner only.

    Raises:
        ValueError: a number is NaN or infinite.
        InputError: the file cannot be written.
    """
    write_whole(path, (json.dumps(value, indent=1, sort_keys=True, allow_nan=False) + "\n").encode())
