"""Extract the notes of a hospital source, such as a FHIR export, and write them as one Parquet table."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from synthgen.core.files import write_json
from synthgen.core.progress import Advance
from synthgen.extract.ccda import read_ccda
from synthgen.extract.fhir import read_fhir
from synthgen.extract.folder import read_folder
from synthgen.extract.hl7v2 import read_hl7v2
from synthgen.extract.i2b2 import read_i2b2
from synthgen.extract.mimic import read_mimic
from synthgen.extract.note import Fields, Item, Note, Reader
from synthgen.extract.omop import read_omop
from synthgen.extract.resolve import NoteSelection, resolve
from synthgen.extract.spool import spool

LOAD_REPORT = "load-report.json"  # private, because the report states files and lines of the source
STAFF = "staff.json"  # names of practitioners
READERS: Mapping[str, Reader] = {
    "folder": read_folder,
    "fhir": read_fhir,
    "hl7v2": read_hl7v2,
    "ccda": read_ccda,
    "omop": read_omop,
    "mimic": read_mimic,
    "i2b2": read_i2b2,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOptions:
    """Options for reading a source."""

    fields: Fields  # places of person, encounter, date, label and author in the source; None for a default place
    encoding: str  # character encoding of text files
    max_notes: int | None = None  # reading stops after this number of notes whose labels are used; None for no limit


def extract(
    kind: str,
    path: Path,
    folder: Path,
    options: ReadOptions,
    selection: NoteSelection,
    advance: Advance = lambda _: None,
) -> dict[str, Any]:
    """Write notes.parquet, staff.json and load-report.json to `folder`, and return the load report.

    Args:
        kind: a key of `READERS`.
        path: file or folder of the source.
        folder: an empty private folder.
        options: options for reading the source.
        selection: conditions that a note must fulfil to be kept.
        advance: called with 1 after each note or dropped item.

    Raises:
        DataError: the path is not a source of the kind `kind`, a field cannot be interpreted, or no note is left.
        DependencyError: DuckDB is not installed.

    Memory: texts are streamed. DuckDB keeps at most 400 MB of identifiers, dates and digests in memory, and the
        rest on disk.
    Privacy: reads the private source. All files that are written to `folder` are private.
    """
    items = READERS[kind](path, options.fields, options.encoding)
    summary = spool(_until_limit(items, options.max_notes, selection.reason_unused), folder, advance)
    is_whole = next(items, None) is None  # False if `max_notes` was reached before the end of the source
    report = {"kind": kind, "is_whole": is_whole, **resolve(summary, folder, selection)}
    write_json(folder / STAFF, sorted(summary.staff))
    write_json(folder / LOAD_REPORT, report)
    return report


def _until_limit(items: Iterator[Item], max_notes: int | None, unused: Callable[[str], str | None]) -> Iterator[Item]:
    # Only notes whose label is used count towards `max_notes`. `unused(label)` is None if the label is used.
    n_notes = 0
    for item in items:
        yield item
        n_notes += isinstance(item, Note) and unused(item.label.strip()) is None
        if n_notes == max_notes:
            return
