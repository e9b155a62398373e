"""Read or create a file with a key of 32 random bytes, which only its owner may read."""

import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path

from audits.core.errors import InputError
from audits.core.files import disk_reason, sync
from audits.core.findings import KEY_BYTES


def read_key(path: Path, what: str) -> bytes:
    """Return the key in a file; create the file (not its folder) if it is missing. `what` names the key in messages.

    A new key is written under a temporary name and then linked. So an interrupted process leaves no partial key, and
    two concurrent processes read the same key.

    Raises:
        InputError: the file cannot be read or created, is a link, has a wrong length, or other users may read it.
    """
    try:
        _create_if_missing(path)
        key, mode = read_without_links(path, KEY_BYTES + 1)
    except OSError as error:
        raise InputError(f"the {what} {path} can neither be read nor created ({disk_reason(error, path)})") from None
    problems = []
    if len(key) != KEY_BYTES:
        problems.append(f"the file must have exactly {KEY_BYTES} bytes")
    if not stat.S_ISREG(mode):
        problems.append("the path must be a regular file")
    elif stat.S_IMODE(mode) & 0o077:
        problems.append(f"other users may read or change the file: run `chmod 600 {path}`")
    if problems:
        raise InputError(f"the {what} {path} cannot be used", problems=problems)
    return key


def read_without_links(path: Path, max_bytes: int) -> tuple[bytes, int]:
    """Return the first `max_bytes` bytes and the mode of a file, without following a link.

    If the file is not a regular file, no bytes are returned.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        mode = os.fstat(file.fileno()).st_mode
        return (file.read(max_bytes) if stat.S_ISREG(mode) else b""), mode


def _create_if_missing(path: Path) -> None:
    if os.path.lexists(path):
        return
    partial = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(partial, path, follow_symlinks=False)
    finally:
        partial.unlink()
    sync(path.parent)
