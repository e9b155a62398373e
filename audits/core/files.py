"""Atomic file writes and file locks."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from audits.core.errors import InputError


def write_whole(path: Path, data: bytes) -> None:
    """Write a file atomically with mode 0600; after an interruption the path has the old or the new content."""
    partial = None
    try:
        # NamedTemporaryFile uses mode 0600, and the rename keeps it
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".part-", delete=False) as file:
            partial = Path(file.name)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        if partial is not None:
            partial.unlink(missing_ok=True)
        raise InputError(f"{path} cannot be written ({error.strerror})") from error


@contextmanager
def locked(lock: Path) -> Iterator[None]:
    """Wait for an exclusive lock on a file, which is created if missing, and keep it inside the context.

    Raise OSError if the file cannot be created or, on Windows, another process keeps the lock for ten seconds.
    """
    with lock.open("a") as file:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def sync(path: Path) -> None:
    """Flush a file or folder to disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
