"""Keys of 32 random bytes in files that their owner alone may read; made once, atomically, and never overwritten."""

import os
import secrets
import stat
from pathlib import Path

from audits.core.errors import InputError
from audits.core.files import sync
from audits.core.findings import KEY_BYTES


def read_key(path: Path, what: str) -> bytes:
    """Return the key in a file; if the file is not there, make it, for its owner alone, with 32 random bytes.

    It is written under another name, flushed and linked, so that a stop leaves no key or a whole one, and of two
    processes that make it one wins and both read the same.

    Args:
        path: the file; its folder must exist.
        what: it is the key of, for messages.

    Raises:
        InputError: the file cannot be read or made, is a link, has another length, or may be read by others.
    """
    try:
        _make(path)
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            key = file.read(KEY_BYTES + 1) if stat.S_ISREG(mode) else b""
    except OSError as error:
        raise InputError(f"the {what} {path} can neither be read nor made ({error.strerror})") from None
    problems = []
    if len(key) != KEY_BYTES:
        problems.append(f"it must have {KEY_BYTES} bytes")
    if not stat.S_ISREG(mode) or stat.S_IMODE(mode) & 0o077:
        problems.append("it must be a file that its owner alone may read: chmod 600")
    if problems:
        raise InputError(f"the {what} {path} cannot be used", problems=problems)
    return key


def _make(path: Path) -> None:
    if os.path.lexists(path):
        return
    partial = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(partial, path, follow_symlinks=False)
        except FileExistsError:
            return
    finally:
        partial.unlink()
    sync(path.parent)
