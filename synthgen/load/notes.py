"""The stage `extract`: read a hospital source, and write its notes as a table for the stage `load`."""

from collections.abc import Callable, Mapping
from functools import partial

from synthgen.core.stage import Stage, StageContext
from synthgen.extract.extract import ReadOptions, extract
from synthgen.extract.note import Fields
from synthgen.extract.resolve import NO_LABEL, OTHER_LABEL, NoteSelection
from synthgen.load.cells import folded, normalized
from synthgen.load.selection import is_no_value

SETTINGS = ("kind", "fields", "encoding", "rows_are_persons", "labels", "normalize_labels", "max_records")


def _extract(context: StageContext) -> Mapping[str, object]:
    source = {name: context.config(f"source.{name}") for name in SETTINGS}
    seeds = context.stream("load")
    selection = NoteSelection(
        reason_unused=unused_labels(source["labels"], normalize=source["normalize_labels"]),
        limit=source["max_records"],
        rank=lambda person: seeds.child("sample", person).key(),  # the order in which `load` samples persons
        rows_are_persons=source["rows_are_persons"],
    )
    fields = Fields(**source["fields"].model_dump())
    options = ReadOptions(fields=fields, encoding=source["encoding"], max_notes=context.input("most_notes"))
    with context.progress.stage("extract", total=0, unit="documents") as advance:
        report = extract(source["kind"], context.input("file"), context.folder, options, selection, advance)
    counts = {part: {why: found["count"] for why, found in report[part].items()} for part in ("dropped", "remarks")}
    shown = {"is_whole": report["is_whole"], "profile": report["profile"]}
    return {"in": report["items"], "out": report["notes"], **counts, **shown}


def unused_labels(labels: tuple[str, ...] | None, *, normalize: bool) -> Callable[[str], str | None]:
    """Return a function: label -> reason why `load` skips the records of this label, or None if `load` keeps them."""
    spelling: Callable[[str], str] = folded if normalize else partial(normalized, form="NFC")
    kept = None if labels is None else {spelling(label) for label in labels}

    def reason(label: str) -> str | None:
        if normalize and is_no_value(normalized(label, "NFC")):
            return NO_LABEL
        return None if kept is None or spelling(label) in kept else OTHER_LABEL

    return reason


EXTRACT = Stage(
    name="extract",
    version=4,
    run=_extract,
    config=tuple(f"source.{name}" for name in SETTINGS),
    inputs=("file", "most_notes"),
    streams=("load",),
    libraries=("python", "duckdb", "lxml", "pyarrow", "pypdf", "regex"),
)
