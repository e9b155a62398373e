"""Choose which of the extracted notes are used, and write them to one Parquet file.

Older versions, replaced documents and repeated texts are dropped. Persons whose identifiers were merged become one
person. Documents of different persons are not compared, so adding or removing a person changes no note of another
person. There are two exceptions. If an item withdraws a document and states no person, the document is dropped for
all persons. If the source has more notes than `NoteSelection.limit`, an added person can displace others from the
sample. The texts stay on disk; DuckDB compares only identifiers, dates and digests.

The id of a note is `PERSON/DATE/DOCUMENT`, and later stages sort by this id. The document identifier depends on the
source format. If the same notes come in another format, the order changes only among a person's notes of one date. A
note without a person is dropped or, with `NoteSelection.rows_are_persons`, has the document identifier as its id.
"""

from collections import defaultdict
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq

from synthgen.core.errors import DataError
from synthgen.extract.duck import connect
from synthgen.extract.spool import BATCH_ROWS, NOTES, PERSONS, SpoolSummary

RESOLVED = "notes.parquet"  # columns: id, person, label, text, date, encounter, author, names; sorted by person, date
NO_PERSON, NO_LABEL, NO_TEXT = "no person", "no label", "no text"
OLDER = "older version of a document"
REPLACED = "replaced by another document"
REPEATED = "same text as another document of the person on the same day"
KEPT_SUPERSEDED = "superseded, but used because the source has no document that replaces it"
OTHER_LABEL, NOT_SAMPLED = "class is not in source.labels", "not in the random sample of persons (source.max_records)"

# columns of the table merged: replaced identifier of a person, and the final identifier of the person
_MERGED = "CREATE TABLE merged AS SELECT unnest($old::VARCHAR[]) AS old, unnest($new::VARCHAR[]) AS new"
# Columns of the table note: `row`: position in the source; `person`: id after merges; `same`: digest of the words of
# the text; `reason`: why the note is dropped, null if it is kept.
_NOTES = """
CREATE TABLE note AS
SELECT file_row_number AS row, coalesce(merged.new, CASE WHEN n.person = '' AND $rows_are_persons
        THEN 'row-' || file_row_number ELSE n.person END) AS person,
    place, coalesce(nullif(document, ''), place) AS document, version, date, label, aliases,
    replaces, is_superseded, withdrawn, same, length(n.text) > 0 AS has_text, NULL::VARCHAR AS reason
FROM read_parquet($spooled, file_row_number = true) n LEFT JOIN merged ON merged.old = n.person
"""
# (reason, SQL statement), in the order of execution. The comment on a statement describes the notes that it drops.
# The statement writes the reason to the column `reason` of these notes. None: the source states the reason.
_STEPS = (
    (NO_PERSON, "UPDATE note SET reason = $reason WHERE person = ''"),
    (None, "UPDATE note SET reason = withdrawn WHERE reason IS NULL AND withdrawn <> ''"),
    (  # earlier versions of a document that is withdrawn by an item without a person
        OLDER,
        """
        WITH gone AS (SELECT document, max((version, row)) AS last
                      FROM note WHERE withdrawn <> '' AND person = '' GROUP BY 1)
        UPDATE note SET reason = $reason FROM gone
        WHERE note.document = gone.document AND (note.version, note.row) < last AND reason IS NULL
        """,
    ),
    (  # all versions of a document except the newest
        OLDER,
        """
        UPDATE note SET reason = $reason FROM (
            SELECT row, row_number() OVER (PARTITION BY person, document ORDER BY version DESC, row DESC) AS rank
            FROM note WHERE person <> '') ranked
        WHERE note.row = ranked.row AND rank > 1 AND reason IS NULL
        """,
    ),
    (NO_TEXT, "UPDATE note SET reason = $reason WHERE reason IS NULL AND NOT has_text"),
    (NO_LABEL, "UPDATE note SET reason = $reason WHERE reason IS NULL AND label = ''"),
    (  # a superseded document that has a common identifier with a newer document, even if the newer one is withdrawn
        OLDER,
        """
        WITH key AS (SELECT row, person, version, date, is_superseded AND reason IS NULL AS is_old,
                        unnest(list_append(aliases, document)) AS name
                     FROM note WHERE reason IS NULL OR withdrawn <> ''),
            ranked AS (SELECT row, is_old,
                        rank() OVER (PARTITION BY person, name ORDER BY version DESC, date DESC, row DESC) AS rank
                       FROM key)
        UPDATE note SET reason = $reason FROM ranked WHERE note.row = ranked.row AND is_old AND rank > 1
        """,
    ),
    (  # a document, if a later withdrawal states an alias of the document
        OLDER,
        """
        WITH gone AS (SELECT person, document AS name, max((version, row)) AS last
                      FROM note WHERE withdrawn <> '' GROUP BY 1, 2),
            item AS (SELECT row, person, version, unnest(aliases) AS name FROM note WHERE reason IS NULL),
            pair AS (SELECT row FROM item JOIN gone USING (person, name) WHERE (item.version, item.row) < last)
        UPDATE note SET reason = $reason FROM pair WHERE note.row = pair.row
        """,
    ),
    (  # a document that a newer document replaces, if both documents have a common alias
        OLDER,
        """
        WITH target AS (SELECT person, version, aliases, unnest(replaces) AS name FROM note WHERE reason IS NULL),
            item AS (SELECT row, person, version, aliases, unnest(list_append(aliases, document)) AS name
                    FROM note WHERE reason IS NULL),
            pair AS (SELECT row FROM item JOIN target USING (person, name)
                     WHERE target.version > item.version AND list_has_any(item.aliases, target.aliases))
        UPDATE note SET reason = $reason FROM pair WHERE note.row = pair.row
        """,
    ),
    (  # a document, if any version of another document replaces it; if both replace each other, the newer one is kept
        REPLACED,
        """
        WITH target AS (SELECT row, person, document, date, version, reason IS NULL AS is_kept,
                            withdrawn <> '' AS is_withdrawn, unnest(replaces) AS name
                        FROM note WHERE reason IS NULL OR reason = $older OR withdrawn <> ''),
            item AS (SELECT row, person, document, date, version, is_superseded,
                        unnest(list_append(aliases, document)) AS name
                    FROM note WHERE reason IS NULL),
            pair AS (SELECT DISTINCT item.row AS old, target.row AS new, is_kept,
                        (item.date, item.version, item.row) > (target.date, target.version, target.row) AS is_newer
                     FROM item JOIN target USING (person, name)
                     WHERE item.row <> target.row AND (is_superseded OR NOT is_withdrawn)
                        AND (is_kept OR item.document <> target.document))
        UPDATE note SET reason = $reason FROM pair
        WHERE note.row = pair.old AND NOT (is_newer AND (NOT is_kept OR EXISTS (
            SELECT 1 FROM pair other WHERE other.old = pair.new AND other.new = pair.old)))
        """,
    ),
    (  # a note with the text of another note of the person, if both have the same day or only the other has a date
        REPEATED,
        """
        UPDATE note SET reason = $reason FROM (
            SELECT row, row_number() OVER (PARTITION BY person, same, date[:10] ORDER BY is_superseded, row) AS rank,
                date = '' AND max(date) OVER (PARTITION BY person, same) <> '' AS is_undated
            FROM note WHERE reason IS NULL) ranked
        WHERE note.row = ranked.row AND (rank > 1 OR is_undated)
        """,
    ),
)
_DROPPED = "SELECT reason, count(*), arg_min(place, row, 20) FROM note WHERE reason IS NOT NULL GROUP BY 1"
_SUPERSEDED = "SELECT count(*), arg_min(place, row, 20) FROM note WHERE reason IS NULL AND is_superseded"
# table known: all names of each person that the source states
_NAMES = """
CREATE TABLE known AS
SELECT coalesce(merged.new, p.person) AS person, list_sort(list_distinct(flatten(list(p.names)))) AS names
FROM read_parquet($spooled) p LEFT JOIN merged ON merged.old = p.person GROUP BY 1
"""
_RESULT = """
SELECT CASE WHEN n.person = '' THEN kept.document
        ELSE replace(replace(kept.person, '%', '%25'), '/', '%2F') || '/' || replace(n.date, '/', '-') || '/'
            || kept.document END AS id,
    kept.person, n.label, n.text, n.date, n.encounter, n.author,
    coalesce(known.names, []) AS names
FROM read_parquet($spooled, file_row_number = true) n
JOIN note kept ON kept.row = n.file_row_number LEFT JOIN known ON known.person = kept.person
WHERE kept.reason IS NULL ORDER BY kept.person, n.date, kept.document, kept.row
"""
# 10 %, 50 % and 90 % quantile of the words per note (number of spaces and line breaks, plus 1), and number of persons
_LENGTHS = """
SELECT quantile_disc(2 * length(text) - length(replace(text, ' ', '')) - length(replace(text, chr(10), '')) + 1,
    [0.1, 0.5, 0.9]), count(DISTINCT person) FROM read_parquet($notes)
"""
_YEARS = """
SELECT date[:4], count(*) FROM read_parquet($notes) WHERE regexp_matches(date, '^[0-9]{4}') GROUP BY 1 ORDER BY 1
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteSelection:
    """Conditions that a note must fulfil to be kept."""

    reason_unused: Callable[[str], str | None]  # label -> why notes with this label are not used; None if used
    limit: int | None  # largest number of notes; None for all
    # person -> random sort key; if there are more notes than `limit`, whole persons are kept in the order of the
    # keys, until the next person would exceed `limit`
    rank: Callable[[str], Any]
    rows_are_persons: bool  # True: a note without a person counts as a separate person; False: the note is dropped


def resolve(summary: SpoolSummary, folder: Path, selection: NoteSelection) -> dict[str, Any]:
    """Write the chosen notes to `folder` (`RESOLVED`), and return the content of the load report.

    The files that `spool` wrote to `folder` are read, and removed afterwards.

    Raises:
        DataError: no note is left. The message lists the reasons with counts.

    Privacy: the load report contains counts, years, and the places of notes in the source.
    """
    notes = {"spooled": str(folder / NOTES)}
    with connect(folder, "400MB") as database:
        final = _final_identifiers(summary.merged)
        database.execute(_MERGED, {"old": list(final), "new": list(final.values())})
        database.execute(_NOTES, {**notes, "rows_are_persons": selection.rows_are_persons})
        for reason, step in _STEPS:
            given = {"reason": reason, "older": OLDER}
            database.execute(step, {name: value for name, value in given.items() if f"${name}" in step})
        _drop_labels(database, selection)
        _sample(database, selection)
        database.execute(_NAMES, {"spooled": str(folder / PERSONS)})
        report = _report(database, summary, len(final))
        if not report["notes"]:
            problems = [f"{reason}: {what['count']}" for reason, what in report["dropped"].items()]
            raise DataError("the source contains no usable note", problems=problems, hint=_remedy(report["dropped"]))
        rows = database.sql(_RESULT, params=notes).to_arrow_reader(BATCH_ROWS)
        with pq.ParquetWriter(folder / RESOLVED, rows.schema, compression="zstd") as writer:
            for batch in rows:
                writer.write_batch(batch)
        report["profile"] = _profile(database, folder / RESOLVED)
    for name in (NOTES, PERSONS):
        (folder / name).unlink()
    return report


def _remedy(dropped: Collection[str]) -> str:
    if NOT_SAMPLED in dropped:
        return "Raise source.max_records; the first person of the sample has more notes than this number."
    if OTHER_LABEL in dropped:
        return "Remove source.labels, run `synthgen plan`, and set source.labels to classes that it prints."
    return "Check source.kind, source.path and source.fields."


def _final_identifiers(merges: Collection[tuple[str, str]]) -> dict[str, str]:
    # Returns replaced identifier -> final identifier. All identifiers that merges connect belong to one person. The
    # smallest identifier that was never replaced is final; if all were replaced, the smallest identifier is final.
    linked: dict[str, set[str]] = defaultdict(set)
    for old, new in merges:
        linked[old].add(new)
        linked[new].add(old)
    replaced = {old for old, new in merges if old != new}
    final: dict[str, str] = {}
    seen: set[str] = set()
    for start in linked:
        group, pending = [], [] if start in seen else [start]
        while pending:
            if (identifier := pending.pop()) not in seen:
                seen.add(identifier)
                group.append(identifier)
                pending += linked[identifier]
        if group:
            kept = min([identifier for identifier in group if identifier not in replaced] or group)
            final |= {identifier: kept for identifier in group if identifier != kept}
    return final


def _drop_labels(database: duckdb.DuckDBPyConnection, selection: NoteSelection) -> None:
    labels = database.execute("SELECT DISTINCT label FROM note WHERE reason IS NULL").fetchall()
    unused = {label: reason for (label,) in labels if (reason := selection.reason_unused(label)) is not None}
    database.execute(
        "CREATE TABLE unused AS SELECT unnest($label::VARCHAR[]) AS label, unnest($reason::VARCHAR[]) AS reason",
        {"label": list(unused), "reason": list(unused.values())},
    )
    drop = "UPDATE note SET reason = u.reason FROM unused u WHERE note.reason IS NULL AND note.label = u.label"
    database.execute(drop)


def _sample(database: duckdb.DuckDBPyConnection, selection: NoteSelection) -> None:
    sizes = dict(database.execute("SELECT person, count(*) FROM note WHERE reason IS NULL GROUP BY 1").fetchall())
    if selection.limit is None or sum(sizes.values()) <= selection.limit:
        return
    taken: list[str] = []
    n_free = selection.limit
    for person in sorted(sizes, key=selection.rank):
        if sizes[person] > n_free:
            break
        taken.append(person)
        n_free -= sizes[person]
    database.execute("CREATE TABLE taken AS SELECT unnest($taken::VARCHAR[]) AS person", {"taken": taken})
    database.execute(
        "UPDATE note SET reason = $reason WHERE reason IS NULL AND person NOT IN (SELECT person FROM taken)",
        {"reason": NOT_SAMPLED},
    )


def _report(database: duckdb.DuckDBPyConnection, summary: SpoolSummary, n_merged: int) -> dict[str, Any]:
    for reason, count, places in database.execute(_DROPPED).fetchall():
        summary.dropped.add(reason, places, count)
    ((n_kept, places),) = database.execute(_SUPERSEDED).fetchall()
    if n_kept:
        summary.remarks.add(KEPT_SUPERSEDED, places, n_kept)
    ((n_notes,),) = database.execute("SELECT count(*) FROM note WHERE reason IS NULL").fetchall()
    return {
        "items": summary.n_items,
        "notes": n_notes,
        "merged_persons": n_merged,
        "dropped": summary.dropped.to_json(),
        "remarks": summary.remarks.to_json(),
    }


def _profile(database: duckdb.DuckDBPyConnection, notes: Path) -> dict[str, Any]:
    path = {"notes": str(notes)}
    ((lengths, persons),) = database.execute(_LENGTHS, path).fetchall()
    return {"words": lengths, "persons": persons, "notes_by_year": dict(database.execute(_YEARS, path).fetchall())}
