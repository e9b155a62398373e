"""Change the loaded records as the source section asks: one spelling per label, no repetitions, no small class."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace

from synthgen.core.digest import sha256_bytes
from synthgen.core.errors import DataError
from synthgen.core.near_duplicates import repeated
from synthgen.core.types import Record
from synthgen.load.cells import folded
from synthgen.load.config import SourceConfig

MERGED = "other"  # the class that small classes are merged into
NO_VALUE = {"", "null", "none", "nil", "nan", "na", "n/a", "#n/a", "missing", "undefined", "?", "nat"}


def is_no_value(label: str) -> bool:
    """Return whether a label looks like a missing value, such as `NULL`."""
    return label.casefold().strip("<>()[]-_. ") in NO_VALUE


def with_own_persons(records: Sequence[Record]) -> list[Record]:
    """Return the records with a person each, named by a digest of the text and the number of its occurrence.

    A name by row number would let the ledger take the rows of unrelated tables for the same persons.
    """
    seen: Counter[str] = Counter()
    named = []
    for record in records:
        digest = sha256_bytes(record.text.encode())[:16]
        seen[digest] += 1
        named.append(replace(record, group=f"record-{digest}-{seen[digest]}"))
    return named


def with_one_spelling(records: Sequence[Record], source: SourceConfig) -> list[Record]:
    """Return the records with one spelling per label: that of `source.labels`, or else the most frequent one."""
    counts = Counter(record.label for record in records)
    chosen: dict[str, str] = {}
    for label in sorted(counts, key=lambda label: (counts[label], label)):
        chosen[folded(label)] = label
    chosen |= {folded(label): label for label in source.labels or ()}
    return [replace(record, label=chosen[folded(record.label)]) for record in records]


def select(records: Sequence[Record], source: SourceConfig) -> tuple[list[Record], list[str]]:
    """Return the records without repetitions and small classes, and what was removed or merged, with counts.

    Raises:
        DataError: a class has fewer persons than `source.min_class` requires, and it says `refuse`.

    Privacy: with `dedupe: all` and with `min_class`, whether a record is kept depends on other persons.
    """
    kept, notes = list(records), []
    if source.dedupe != "off":
        owners = [record.group for record in kept] if source.dedupe == "within-person" else None
        is_repeated = repeated([record.text for record in kept], owners)
        kept = [record for record, again in zip(kept, is_repeated, strict=True) if not again]
        if is_repeated.any():
            notes.append(f"{int(is_repeated.sum())} records repeat an earlier one and were removed (source.dedupe)")
    if source.min_class is None:
        return kept, notes
    persons: dict[str, set[str]] = defaultdict(set)
    for record in kept:
        persons[record.label].add(record.group)
    small = {label: len(groups) for label, groups in sorted(persons.items()) if len(groups) < source.min_class.count}
    shown = ", ".join(f"{label!r}: {n} persons" for label, n in small.items())
    if small and source.min_class.then == "refuse":
        raise DataError(
            f"source.min_class: {len(small)} classes have fewer than {source.min_class.count} persons",
            problems=[f"{label!r}: {n} persons" for label, n in small.items()],
            hint="Set source.min_class.then to drop or merge, or add records of these classes.",
        )
    if small and source.min_class.then == "drop":
        notes.append(f"small classes were removed (source.min_class): {shown}")
        return [record for record in kept if record.label not in small], notes
    if small:
        notes.append(f"small classes were merged into {MERGED!r} (source.min_class): {shown}")
    return [replace(record, label=MERGED) if record.label in small else record for record in kept], notes
