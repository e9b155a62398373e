"""Points in time as they are signed: RFC 3339, UTC, whole seconds, one spelling."""

import re
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator

_FORMAT = "%Y-%m-%dT%H:%M:%SZ"
_SHAPE = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z")


def instant(text: str) -> datetime:
    """Return the time that `2026-11-20T07:00:00Z` names; any other spelling is a ValueError."""
    if not _SHAPE.fullmatch(text) or not text.isascii():
        raise ValueError("a time must look like 2026-11-20T07:00:00Z")
    return datetime.strptime(text, _FORMAT).replace(tzinfo=UTC)


def stamp(moment: datetime) -> str:
    """Return a time, which must carry its zone, in UTC as `2026-11-20T07:00:00Z`; parts of a second are cut off."""
    if moment.tzinfo is None:
        raise ValueError("a time needs its zone")
    return moment.astimezone(UTC).strftime(_FORMAT)


def _checked(text: str) -> str:
    instant(text)
    return text


Instant = Annotated[str, AfterValidator(_checked)]
