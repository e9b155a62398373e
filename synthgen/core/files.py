"""Read files, and write private files. An interrupted write leaves the old file unchanged."""

import json
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

from audits.core.files import MAX_SMALL_BYTES, MAX_TABLE_BYTES, read_regular, sync, write_whole
from audits.core.strictjson import parse
from synthgen.core.errors import StorageError


def read_bytes(path: Path, max_bytes: int = MAX_SMALL_BYTES) -> bytes:
    """Return the content of a regular file; raise StorageError if it is unreadable or has over `max_bytes` bytes."""
    try:
        return read_regular(path, max_bytes)
    except OSError as error:
        hint = "Check the path and the permissions of the file."
        raise StorageError(f"{path}: cannot be read ({error.strerror})", hint=hint) from error


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


def write_by(path: Path, write: Callable[[Path], object]) -> None:
    """Call `write` with a temporary path, flush the file that it writes, and rename the file to `path`."""
    # The name is random, because two processes may write the same file. It keeps the suffix of `path`, because
    # `np.save` appends a missing .npy.
    partial = path.with_name(f".part-{secrets.token_hex(8)}{path.suffix}")
    write(partial)
    sync(partial)
    partial.replace(path)


def check_writable(out: Path, key: str = "release.out") -> None:
    """Raise StorageError if no file can be written to the folder `out`, or if the folder cannot be created.

    The message names the configuration key `key`.
    """
    try:
        existing = next(folder for folder in (out, *out.parents) if os.path.lexists(folder))
        is_writable = existing.is_dir() and os.access(existing, os.W_OK | os.X_OK)
    except OSError:
        is_writable = False
    if not is_writable:
        raise StorageError(f"{key}: {out} is not writable", hint="Set another folder, or make it writable.")
