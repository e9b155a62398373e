"""Write the notes and names of persons of a source to temporary Parquet files.

A reader such as `read_hl7v2` yields notes and names one by one, because all together may not fit in memory. Later,
`resolve` reads the files and chooses the notes to use.
"""

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from synthgen.core.progress import Advance
from synthgen.extract.note import Dropped, Item, MergedPerson, Note, PersonNames, Remark, StaffNames

NOTES, PERSONS = "spooled-notes.parquet", "spooled-persons.parquet"
BATCH_ROWS, BATCH_CHARACTERS = 4096, 16 << 20  # rows are written when a batch reaches one of these sizes
SHOWN_PLACES = 20  # largest number of places per reason in the load report
NOT_UNICODE, NUL = "invalid Unicode (a lone surrogate) in a field", "NUL character in a field"
_WORD = re.compile(r"\w+")
_TEXT, _LIST = pa.string(), pa.list_(pa.string())  # types of columns
NOTE_SCHEMA = pa.schema(
    {
        **dict.fromkeys(
            ("place", "document", "text", "person", "label", "encounter", "date", "author", "version"), _TEXT
        ),
        "aliases": _LIST,
        "replaces": _LIST,
        "is_superseded": pa.bool_(),
        "withdrawn": _TEXT,
        "same": pa.binary(16),  # digest of the words in lower case; repeated texts have equal digests
    }
)
PERSON_SCHEMA = pa.schema({"person": _TEXT, "names": _LIST})


class Tally:
    """The number of items for each reason (of `Dropped` or `Remark`), and where the first items are in the source."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._places: dict[str, list[str]] = defaultdict(list)

    def add(self, reason: str, places: Sequence[str], count: int = 1) -> None:
        """Add `count` items with this reason; `places` are the first places of the items, at most `SHOWN_PLACES`."""
        self.counts[reason] += count
        n_free = SHOWN_PLACES - len(self._places[reason])
        self._places[reason] += places[:n_free]

    def to_json(self) -> dict[str, dict[str, object]]:
        """Return reason -> count and first places, sorted by reason."""
        return {reason: {"count": n, "places": self._places[reason]} for reason, n in sorted(self.counts.items())}


class SpoolSummary:
    """Counts of the items that `spool` read, merges of persons, and names of staff. It contains no notes."""

    def __init__(self) -> None:
        self.n_items = 0  # number of notes and dropped items
        self.dropped, self.remarks = Tally(), Tally()
        self.merged: set[tuple[str, str]] = set()  # (old, new) identifier of a person
        self.staff: set[str] = set()  # names of practitioners


def spool(items: Iterable[Item], folder: Path, advance: Advance) -> SpoolSummary:
    """Write the notes and the names of persons to `folder`; return the counts, merges and names of staff.

    Privacy: the files hold the private notes; the caller removes the files.
    """
    summary = SpoolSummary()
    with _table(folder / NOTES, NOTE_SCHEMA) as notes, _table(folder / PERSONS, PERSON_SCHEMA) as persons:
        for item in items:
            if isinstance(item, Note):
                row = _row(item)
                if (reason := _reason_to_drop(row)) is None:
                    notes.add(row, len(item.text))
                else:
                    summary.dropped.add(reason, [item.place])
            elif isinstance(item, Dropped):
                summary.dropped.add(item.reason, [item.place])
            elif isinstance(item, Remark):
                summary.remarks.add(item.reason, [item.place])
            elif isinstance(item, MergedPerson):
                summary.merged.add((_without_surrogates(item.old).strip(), _without_surrogates(item.new).strip()))
            elif isinstance(item, PersonNames):
                names = list(map(_without_surrogates, item.names))
                persons.add({"person": _without_surrogates(item.person).strip(), "names": names}, 0)
            elif isinstance(item, StaffNames):
                summary.staff.update(map(_without_surrogates, item.names))
            if isinstance(item, Note | Dropped):
                summary.n_items += 1
                advance(1)
    return summary


def _row(note: Note) -> dict[str, Any]:
    row = {name: getattr(note, name) for name in Note.__dataclass_fields__}
    words = _WORD.findall(note.text.casefold()) or [note.text]
    same = hashlib.sha256(" ".join(words).encode(errors="surrogatepass")).digest()[:16]
    return row | {name: row[name].strip() for name in ("person", "label", "text")} | {"same": same}


def _reason_to_drop(row: Mapping[str, Any]) -> str | None:
    # returns why the row cannot be written to Parquet, or None
    strings = [value for value in row.values() if isinstance(value, str)]
    text = "".join([*strings, *row["aliases"], *row["replaces"]])
    if "\0" in text:
        return NUL
    return None if _without_surrogates(text) == text else NOT_UNICODE


def _without_surrogates(text: str) -> str:
    return text.encode(errors="replace").decode()  # a lone surrogate becomes a question mark


class _ParquetRows:
    # writes rows in batches; `size` is the number of characters of a note's text, or 0 for names

    def __init__(self, writer: pq.ParquetWriter) -> None:
        self._writer = writer
        self._rows: list[Mapping[str, Any]] = []
        self._size = 0

    def add(self, row: Mapping[str, Any], size: int) -> None:
        self._rows.append(row)
        self._size += size
        if len(self._rows) >= BATCH_ROWS or self._size >= BATCH_CHARACTERS:
            self.flush()

    def flush(self) -> None:
        if self._rows:
            self._writer.write_table(pa.Table.from_pylist(self._rows, schema=self._writer.schema))
        self._rows, self._size = [], 0


@contextmanager
def _table(path: Path, schema: pa.Schema) -> Iterator[_ParquetRows]:
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        table = _ParquetRows(writer)
        yield table
        table.flush()
