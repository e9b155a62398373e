"""Read FHIR resources from NDJSON files (one resource per line) and from bundles (JSON files with many resources)."""

import gzip
import json
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from audits.core.files import open_regular
from synthgen.extract.fhir.values import Resource, objects, text
from synthgen.extract.note import Dropped

NOT_JSON, LONG_LINE = "line is not a JSON object", "line is longer than 64 MiB"
NOT_READ, NO_TYPE = "file is neither NDJSON nor a FHIR bundle", "JSON object has no resourceType"
DAMAGED = "file is damaged, cannot be opened, or is too large"
MAX_LINE_BYTES = 64 << 20
MAX_FILE_BYTES = 1 << 40
MAX_BUNDLE_BYTES = 1 << 30  # a bundle is parsed as a whole
_LINE_SUFFIXES = (".ndjson", ".jsonl", ".ndjson.gz", ".jsonl.gz")


def files_below(path: Path) -> list[Path]:
    """Return `path` alone if it is a file, else all files below `path` that are not hidden, sorted by path."""
    if path.is_file():
        return [path]
    files = (p for p in path.rglob("*") if p.is_file())
    return sorted(p for p in files if not any(part.startswith(".") for part in p.relative_to(path).parts))


def is_export(file: Path) -> bool:
    """Return whether a file has a suffix of NDJSON or JSON."""
    return file.name.lower().endswith((*_LINE_SUFFIXES, ".json"))


def resources_of(file: Path, shown: str) -> Iterator[tuple[Resource, str] | Dropped]:
    """Yield (resource, place) for each resource, and `Dropped` for each line or file without a readable resource.

    `shown` is the name of the file in each place; the place of line 7 is `SHOWN:7`.
    """
    try:
        if file.name.lower().endswith(_LINE_SUFFIXES) or _has_lines(file):
            yield from _lines(file, shown)
        else:
            yield from _bundle(file, shown)
    except (OSError, EOFError, zlib.error):
        yield Dropped(DAMAGED, shown)


def _has_lines(file: Path) -> bool:
    # True if a JSON file is NDJSON: the first line is a whole resource, and a second line follows
    with _opened(file) as lines:
        value = parsed(lines.readline(MAX_LINE_BYTES))
        return isinstance(value, dict) and "resourceType" in value and lines.read(1 << 10).strip() != b""


@contextmanager
def _opened(file: Path) -> Iterator[IO[bytes]]:
    with open_regular(file, MAX_FILE_BYTES) as raw:
        if file.suffix.lower() == ".gz":
            with gzip.open(raw) as unpacked:
                yield cast("IO[bytes]", unpacked)
        else:
            yield raw


def _lines(file: Path, shown: str) -> Iterator[tuple[Resource, str] | Dropped]:
    with _opened(file) as lines:
        number = 0
        while line := lines.readline(MAX_LINE_BYTES + 1):
            number += 1
            place = f"{shown}:{number}"
            if len(line) > MAX_LINE_BYTES:
                while line and not line.endswith(b"\n"):
                    line = lines.readline(MAX_LINE_BYTES)
                yield Dropped(LONG_LINE, place)
            elif line.strip(b"\xef\xbb\xbf \t\r\n\0"):
                value = parsed(line)
                yield from _unpacked(value, place) if isinstance(value, dict) else [Dropped(NOT_JSON, place)]


def _unpacked(value: Resource, place: str) -> Iterator[tuple[Resource, str] | Dropped]:
    if text(value.get("resourceType")) != "Bundle":
        yield (value, place) if text(value.get("resourceType")) else Dropped(NO_TYPE, place)
        return
    for number, entry in enumerate(objects(value.get("entry")), 1):
        for resource in objects(entry.get("resource")):
            full = text(entry.get("fullUrl"))
            if full.startswith("urn:uuid:") and not text(resource.get("id")):
                # references in the bundle use the UUID as the id of the resource
                resource["id"] = full.removeprefix("urn:uuid:")
            yield from _unpacked(resource, f"{place}, entry {number}")


def _bundle(file: Path, shown: str) -> Iterator[tuple[Resource, str] | Dropped]:
    with open_regular(file, MAX_BUNDLE_BYTES) as data:
        value = parsed(data.read())
    if isinstance(value, dict) and "resourceType" in value:
        yield from _unpacked(value, shown)
    else:
        yield Dropped(NOT_READ, shown)


def parsed(data: bytes) -> object:
    """Return the JSON value in UTF-8 bytes; None if the bytes are not JSON or the value is nested too deeply."""
    try:
        return json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return None
