"""Turns rows into records, and tells of every row that cannot be one by its number and a fixed reason."""

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import regex

from synthgen.core.errors import DataError
from synthgen.core.seeds import SeedTree
from synthgen.core.types import Corpus, Record
from synthgen.load.config import SourceConfig
from synthgen.load.formats import UNDECODABLE, SourceRow, SourceTable, read_source, wanted_columns

NO_TEXT = "empty text"
NOT_TEXT = "text is not a string"
NUL = "NUL character in text"
NO_LABEL = "missing label"
NO_GROUP = "missing group"
NO_ID = "missing id"
REPEATED_ID = "duplicate id"
UNSEEN = regex.compile(r"(?!\s)[\p{Default_Ignorable_Code_Point}\p{Cf}\p{Cc}]")
BLANK = "\u2800"  # of braille, drawn as a space and none by Unicode


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that cannot be used: its number counted from 1, and a fixed reason."""

    number: int
    reason: str


def to_record(row: SourceRow, source: SourceConfig, taken: set[str]) -> Record | BadRow:
    """Return the row's record, or why there is none; `taken` holds the ids so far and gains this one's.

    The text keeps every character but the white space around it. Labels are brought to Unicode NFC, so that two
    spellings of one class are not two classes; groups to one spelling, so that nobody is two persons.
    """
    if row.reason:
        return BadRow(row.number, row.reason)
    text, reason = _text(row.values.get(source.text))
    label = _name(row.values.get(source.label))
    group = _spelled(_name(row.values.get(source.group))) if source.group else f"record-{row.number}"
    identity = _name(row.values.get(source.id)) if source.id else f"row-{row.number}"
    if not reason:
        reasons = ((label, NO_LABEL), (group, NO_GROUP), (identity, NO_ID))
        reason = next((missing for value, missing in reasons if value is None), "")
    if not reason and not _encodable(text, label, group, identity):
        reason = UNDECODABLE
    if not reason and identity in taken:
        reason = REPEATED_ID
    if reason or label is None or group is None or identity is None:
        return BadRow(row.number, reason)
    taken.add(identity)
    return Record(id=identity, text=text, label=unicodedata.normalize("NFC", label), group=group)


def names_of(row: SourceRow, source: SourceConfig) -> tuple[str, ...]:
    """Return the names of persons that the declared columns hold for this row."""
    values = (row.values.get(column) for column in source.names)
    return tuple(dict.fromkeys(v.strip() for v in values if isinstance(v, str) and v.strip()))


def _text(value: Any) -> tuple[str, str]:
    """Return the text without the white space around it, and what is wrong with it, if anything."""
    if value is None:
        return "", NO_TEXT
    if not isinstance(value, str):
        return "", NOT_TEXT
    text = value.strip()
    if not text:
        return "", NO_TEXT
    return text, NUL if "\0" in text else ""


def _name(value: Any) -> str | None:
    """Return a label, group or id as a string: strings and whole numbers are names, all else is missing."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    return str(value).strip() or None


def _spelled(name: str | None) -> str | None:
    """Return a name in NFKC, without characters that are drawn as nothing, and with single spaces."""
    seen = UNSEEN.sub("", unicodedata.normalize("NFKC", name or ""))
    return " ".join(unicodedata.normalize("NFKC", seen).replace(BLANK, " ").split()) or None


def _encodable(*values: str | None) -> bool:
    try:
        "".join(value or "" for value in values).encode()
    except UnicodeEncodeError:  # a lone surrogate
        return False
    return True


SHOWN_ROWS = 10
SHOWN_COLUMNS = 30
MAX_SHOWN_NAME = 40  # longer than a name of a column
MAX_LABEL = 64  # characters; longer ones leave by no policy
FEW_CLASSES = 10  # of so many each may be one person's, and the method says what it needs


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadReport:
    """The corpus, and what became of every row.

    Args:
        corpus: the records kept, role `source`, in the order of the file.
        names: names of persons by record id, from the columns declared to hold them.
        n_rows: rows found.
        bad: rows that cannot be used.
        n_other_labels: good rows left out because their class is not among `source.labels`.
        n_not_sampled: good rows left out by `source.max_records`.
    """

    corpus: Corpus
    names: dict[str, tuple[str, ...]]
    n_rows: int
    bad: tuple[BadRow, ...]
    n_other_labels: int
    n_not_sampled: int

    def bad_counts(self) -> dict[str, int]:
        """Return the number of bad rows of each reason, sorted by reason."""
        return dict(sorted(Counter(row.reason for row in self.bad).items()))

    def __repr__(self) -> str:
        return f"LoadReport({len(self.corpus)} records of {self.n_rows} rows, {len(self.bad)} bad)"


def load(source: SourceConfig, path: Path, seeds: SeedTree, *, apart: bool = False) -> LoadReport:
    """Return the source as a corpus, with a count of everything left out.

    Args:
        source: where columns are; `source.path` itself is not read, `path` is.
        path: the file or folder, absolute.
        seeds: the stage's stream, used by `max_records` only.
        apart: whether a source is refused in which one person's row can change others', as under a budget.

    Raises:
        DataError: if the source cannot be read, is empty, lacks a column, holds none of the wanted classes, or has
            a larger share of bad rows than `source.max_bad_rows`, or what is named as its class is none. Rows are
            named by number, never shown.

    Privacy: reads everything, writes nothing, and no message holds a value of the table but its column names.
    Random: one sha256 per group where `max_records` is set; whether a group is taken depends on all groups.
    Cost: the whole source is held in memory.
    """
    table = read_source(source, path, apart=apart)
    _require_columns(table, source, path)
    taken: set[str] = set()
    parsed = [to_record(row, source, taken) for row in table.rows]
    bad = tuple(m for m in parsed if isinstance(m, BadRow))
    _require_few_bad(bad, len(parsed), source, path)
    rows = {m.id: row for m, row in zip(parsed, table.rows, strict=True) if isinstance(m, Record)}
    good = [m for m in parsed if isinstance(m, Record)]
    wanted = _of_labels(good, source, path)
    _require_classes(wanted, source, path)
    sampled = _sample(wanted, source.max_records, seeds)
    if not sampled:
        raise DataError(f"{path}: no usable record is left", hint="Check source.labels and source.max_records.")
    corpus = Corpus(role="source", records=tuple(sampled), has_groups=source.group is not None)
    return LoadReport(
        corpus=corpus,
        names={r.id: names_of(rows[r.id], source) for r in sampled},
        n_rows=len(parsed),
        bad=bad,
        n_other_labels=len(good) - len(wanted),
        n_not_sampled=len(wanted) - len(sampled),
    )


def _require_columns(table: SourceTable, source: SourceConfig, path: Path) -> None:
    if not table.rows:
        raise DataError(f"{path}: holds no rows", hint="Check source.path, and that the file was written whole.")
    missing = [name for name in wanted_columns(source) if name not in table.columns]
    if missing and table.columns:
        raise DataError(
            f"{path}: {len(missing)} of the configured columns not found",
            problems=[f"no column {name!r}" for name in missing],
            hint=f"{_found(table, source, path)} Name them in source.text, .label, .group, .id, .names.",
        )


def _found(table: SourceTable, source: SourceConfig, path: Path) -> str:
    """Return what columns there are; of a csv file that has none of those named, its header may be a record."""
    if ".csv" in {path.suffix, f".{source.format}"} and not {*wanted_columns(source)} & {*table.columns}:
        return f"The {len(table.columns)} cells of the first line are none of them: is it a header?"
    return f"Columns found: {_shown(table.columns)}."


def _shown(columns: tuple[str, ...]) -> str:
    """Return column names for a message, too long ones by their length only."""
    names = [c if len(c) <= MAX_SHOWN_NAME else f"(a name of {len(c)} characters)" for c in columns[:SHOWN_COLUMNS]]
    return ", ".join(names) + (", ..." if len(columns) > SHOWN_COLUMNS else "")


def _require_few_bad(bad: Sequence[BadRow], n_rows: int, source: SourceConfig, path: Path) -> None:
    if len(bad) <= source.max_bad_rows * n_rows:
        return
    by_reason: dict[str, list[int]] = defaultdict(list)
    for row in bad:
        by_reason[row.reason].append(row.number)
    problems = []
    for reason, numbers in sorted(by_reason.items()):
        more = ", ..." if len(numbers) > SHOWN_ROWS else ""
        rows = ", ".join(str(number) for number in numbers[:SHOWN_ROWS])
        problems.append(f"{reason}: {len(numbers)} {'row' if len(numbers) == 1 else 'rows'} ({rows}{more})")
    raise DataError(
        f"{path}: {len(bad)} of {n_rows} rows cannot be used, more than the {source.max_bad_rows:.2%} allowed",
        problems=problems,
        hint="Repair these rows, or raise source.max_bad_rows if losing them is acceptable.",
    )


def _of_labels(records: list[Record], source: SourceConfig, path: Path) -> list[Record]:
    if source.labels is None:
        return records
    labels = set(source.labels)
    absent = sorted(labels - {r.label for r in records})
    if absent:
        raise DataError(
            f"{path}: {len(absent)} of the classes in source.labels have no record",
            problems=[f"no record of class {label!r}" for label in absent],
            hint="Check the spelling of source.labels.",
        )
    return [r for r in records if r.label in labels]


def _require_classes(records: Sequence[Record], source: SourceConfig, path: Path) -> None:
    """Refuse a column of texts, names or ids in the place of classes, before any message names one."""
    persons: dict[str, set[str]] = defaultdict(set)
    for record in records:
        persons[record.label].add(record.group)
    long = sum(len(label) > MAX_LABEL for label in persons)
    alone = sum(len(groups) == 1 for groups in persons.values())
    problems = [f"{long} of {len(persons)} are longer than {MAX_LABEL} characters"] if long else []
    if len(persons) > FEW_CLASSES and 2 * alone > len(persons):
        problems.append(f"{alone} of {len(persons)} have one {'person' if source.group else 'record'}")
    if problems:
        raise DataError(
            f"{path}: what source.label names holds no classes",
            problems=problems,
            hint="Name the column of the class in source.label, or the classes to keep in source.labels.",
        )


def _sample(records: list[Record], limit: int | None, seeds: SeedTree) -> list[Record]:
    """Return the records of whole groups, taken in the order of their seeded hash while they fit the limit."""
    if limit is None or len(records) <= limit:
        return records
    sizes = Counter(r.group for r in records)
    taken: set[str] = set()
    room = limit
    for group in sorted(sizes, key=lambda name: seeds.child("sample", name).key()):
        if sizes[group] > room:
            break
        taken.add(group)
        room -= sizes[group]
    return [r for r in records if r.group in taken]
