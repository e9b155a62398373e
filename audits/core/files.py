"""Atomic file writes, file locks, and readers that accept only regular files of limited size."""

import errno
import io
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from audits.core.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa

MAX_TABLE_BYTES = 4 << 30
MAX_SMALL_BYTES = 64 << 20  # limit for a file that is not a table, such as evidence, a key, a trust root or a policy
# number of rows of a Parquet file that are decoded at once; small, because a few bytes can encode long values
_BATCH_ROWS = 64
_CELL_BYTES = 50  # smallest number of bytes that a value needs in memory as a Python object
_NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
# error numbers of the disk and of permissions; an error with any other number is a mistake in the program
_DISK_ERRORS = _NO_SPACE | {errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO, errno.ESTALE, errno.ENXIO}
_SPARE = 1 << 20  # bytes that a file system may need in addition to the written data


def open_regular(path: str | Path, max_bytes: int = MAX_TABLE_BYTES) -> io.BufferedReader:
    """Open a file for reading. Raise OSError if it is not a regular file or has more than `max_bytes` bytes.

    `strerror` of the error states the reason. A device, pipe or socket could deliver data without end or block the
    process. The file is checked after it is opened, because another process could replace it between a check and the
    opening.
    """
    file = open(path, "rb", opener=_without_waiting)  # noqa: SIM115 - the caller closes the file
    found = os.fstat(file.fileno())
    if not stat.S_ISREG(found.st_mode):
        file.close()
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    if found.st_size > max_bytes:
        file.close()
        raise OSError(errno.EINVAL, f"the file has {found.st_size} bytes; the limit is {max_bytes} bytes", str(path))
    return file


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def read_regular(path: str | Path, max_bytes: int = MAX_SMALL_BYTES) -> bytes:
    """Return the content of a regular file; raise OSError in the same cases as `open_regular`."""
    with open_regular(path, max_bytes) as file:
        data = file.read(max_bytes + 1)
    if len(data) > max_bytes:  # `st_size` can be too small: it is 0 for files in /proc, and a process may append
        raise OSError(errno.EINVAL, f"the file has more than {max_bytes} bytes, which is the limit", str(path))
    return data


def read_parquet(file: BinaryIO, to_read: Collection[str]) -> tuple[list[str], "pa.Table"]:
    """Return the names of all columns of a Parquet file, and a table of the columns that are in `to_read`.

    A file of a few hundred bytes can decode to many gigabytes. The decoded size is therefore measured first, in small
    batches. Raise OSError, with the reason in `strerror`, if the file is damaged or the decoded columns are larger
    than `MAX_TABLE_BYTES`.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    size = 0
    with arrow_errors():
        parquet = pq.ParquetFile(file, pre_buffer=False)
        names: list[str] = parquet.schema_arrow.names
        columns = [name for name in names if name in to_read]
        for batch in parquet.iter_batches(_BATCH_ROWS, columns=columns, use_threads=False):
            for column in batch.columns:
                plain = column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
                size += max(plain.nbytes, _CELL_BYTES * len(column))
            if size > MAX_TABLE_BYTES:
                raise OSError(
                    errno.EFBIG, f"the columns of the file have more than {MAX_TABLE_BYTES} bytes, which is the limit"
                )
        return names, parquet.read(columns, use_threads=False)


@contextmanager
def arrow_errors() -> Iterator[None]:
    """Turn each error of pyarrow into an OSError; the block must contain only calls of pyarrow."""
    import pyarrow as pa

    try:
        yield
    # pyarrow also raises built-in exceptions, for example for dates out of range
    except (pa.ArrowException, OSError, ValueError, TypeError, LookupError, ArithmeticError, MemoryError) as error:
        reason = getattr(error, "strerror", None) or f"not a readable table: {type(error).__name__}"
        raise OSError(errno.EINVAL, reason) from error


def disk_reason(error: OSError, path: Path, needed: int = 0) -> str:
    """Return why a file was not written; if the disk is full, also the free and the needed space.

    `needed` is the size of the file in bytes, or 0 if it is unknown.
    """
    reason = os.strerror(error.errno or errno.EIO)
    if error.errno not in _NO_SPACE:
        return reason
    folder = next(place for place in (path, *path.absolute().parents) if place.is_dir())
    free = shutil.disk_usage(folder).free
    limit = "; check `ulimit -f`" if error.errno == errno.EFBIG else ""
    needed_mib = (needed + _SPARE >> 20) + 1
    return f"{reason}; {free >> 20} MiB are free, at least {needed_mib} MiB are needed{limit}"


@contextmanager
def disk_errors(place: Path) -> Iterator[None]:
    """Turn an error of the disk or of permissions into an InputError.

    `place` is the folder to which the block writes. If the disk is full, the message states the needed space,
    estimated by the current size of the folder.
    """
    try:
        yield
    except OSError as error:
        # numpy reports a short write without errno
        is_short = error.errno is None and str(error).endswith(" written")
        if error.errno not in _DISK_ERRORS and not is_short:
            raise
        size = sum(file.stat().st_size for file in place.rglob("*") if file.is_file()) if place.is_dir() else 0
        reason = disk_reason(OSError(error.errno or errno.ENOSPC, ""), place, size)
        hint = (
            "Free disk space or correct the permissions, then run the same command again; finished stages are kept."
        )
        raise InputError(f"{error.filename or place} cannot be read or written ({reason})", hint=hint) from error


def require_space(folder: Path, needed: int) -> None:
    """Raise InputError if a test file of `needed` bytes cannot be written to the folder; the test file is removed."""
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".space-") as file:
            file.write(bytes(needed))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        reason = disk_reason(error, folder, needed)
        hint = "Free disk space or correct the permissions, then run the same command again."
        raise InputError(f"{folder}: {needed} bytes cannot be written ({reason})", hint=hint) from None


def write_whole(path: Path, data: bytes) -> None:
    """Write a file with mode 0600, completely or not at all; raise InputError if it cannot be written."""
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
        raise InputError(f"{path} cannot be written ({disk_reason(error, path, len(data))})") from error
    finally:
        if partial is not None:
            partial.unlink(missing_ok=True)  # exists only after a failure or an interruption


@contextmanager
def locked(lock: Path) -> Iterator[None]:
    """Wait for the exclusive lock of a file and hold it in the context; create the file if it is missing."""
    with lock.open("a") as file:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)  # raises OSError after ten seconds
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
