"""List a folder of a source, and recognise links that lead out of it."""

from pathlib import Path

from synthgen.core.errors import DataError

OUTSIDE = "link to a file outside the folder"


def entries_of(folder: Path) -> list[Path]:
    """Return the files and folders in a folder, sorted; raise DataError if it cannot be read."""
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        raise DataError(f"{folder}: cannot be read ({error.strerror})", hint="Check the permissions.") from None


def is_outside(file: Path, root: Path) -> bool:
    """Return whether a file below the folder `root` links to a file outside `root` or is in a circle of links.

    Return False if `root` is a file: a source that is a single file may be a link.
    """
    try:
        return root.is_dir() and not file.resolve().is_relative_to(root.resolve())
    except (OSError, RuntimeError):  # circle of links
        return True
