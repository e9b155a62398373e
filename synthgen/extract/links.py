"""Recognise links that lead out of the folder of a source."""

from pathlib import Path

OUTSIDE = "link to a file outside the folder"


def is_outside(file: Path, root: Path) -> bool:
    """Return whether a file below the folder `root` links to a file outside `root` or is in a circle of links.

    Return False if `root` is a file: a source that is a single file may be a link.
    """
    try:
        return root.is_dir() and not file.resolve().is_relative_to(root.resolve())
    except (OSError, RuntimeError):  # circle of links
        return True
