"""Change loaded records: one spelling per label, no repeated text, fewer records per person, no small classes."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from audits.core.errors import counted
from audits.text.name_lists import split_list
from synthgen.core.digest import sha256_bytes
from synthgen.core.errors import DataError
from synthgen.core.near_duplicates import repeated
from synthgen.core.seeds import SeedTree
from synthgen.core.types import Record
from synthgen.load.cells import folded
from synthgen.load.config import MinClassConfig, SourceConfig
from synthgen.load.copy_forward import reduce_copies

MERGED = "other"  # the class that small classes are merged into
# spellings of a missing value in databases and in Python, and the error values of Excel
NO_VALUE = {"", *split_list("null none nil nan nat na n/a n.a missing undefined blank empty ? \\n")}
NO_VALUE |= {*split_list("#n/a #null! #ref! #name? #value! #num! #div/0!")}


@dataclass(frozen=True, slots=True)
class Selected:
    """The records that `select` keeps, and descriptions of its changes."""

    records: list[Record]
    notes: list[str]  # sentences with counts; they may show labels
    counts: dict[str, float]  # see `select`


def is_no_value(label: str) -> bool:
    """Return whether a label looks like a missing value, such as `NULL`."""
    return label.casefold().strip("<>()[]{}-_. ") in NO_VALUE


def with_own_persons(records: Sequence[Record]) -> list[Record]:
    """Return the records with one person per record, named by a digest of the text and a counter of equal texts.

    A row number would not suffice as a name: the ledger recognises persons across runs, and the first rows of two
    unrelated tables would count as one person.
    """
    seen: Counter[str] = Counter()
    named = []
    for record in records:
        digest = sha256_bytes(record.text.encode())[:16]
        seen[digest] += 1
        named.append(replace(record, group=f"record-{digest}-{seen[digest]}"))
    return named


def with_one_spelling(records: Sequence[Record], source: SourceConfig) -> list[Record]:
    """Return the records with one spelling per label: as in `source.labels`, or else the most frequent spelling."""
    counts = Counter(record.label for record in records)
    chosen: dict[str, str] = {}
    for label in sorted(counts, key=lambda label: (counts[label], label)):
        chosen[folded(label)] = label
    chosen |= {folded(label): label for label in source.labels or ()}
    return [replace(record, label=chosen[folded(record.label)]) for record in records]


def select(records: Sequence[Record], source: SourceConfig, seeds: SeedTree) -> Selected:
    """Return the records after `dedupe`, `copy_forward`, `max_per_person` and `min_class` of `source` are applied.

    The field `counts` has the numbers of removed or merged records: `repeated`, `over_max_per_person` and
    `in_small_classes`. If the source has person ids, `counts` also has the share of copied text (`copied_share`, 0 to
    1) and the numbers of removed copies (`copied_sentences`, `copied_records`). Raise DataError if a class is too
    small and `min_class.then` is `refuse`.

    Privacy: with `dedupe: all` or `min_class`, whether a record is kept depends on other persons.
    Randomness: if `source.max_per_person` is set, keyed hashes choose the records of each person (see `_at_most`).
    """
    kept, notes = list(records), []
    counts: dict[str, float] = dict.fromkeys(("repeated", "over_max_per_person", "in_small_classes"), 0)
    if source.dedupe != "off":
        owners = [record.group for record in kept] if source.dedupe == "within-person" else None
        is_repeated = repeated([record.text for record in kept], owners)
        kept = [record for record, again in zip(kept, is_repeated, strict=True) if not again]
        counts["repeated"] = int(is_repeated.sum())
        if is_repeated.any():
            notes.append(f"{counts['repeated']} near repetitions of an earlier record were removed (source.dedupe)")
    if source.has_persons and not source.rows_are_persons:
        kept = _with_copies_treated(kept, source, notes, counts)
    if source.max_per_person is not None:
        before, kept = len(kept), _at_most(kept, source.max_per_person, seeds)
        counts["over_max_per_person"] = before - len(kept)
        notes += [f"{before - len(kept)} records were removed (source.max_per_person)"] if len(kept) < before else []
    if source.min_class is None:
        return Selected(kept, notes, counts)
    small = _small_classes(kept, source.min_class)
    counts["in_small_classes"] = sum(record.label in small for record in kept)
    shown = ", ".join(f"{label!r}: {counted(n, 'person')}" for label, n in small.items())
    if small and source.min_class.then == "drop":
        notes.append(f"small classes were removed (source.min_class): {shown}")
        return Selected([record for record in kept if record.label not in small], notes, counts)
    if small:
        notes.append(f"small classes were merged into {MERGED!r} (source.min_class): {shown}")
    merged = [replace(record, label=MERGED) if record.label in small else record for record in kept]
    return Selected(merged, notes, counts)


def _small_classes(records: Sequence[Record], min_class: MinClassConfig) -> dict[str, int]:
    """Return class -> number of persons for the classes that are too small; raise DataError if `then` is `refuse`."""
    persons: dict[str, set[str]] = defaultdict(set)
    for record in records:
        persons[record.label].add(record.group)
    small = {label: len(groups) for label, groups in sorted(persons.items()) if len(groups) < min_class.count}
    if small and min_class.then == "refuse":
        raise DataError(
            f"source.min_class: {len(small)} classes have fewer than {min_class.count} persons",
            problems=[f"{label!r}: {counted(n, 'person')}" for label, n in small.items()],
            hint="Set source.min_class.then to drop or merge, or add records of these classes.",
        )
    return small


def _with_copies_treated(
    records: list[Record], source: SourceConfig, notes: list[str], counts: dict[str, float]
) -> list[Record]:
    """Apply `source.copy_forward` and return the records; add a sentence to `notes`, and results to `counts`."""
    copied = reduce_copies(records, source.copy_forward)
    removed = f"; {copied.n_sentences} sentences and {copied.n_records} whole records were removed"
    notes.append(
        f"{copied.share:.0%} of the passages of ten words repeat an earlier record of the same person"
        f"{'' if source.copy_forward == 'keep' else removed} (source.copy_forward: {source.copy_forward})"
    )
    counts["copied_share"] = copied.share
    counts |= {"copied_sentences": copied.n_sentences, "copied_records": copied.n_records}
    return copied.records


def _at_most(records: Sequence[Record], limit: int, seeds: SeedTree) -> list[Record]:
    """Return at most `limit` records of each person, in the given order.

    The records with the smallest keyed hashes are kept. Person and position among the person's records are hashed,
    but not the record id, because an id can be a row number, which depends on the records of other persons.
    """
    by_person: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        by_person[record.group].append(record)
    kept: set[str] = set()
    for person, own_records in by_person.items():
        keys = [seeds.child("of-person", person, str(place)).key() for place in range(len(own_records))]
        kept.update(own_records[place].id for place in sorted(range(len(own_records)), key=keys.__getitem__)[:limit])
    return [record for record in records if record.id in kept]
