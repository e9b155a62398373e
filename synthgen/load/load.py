"""Read the source as records: reject unusable rows, keep the wanted classes, and sample whole persons.

`load` makes a record or a `BadRow` from each row, and stops if there are too many bad rows. It keeps the records
whose label (class) is in `source.labels`, and stops if the labels are probably not classes. `select` then changes the
records, for example by removing repeated text. Finally, `load` samples persons if there are too many records.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import regex

from synthgen.core.errors import DataError
from synthgen.core.seeds import SeedTree
from synthgen.core.types import Corpus, Record
from synthgen.load.cells import CellError, folded, is_visible, names_in, normalized, plain_name, type_message
from synthgen.load.config import SourceConfig
from synthgen.load.doubts import doubts
from synthgen.load.formats import read_source, wanted_columns
from synthgen.load.recognise import absent_columns, likely_encoding
from synthgen.load.rows import MALFORMED, UNDECODABLE, SourceRow, SourceTable
from synthgen.load.selection import is_no_value, select, with_one_spelling, with_own_persons

NO_TEXT, NUL = "empty text", "NUL character in text"
NO_LABEL, NO_GROUP, NO_ID, REPEATED_ID = "missing label", "missing group", "missing id", "duplicate id"
SURROGATE = regex.compile(r"\p{Cs}")  # half of a surrogate pair of UTF-16, which UTF-8 cannot encode
# a long number in scientific notation, such as 1.2E+15; the program that wrote it has removed the last digits
SCIENTIFIC = regex.compile(r"[+-]?\d([.,]\d+)?E\+\d+", regex.IGNORECASE)
SHOWN_ROWS, SHOWN_COLUMNS = 10, 30  # largest number of rows per reason, and of columns, that a message lists
MAX_SHOWN_NAME = 40  # number of characters of the longest column name that a message shows
MAX_LABEL = 64  # largest number of characters of a label; no policy releases longer labels
FEW_CLASSES = 10  # a source with more labels is rejected if more than half of them belong to one person each


@dataclass(frozen=True, slots=True)
class BadRow:
    """An unusable row: its number, counted from 1, and why it is unusable, without any value of the row."""

    number: int
    reason: str


class TooManyBadRows(DataError, exit_code=3):  # noqa: N818 - a state of the source
    """More rows are unusable than `source.max_bad_rows` allows; `bad` lists all unusable rows."""

    bad: tuple[BadRow, ...] = ()

    def with_file_hint(self, file: Path) -> "TooManyBadRows":
        """Return a copy of the error without `bad`; the hint of the copy names the file that lists all bad rows."""
        hint = f"{file} lists the number and the reason of each of these rows. {self.hint}"
        return TooManyBadRows(self.message, problems=self.problems, hint=hint)


def bad_rows_json(bad: Sequence[BadRow]) -> list[dict[str, Any]]:
    """Return the JSON data of the file that lists the bad rows."""
    return [{"row": row.number, "reason": row.reason} for row in bad]


def to_record(row: SourceRow, source: SourceConfig, used_ids: set[str]) -> Record | BadRow:
    """Return the record of a row, or a `BadRow` with the first reason that applies; add a record's id to `used_ids`.

    Text and id lose surrounding white space; `normalized` is applied to the label and the group (the person). If the
    source has no column for the group or the id, the row number gives the value. `load` later replaces such a group
    by a value that does not depend on the row number (see `with_own_persons`).
    """
    if row.reason:
        return BadRow(row.number, row.reason)
    text, reason = _text(row.values.get(source.text), source.text)
    label, unusable = _name(row, "label", source.label, "NFC")
    group, identity = f"record-{row.number}", f"row-{row.number}"
    if source.group:
        group, problem = _name(row, "group", source.group, "NFKC")
        unusable = unusable or problem
    if source.id:
        identity, problem = _name(row, "id", source.id)
        unusable = unusable or problem
    if source.normalize_labels and is_no_value(label):
        label = ""
    reason = reason or unusable
    if not reason:
        reasons = ((label, NO_LABEL), (group, NO_GROUP), (identity, NO_ID))
        reason = next((missing for value, missing in reasons if not value), "")
    if not reason and any(SURROGATE.search(value or "") for value in (text, label, group, identity)):
        reason = UNDECODABLE
    if not reason and identity in used_ids:
        reason = REPEATED_ID
    if reason:
        return BadRow(row.number, reason)
    used_ids.add(identity)
    return Record(id=identity, text=text, label=label, group=group)


def names_of(row: SourceRow, columns: Sequence[str]) -> tuple[str, ...]:
    """Return the different names of persons in the columns of a row; raise CellError as `names_in` does."""
    return tuple(dict.fromkeys(name for column in columns for name in names_in(row.values.get(column))))


def _text(value: Any, column: str) -> tuple[str, str]:
    """Return the text of a cell without surrounding white space, and why it is unusable (empty if it is usable)."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "", NO_TEXT
    if not isinstance(value, str):
        return "", f"text {type_message(value)} (column {column})"
    text = value.strip()
    return text, NO_TEXT if not is_visible(text) else NUL if "\0" in text else ""


def _name(row: SourceRow, role: str, column: str, form: Literal["NFC", "NFKC"] | None = None) -> tuple[str, str]:
    """Return a label, group or id (empty if missing), and why that value is unusable (empty if it is usable)."""
    try:
        name = plain_name(row.values.get(column)) or ""
    except CellError as error:
        return "", f"{role} {error} (column {column})"
    if role != "label" and SCIENTIFIC.fullmatch(name):
        rounded = "is a rounded number such as 1.2E+15, so two different ids can become equal; save it as text"
        return "", f"{role} {rounded} (column {column})"
    return (normalized(name, form) if form else name), ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadReport:
    """The loaded records, and the numbers of rows that were rejected or skipped."""

    corpus: Corpus  # the kept records, in the order of the file
    names: dict[str, tuple[str, ...]]  # names in the columns `source.names` of each kept record, by record id
    staff: tuple[str, ...]  # different names in the columns `source.staff` of all kept records, sorted
    n_rows: int  # number of rows in the source
    bad: tuple[BadRow, ...]  # unusable rows, in the order of the file
    n_other_labels: int  # number of usable rows whose label is not in `source.labels`
    n_not_sampled: int  # number of records that were left out because of `source.max_records`
    removed: Mapping[str, float]  # the `counts` that `select` returns
    notes: tuple[str, ...]  # sentences about probable mistakes in the source; they may show labels

    def bad_counts(self) -> dict[str, int]:
        """Return the number of bad rows per reason, sorted by reason."""
        return dict(sorted(Counter(row.reason for row in self.bad).items()))

    def counts(self) -> dict[str, object]:
        """Return all counts and notes as JSON data; `in` is the number of rows, `out` the number of kept records."""
        return {
            "in": self.n_rows,
            "out": len(self.corpus),
            "bad_rows": self.bad_counts(),
            "other_labels": self.n_other_labels,
            "not_sampled": self.n_not_sampled,
            **self.removed,
            "notes": list(self.notes),
            "classes": self.corpus.counts(),
        }

    def __repr__(self) -> str:
        return f"LoadReport({len(self.corpus)} records of {self.n_rows} rows, {len(self.bad)} bad)"


def load(source: SourceConfig, path: Path, seeds: SeedTree, *, isolated_rows: bool = False) -> LoadReport:
    """Return the records in the file or folder `path`, with counts of all rejected and skipped rows.

    `source` describes the columns. The data are read from `path`, not from `source.path`. For a hospital source,
    `path` is the table of extracted notes. With `isolated_rows`, which a privacy budget requires, a CSV file is
    rejected if a cell has several lines (see `read_csv`).

    Raises:
        TooManyBadRows: the source has more bad rows than `source.max_bad_rows` allows.
        DataError: the source is unreadable or empty, lacks a configured column or a class in `source.labels`, or
            has no record that can be kept; a class is smaller than `source.min_class` accepts, and
            `source.min_class.then` is `refuse`; the values of the label column are not classes; or values in the
            columns `source.names` or `source.staff` are not names.

    Privacy: messages contain row numbers, column names and, if the label column contains classes, labels.
    Randomness: if `source.max_records` is set, keyed hashes choose the persons. If `source.max_per_person` is set,
        keyed hashes choose the records of each person.
    """
    source = source if source.kind == "table" else source.of_notes
    table = read_source(source, path, isolated_rows=isolated_rows)
    _require_columns(table, source, path)
    used_ids: set[str] = set()
    parsed = [to_record(row, source, used_ids) for row in table.rows]
    bad = tuple(row for row in parsed if isinstance(row, BadRow))
    good = [record for record in parsed if isinstance(record, Record)]
    if source.group is None:
        good = with_own_persons(good)
    before = after = len({record.label for record in good})  # number of labels; each spelling counts as one label
    if source.normalize_labels:
        good = with_one_spelling(good, source)
        after = len({record.label for record in good})
    _require_few_bad(bad, len(parsed), source, path)
    rows = {m.id: row for m, row in zip(parsed, table.rows, strict=True) if isinstance(m, Record)}
    in_classes = _of_labels(good, source, path)
    _require_classes(in_classes, source, path)
    selected = select(in_classes, source, seeds)
    sampled = _sample(selected.records, source.max_records, seeds)
    if not sampled:
        raise DataError(f"{path}: no usable record is left", hint="Check source.labels and source.max_records.")
    staff = _names(sampled, rows, "staff", source.staff, path)
    corpus = Corpus(role="source", records=tuple(sampled), has_groups=source.has_persons)
    return LoadReport(
        corpus=corpus,
        names=_names(sampled, rows, "names", source.names, path),
        staff=tuple(sorted({name for names in staff.values() for name in names})),
        n_rows=len(parsed),
        bad=bad,
        n_other_labels=len(good) - len(in_classes),
        n_not_sampled=len(selected.records) - len(sampled),
        removed=selected.counts,
        notes=(
            *table.notes,
            *([f"{before} spellings of labels became {after} classes (source.normalize_labels)"] * (after < before)),
            *selected.notes,
            *_undecodable(bad, path),
            *doubts(good, in_classes, source),
        ),
    )


def _names(
    records: Sequence[Record], rows: Mapping[str, SourceRow], key: str, columns: Sequence[str], path: Path
) -> dict[str, tuple[str, ...]]:
    """Return the names in `columns` (`source.<key>`) by record id; raise DataError if cells do not hold names."""
    names: dict[str, tuple[str, ...]] = {}
    problems: Counter[str] = Counter()  # number of rows by problem
    for record in records:
        try:
            names[record.id] = names_of(rows[record.id], columns)
        except CellError as error:
            problems[str(error)] += 1
    if problems:
        raise DataError(
            f"{path}: columns in source.{key} hold values that are not names",
            problems=[f"{n} rows: a value {problem}" for problem, n in sorted(problems.items())],
            hint=f"Save names as text, lists of texts or structs of texts, or remove the column from source.{key}.",
        )
    return names


def _undecodable(bad: Sequence[BadRow], path: Path) -> list[str]:  # a note on skipped rows, or none
    n = sum(row.reason == UNDECODABLE for row in bad)
    return [f"{n} rows were skipped because of undecodable bytes. {likely_encoding(path)}"] if n else []


def _require_columns(table: SourceTable, source: SourceConfig, path: Path) -> None:
    if not table.rows:
        hint = "Check source.path, and that the file is complete."
        raise DataError(f"{path}: contains no rows", problems=table.notes, hint=hint)
    missing = [name for name in wanted_columns(source) if name not in table.columns]
    if missing and table.columns:
        raise DataError(
            f"{path}: some columns that the configuration uses are missing",
            problems=absent_columns(missing, table.columns),
            hint=f"{_shown(table.columns, source, path)} Correct the keys of `source` that name missing columns.",
        )


def _shown(columns: tuple[str, ...], source: SourceConfig, path: Path) -> str:
    """Return a sentence that lists the columns; if a csv file may have no header, the sentence only counts them."""
    is_header = {folded(name) for name in wanted_columns(source)} & {folded(column) for column in columns}
    if _is_csv(source, path) and not is_header:
        what = f"None of the {len(columns)} cells of the first line is the name of a configured column."
        return f"{what} Does the file have a header?"
    names = [c if len(c) <= MAX_SHOWN_NAME else f"(a name of {len(c)} characters)" for c in columns[:SHOWN_COLUMNS]]
    return f"The table has: {', '.join(names)}{', ...' if len(columns) > SHOWN_COLUMNS else ''}."


def _is_csv(source: SourceConfig, path: Path) -> bool:
    return source.format == "csv" or (source.format == "auto" and path.suffix.lower() == ".csv")


def _require_few_bad(bad: Sequence[BadRow], n_rows: int, source: SourceConfig, path: Path) -> None:
    if len(bad) <= source.max_bad_rows * n_rows:
        return
    by_reason: dict[str, list[str]] = defaultdict(list)
    for row in bad:
        by_reason[row.reason].append(str(row.number))
    problems = []
    for reason, numbers in sorted(by_reason.items()):
        shown = ", ".join([*numbers[:SHOWN_ROWS], *(["..."] if len(numbers) > SHOWN_ROWS else [])])
        problems.append(f"{reason}: {f'row {shown}' if len(numbers) == 1 else f'{len(numbers)} rows ({shown})'}")
    hint = "Repair these rows, or raise source.max_bad_rows if losing them is acceptable."
    if MALFORMED in by_reason and _is_csv(source, path):
        hint = f"A malformed row of a csv file has more or fewer cells than the header. {hint}"
    if UNDECODABLE in by_reason:
        hint = f"{likely_encoding(path)} {hint}".strip()
    refused = TooManyBadRows(
        f"{path}: {len(bad)} of {n_rows} rows cannot be used, more than the {source.max_bad_rows:.2%} allowed",
        problems=problems,
        hint=hint,
    )
    refused.bad = tuple(bad)
    raise refused


def _of_labels(records: list[Record], source: SourceConfig, path: Path) -> list[Record]:
    """Return the records of the classes in `source.labels` (None: all); raise DataError if a class has no record."""
    if source.labels is None:
        return records
    if absent := sorted(set(source.labels) - {r.label for r in records}):
        raise DataError(
            f"{path}: {len(absent)} of the classes in source.labels have no record",
            problems=[f"no record of class {label!r}" for label in absent],
            hint="Check the spelling of source.labels.",
        )
    return [r for r in records if r.label in source.labels]


def _require_classes(records: Sequence[Record], source: SourceConfig, path: Path) -> None:
    """Raise DataError if labels are longer than `MAX_LABEL`, or too many and too rare to be classes (`FEW_CLASSES`).

    Such labels can be texts, names or ids. Therefore this check comes before any message that shows a label.
    """
    persons: dict[str, set[str]] = defaultdict(set)
    for record in records:
        persons[record.label].add(record.group)
    long = sum(len(label) > MAX_LABEL for label in persons)
    single = sum(len(groups) == 1 for groups in persons.values())
    problems = [f"{long} of {len(persons)} different labels are longer than {MAX_LABEL} characters"] if long else []
    if len(persons) > FEW_CLASSES and 2 * single > len(persons):
        owner = "person" if source.group else "record"
        problems.append(f"{single} of {len(persons)} different labels belong to only one {owner}")
    if problems:
        is_table = source.kind == "table"
        place = "source.label" if is_table else "source.fields.label"
        raise DataError(
            f"{path if is_table else source.path}: the values of {place} are not classes",
            problems=problems,
            hint=f"Set {place} to the column or field of the class, or list the classes to keep in source.labels.",
        )


def _sample(records: list[Record], limit: int | None, seeds: SeedTree) -> list[Record]:
    """Return all records or, if there are more than `limit`, at most `limit` records of whole persons.

    Persons are taken in the order of a keyed hash, until the records of the next person would exceed the limit.
    """
    if limit is None or len(records) <= limit:
        return records
    sizes = Counter(r.group for r in records)
    taken: set[str] = set()
    n_free = limit
    for group in sorted(sizes, key=lambda name: seeds.child("sample", name).key()):
        if sizes[group] > n_free:
            break
        taken.add(group)
        n_free -= sizes[group]
    return [r for r in records if r.group in taken]
