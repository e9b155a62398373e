"""Read and write the times in signed files, in the form `2026-11-20T07:00:00Z` (RFC 3339, UTC, whole seconds)."""

import re
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator

_FORMAT = "%Y-%m-%dT%H:%M:%SZ"
_SHAPE = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z")


def instant(text: str) -> datetime:
    """Return the time in a string such as `2026-11-20T07:00:00Z`; raise ValueError for any other form."""
    if not _SHAPE.fullmatch(text) or not text.isascii():
        raise ValueError("a time must look like 2026-11-20T07:00:00Z")
    try:
        return datetime.strptime(text, _FORMAT).replace(tzinfo=UTC)
    except ValueError:  # its message would repeat the text
        raise ValueError("a time must be an existing date and time, such as 2026-11-20T07:00:00Z") from None


def stamp(moment: datetime) -> str:
    """Return a time as a string in UTC, truncated to seconds; raise ValueError if `moment` has no timezone."""
    if moment.tzinfo is None:
        raise ValueError("a time must have a timezone")
    return moment.astimezone(UTC).strftime(_FORMAT)


Instant = Annotated[str, AfterValidator(lambda text: stamp(instant(text)))]
