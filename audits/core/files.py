"""Writing files so that they are whole or not there."""

import os
import tempfile
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


def sync(path: Path) -> None:
    """Wait until a file or folder is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
