"""Read the files of a bundle safely: only regular files, no links, and only names that are safe on every system.

A bundle is the folder of a released dataset.
"""

import errno
import hashlib
import os
import stat
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from audits.core.errors import VerifyError

MAX_FILES = 1_000  # largest number of files and folders in a bundle
MAX_DEPTH = 8  # largest number of parts of a relative name
MAX_NAME_BYTES = 240  # largest length of a relative name in UTF-8
MAX_SMALL_BYTES = 4 << 20  # largest size of a file other than the data, unless the caller gives a limit
_CHUNK_BYTES = 1 << 20
# Unicode categories: control, format (such as zero-width), surrogate, private use, unassigned, line separators
_UNSAFE_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_OPEN_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Tree:
    """An opened bundle folder; later reads reach the same files even if a parent folder is renamed."""

    root: int  # descriptor of the folder
    files: tuple[str, ...]  # sorted relative names
    folders: tuple[str, ...]  # sorted relative names

    def digest(self, name: str) -> str:
        """Return the sha256 of a file."""
        digest = hashlib.sha256()
        with _opened(self.root, name) as file:
            while chunk := os.read(file, _CHUNK_BYTES):
                digest.update(chunk)
        return digest.hexdigest()

    def read(self, name: str, max_bytes: int = MAX_SMALL_BYTES) -> bytes:
        """Return the content of a file.

        Raises:
            VerifyError: E_MISSING if there is no such file; E_UNSAFE if it has more than `max_bytes` bytes, is not a
                regular file, has extended attributes, or cannot be read.
        """
        if name not in self.files:
            raise VerifyError("E_MISSING", f"{name}: not in the bundle")
        data = bytearray()
        with _opened(self.root, name) as file:
            while chunk := os.read(file, _CHUNK_BYTES):
                data += chunk
                if len(data) > max_bytes:
                    raise VerifyError("E_UNSAFE", f"{name}: larger than {max_bytes} bytes, the limit for this file")
        return bytes(data)


@contextmanager
def open_tree(path: str | Path) -> Iterator[Tree]:
    """Yield the opened bundle after checking all names and file types.

    Raises:
        VerifyError: E_MISSING if the folder does not exist; E_UNSAFE if it is not a folder, cannot be listed, or
            contains symbolic links, hard links, devices, extended attributes, names that `check_name` refuses, names
            that differ only in case or Unicode form, or too many files.
    """
    try:
        root = os.open(path, _OPEN_FLAGS | os.O_DIRECTORY)
    except FileNotFoundError:
        raise VerifyError("E_MISSING", f"{path}: there is no bundle, because this folder does not exist") from None
    except OSError as error:
        is_other = error.errno in {errno.ENOTDIR, errno.ELOOP}
        problem = "a file or a symbolic link, not a plain folder" if is_other else "this folder cannot be opened"
        raise VerifyError("E_UNSAFE", f"{path}: {problem} ({error.strerror})") from None
    try:
        files: list[str] = []
        folders: list[str] = []
        try:
            _check_attributes(root, "the bundle's folder")
            _scan(root, "", files, folders)
        except OSError as error:
            raise VerifyError("E_UNSAFE", f"the files of the bundle cannot be listed ({error.strerror})") from None
        _check_collisions([*files, *folders])
        yield Tree(root, tuple(sorted(files)), tuple(sorted(folders)))
    finally:
        os.close(root)


def check_name(name: str) -> None:
    """Raise VerifyError (E_UNSAFE) unless a relative name means the same file on every file system.

    A name may have at most 240 bytes and 8 parts, and must be in the Unicode form NFC. Invisible characters and
    characters that some file systems do not allow are forbidden. A part must not be empty, begin or end with white
    space, or end with a dot (as `..` does).
    """
    segments = name.split("/")
    is_met = {  # requirement -> whether the name meets it
        "no part of the name may be empty, begin or end with white space, or end with a dot": all(
            part not in {"", ".", ".."} and part == part.strip() and not part.endswith(".") for part in segments
        ),
        f"a name has at most {MAX_DEPTH} parts": len(segments) <= MAX_DEPTH,
        r"a name must contain no invisible characters and none of \ : * ? < > | and double quotes": not any(
            unicodedata.category(char) in _UNSAFE_CATEGORIES or char in '\\:*?"<>|' for char in name
        ),
        "a name must be in the Unicode form NFC": unicodedata.is_normalized("NFC", name),
        f"a name has at most {MAX_NAME_BYTES} bytes": len(name.encode("utf-8", "surrogatepass")) <= MAX_NAME_BYTES,
    }
    broken = [requirement for requirement, holds in is_met.items() if not holds]
    if broken:
        raise VerifyError("E_UNSAFE", f"{name[:80]}: not a plain relative name; {broken[0]}")


def _scan(folder: int, prefix: str, files: list[str], folders: list[str]) -> None:
    """Check everything in an opened folder, and append the relative names to the lists `files` and `folders`."""
    with os.scandir(folder) as entries:
        names = sorted(entry.name for entry in entries)
    for entry in names:
        name = prefix + entry
        check_name(name)
        status = os.stat(entry, dir_fd=folder, follow_symlinks=False)
        if stat.S_ISDIR(status.st_mode):
            folders.append(name)
            inner = os.open(entry, _OPEN_FLAGS | os.O_DIRECTORY, dir_fd=folder)
            try:
                _check_attributes(inner, name)
                _scan(inner, f"{name}/", files, folders)
            finally:
                os.close(inner)
        elif not stat.S_ISREG(status.st_mode):
            kind = "symbolic link" if stat.S_ISLNK(status.st_mode) else "device, pipe or socket"
            raise VerifyError("E_UNSAFE", f"{name}: a {kind}; a bundle may contain only plain files and folders")
        elif status.st_nlink != 1:
            raise VerifyError("E_UNSAFE", f"{name}: has a second name (hard link); copy the bundle, and use the copy")
        else:
            files.append(name)
        if len(files) + len(folders) > MAX_FILES:
            raise VerifyError("E_UNSAFE", f"the bundle contains more than {MAX_FILES} files and folders")


def _check_attributes(descriptor: int, name: str) -> None:
    try:
        attributes = os.listxattr(descriptor) if hasattr(os, "listxattr") else []
    except OSError as error:
        if error.errno != errno.ENOTSUP:
            raise
        return
    if any(attribute.startswith("user.") for attribute in attributes):
        raise VerifyError(
            "E_UNSAFE", f"{name}: has extended attributes, which are not signed; copy the bundle without them"
        )


def _check_collisions(names: list[str]) -> None:
    by_folded: dict[str, str] = {}
    for name in names:
        folded = unicodedata.normalize("NFKC", name).casefold()
        if by_folded.setdefault(folded, name) != name:
            raise VerifyError(
                "E_UNSAFE", f"{name}: differs from {by_folded[folded]} only in letter case or Unicode form"
            )


@contextmanager
def _opened(root: int, name: str) -> Iterator[int]:
    *parents, leaf = name.split("/")
    opened = [root]
    try:
        for parent in parents:
            opened.append(os.open(parent, _OPEN_FLAGS | os.O_DIRECTORY, dir_fd=opened[-1]))
        file = os.open(leaf, _OPEN_FLAGS, dir_fd=opened[-1])
        opened.append(file)
        if not stat.S_ISREG(os.fstat(file).st_mode):
            raise VerifyError(
                "E_UNSAFE", f"{name}: no longer a plain file, because the bundle was changed during the check"
            )
        _check_attributes(file, name)
        yield file
    except FileNotFoundError:
        raise VerifyError("E_MISSING", f"{name}: not in the bundle") from None
    except OSError as error:
        raise VerifyError("E_UNSAFE", f"{name}: cannot be read ({error.strerror})") from None
    finally:
        for descriptor in reversed(opened[1:]):
            os.close(descriptor)
