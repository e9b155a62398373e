"""List the files of a source, and recognise hidden files and links to files outside the source."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path, PurePath

from synthgen.core.errors import DataError

OUTSIDE = "link to a file outside the folder"
OTHER_FILE, HIDDEN = "file type is not supported", "hidden file or folder"
UNREADABLE = "file cannot be opened, or is too large"


def entries_of(folder: Path) -> list[Path]:
    """Return the files and folders in a folder, sorted; raise DataError if the folder cannot be read."""
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        raise DataError(
            f"{folder}: cannot be read ({error.strerror})", hint="Check the permissions of this folder."
        ) from None


def files_of(path: Path) -> list[tuple[Path, PurePath]]:
    """Return (file, path relative to `path`) for each file below the folder `path`, sorted.

    If `path` is a file, the result is only (`path`, name of the file).

    Raises:
        DataError: the path does not exist.
    """
    if not path.exists():
        raise DataError(f"{path}: there is no such file or folder", hint="Check source.path.")
    if path.is_file():
        return [(path, PurePath(path.name))]
    return [(file, PurePath(file.relative_to(path))) for file in sorted(path.rglob("*")) if not file.is_dir()]


def counts_by_suffix(files: Iterable[PurePath]) -> list[str]:
    """Return lines such as ".txt: 3 files" for the first 20 suffixes in alphabetical order."""
    counts = Counter(file.suffix.lower() or "no suffix" for file in files)
    return [f"{suffix}: {n} files" for suffix, n in sorted(counts.items())[:20]]


def is_hidden(relative: PurePath) -> bool:
    """Return whether a part of a path begins with `.` or `__MACOSX` (a folder in archives from macOS)."""
    return any(part.startswith((".", "__MACOSX")) for part in relative.parts)


def is_outside(file: Path, root: Path) -> bool:
    """Return whether a file below the folder `root` links to a file outside `root`, or is in a circle of links.

    If `root` is a file, the result is False: the user named this file, so it may be a link.
    """
    try:
        return root.is_dir() and not file.resolve().is_relative_to(root.resolve())
    except (OSError, RuntimeError):  # circle of links
        return True
