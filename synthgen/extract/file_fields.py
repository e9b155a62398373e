"""Read a field of a note from the path of the note's file, such as the person from `ward/p17_note.txt`."""

import re
from collections.abc import Mapping
from datetime import date
from pathlib import PurePath

from synthgen.core.errors import DataError

NOTATION = (
    "`folder N` for the N-th folder below source.path, `name` for the file name without suffix, `name N` for the "
    "N-th part of the file name (split at `_`, `-`, `.` and spaces)"
)
NO_DATE = "date in the path is not of the form 2024-01-31 or 20240131"  # reason of a remark
_DATE = re.compile(r"([0-9]{4})(-?)([0-9]{2})\2([0-9]{2})")
_LOCATION = re.compile(r"(folder|name) (-?[1-9][0-9]{0,3})|name")
_SEPARATORS = re.compile(r"[-_. ]+")


def require_locations(locations: Mapping[str, str | None], also: str = "") -> None:
    """Raise one DataError that lists all locations that `file_field` cannot interpret; None is allowed.

    Args:
        locations: field name -> location.
        also: text at the end of the hint, for a reader that accepts further notations.
    """
    wrong = {field: at for field, at in locations.items() if at is not None and not _LOCATION.fullmatch(at)}
    if wrong:
        problems = [
            f"source.fields.{field}: {at!r} does not name a part of the path of a file" for field, at in wrong.items()
        ]
        raise DataError("source.fields cannot be used", problems=problems, hint=f"Use {NOTATION}{also}.")


def file_field(relative: PurePath, location: str) -> str:
    """Return the part of a path at a location, or an empty string if the path has no such part.

    For `ward/p17_note.txt`, `folder 1` is "ward", `name` is "p17_note" and `name 1` is "p17". N counts from
    1; a negative N counts from the end.

    Args:
        relative: the path of the file below the folder of the source.
        location: `folder N`, `name` or `name N`; for `name N`, the name is split at `_`, `-`, `.` and spaces.

    Raises:
        DataError: the location has none of these three forms.

    Privacy: a path may name a person, so the result is private.
    """
    require_locations({"location": location})
    kind, _, number = location.partition(" ")
    if not number:
        return relative.stem
    parts = relative.parts[:-1] if kind == "folder" else tuple(filter(None, _SEPARATORS.split(relative.stem)))
    index = int(number) - (int(number) > 0)
    return parts[index] if -len(parts) <= index < len(parts) else ""


def path_date(part: str) -> str:
    """Return a part of a path, such as "2024-01-31" or "20240131", as an ISO date; "" if the part is not a date."""
    match = _DATE.fullmatch(part)
    try:
        return date(int(match[1]), int(match[3]), int(match[4])).isoformat() if match else ""
    except ValueError:
        return ""
