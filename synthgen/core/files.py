"""Read JSON strictly, and write private files atomically: a path always has its old or its new content."""

import json
import os
from pathlib import Path
from typing import Any

from audits.core.strictjson import parse


def read_json(path: Path) -> Any:
    """Return the value of a JSON file; lists become tuples.

    Raises:
        JsonError: the file is not strict JSON; see `audits.core.strictjson.parse`.
        OSError: the file cannot be read.
    """
    return parse(path.read_bytes())


def write_json(path: Path, value: Any) -> None:
    """Write a value as JSON; see `write_bytes`."""
    write_bytes(path, (json.dumps(value, indent=1, sort_keys=True, allow_nan=False) + "\n").encode())


def write_bytes(path: Path, data: bytes) -> None:
    """Write a private file (mode 0600) atomically."""
    partial = path.with_name(path.name + ".partial")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
