"""Writing files so that they are whole or not there, and one process at a time."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from audits.core.errors import InputError


def write_whole(path: Path, data: bytes) -> None:
    """Write a file for its owner alone; a stop leaves the old file or the new one.

    Raises:
        InputError: it cannot be written.
    """
    partial = None
    try:
        # made with mode 0600, and the name it is given later keeps it
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
def held(lock: Path) -> Iterator[None]:
    """Hold a lock file, made if it is not there, once no other process holds it.

    Raises:
        OSError: it cannot be made, or, on Windows, is held for ten seconds.
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
    """Wait until a file or folder is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
