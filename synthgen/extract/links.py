"""Recognise links that lead out of the folder of a source."""

from pathlib import Path

OUTSIDE = "link to a file outside the folder"


def is_outside(file: Path, root: Path) -> bool:
    """Return whether a file below the folder `root` is a link to a file outside of it, or a circle of links.

    A source that is a file itself may be a link.
    """
    try:
        return root.is_dir() and not file.resolve().is_relative_to(root.resolve())
    except (OSError, RuntimeError):  # a circle of links
        return True
