"""Run the first stages: extract, load, split, deidentify, embed. Later stages read only de-identified records."""

import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from audits.text.clinical_terms import is_ordinary
from synthgen.core.digest import sha256_json
from synthgen.core.errors import DataError
from synthgen.core.files import read_json, write_by, write_json
from synthgen.core.stage import StageInput, plain_value
from synthgen.core.tables import read_corpus, read_segments
from synthgen.core.types import Corpus, Embedded
from synthgen.core.workers import arithmetic
from synthgen.decode.config import DecodeConfig
from synthgen.deidentify import engine_digest
from synthgen.deidentify.stage import DEIDENTIFY
from synthgen.embed import Encoder, with_ids
from synthgen.embed.stage import EMBED, TRAIN_VECTORS
from synthgen.extract.extract import LOAD_REPORT
from synthgen.extract.folder import MODIFIED
from synthgen.extract.resolve import RESOLVED
from synthgen.load import LoadReport, load
from synthgen.load.load import TooManyBadRows, bad_rows_json
from synthgen.load.notes import EXTRACT
from synthgen.load.stage import BAD_ROWS, LOAD
from synthgen.models.registry import MODELS
from synthgen.pipeline.job import Job, source_digest
from synthgen.pipeline.workspace import StageResult
from synthgen.split.stage import SPLIT

# Smallest share of English words in texts that count as English. The measured share was at least 0.69 in 21 English
# corpora, and at most 0.27 in sentences of six other European languages.
MIN_ENGLISH_SHARE = 0.45
Identifiers = tuple[tuple[str, ...], ...] | None  # replaced strings of each record; None if de-identification is off


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """The de-identified train and control records, and the identifiers that were replaced in them."""

    train: Corpus
    control: Corpus
    near_duplicate_rate: float  # share of control records that `split` removed as near copies of train records
    identifiers: Identifiers
    control_identifiers: Identifiers


def extract_notes(job: Job, most_notes: int | None = None) -> StageResult | None:
    """Extract the notes of a hospital source, such as FHIR, into the workspace; return None if the source is a table.

    The load report and the table of notes are also copied to the top folder of the workspace. A run with a privacy
    budget requires a table as its source, and can use this copy.

    `most_notes` limits the number of notes to read; None: no limit. With a limit, a change of the source is detected
    only by the names, sizes and modification times of its files.
    """
    if job.config.source.kind == "table":
        return None
    path = job.config.source_path
    if not path.exists():
        raise DataError(f"{path}: there is no such file or folder", hint="Check source.path in the configuration.")
    if most_notes is None:
        state = _state_of(path, with_days=job.config.source.fields.date == MODIFIED)
    else:
        state = _sizes_and_times(path)
    extracted = job.run(EXTRACT, {"file": StageInput(path, state), "most_notes": plain_value(most_notes)})
    # `load` adds counts to the report later; if `load` fails, the report on the extraction remains
    write_json(job.workspace.root / LOAD_REPORT, read_json(extracted.folder / LOAD_REPORT))
    write_by(job.workspace.root / RESOLVED, lambda path: _copy_private(extracted.folder / RESOLVED, path))
    return extracted


def _copy_private(source: Path, target: Path) -> None:
    target.touch(mode=0o600)
    shutil.copyfile(source, target)


def _state_of(path: Path, *, with_days: bool) -> str:
    """Return a digest of the content of a hospital source.

    The digest covers the file `NAME.wal`, in which DuckDB keeps the latest changes of the database NAME. With
    `with_days`, it also covers the day of the last change of each file, which is then the date of its notes.
    """
    files = sorted(path.rglob("*")) if with_days else []
    days = {file.relative_to(path).as_posix(): int(file.lstat().st_mtime) // 86400 for file in files}
    return sha256_json({"content": source_digest(path), "days": days, "log": source_digest(Path(f"{path}.wal"))})


def _sizes_and_times(path: Path) -> str:
    """Return a digest of the paths, sizes and modification times of the files of a hospital source."""
    files = [file for file in (path, Path(f"{path}.wal"), *path.rglob("*")) if file.is_file()]
    stats = {str(file): [(found := file.stat()).st_size, found.st_mtime_ns] for file in sorted(files)}
    return sha256_json(stats)


def table_path(job: Job, extracted: StageResult | None) -> Path:
    """Return the path of the source table, or of the table of extracted notes."""
    return job.config.source_path if extracted is None else extracted.folder / RESOLVED


def load_source(job: Job, extracted: StageResult | None) -> StageResult:
    """Read the source, or the notes extracted from it, into the workspace, and write a list of the unusable rows."""
    path = table_path(job, extracted)
    file = StageInput(path, source_digest(path) if extracted is None else extracted.digest)
    try:
        loaded = job.run(LOAD, {"file": file})
    except TooManyBadRows as error:
        raise error.with_file_hint(_write_bad_rows(job, bad_rows_json(error.bad))) from None
    _write_bad_rows(job, read_json(loaded.folder / BAD_ROWS))
    _write_load_report(job, extracted, loaded.counts)
    return loaded


def read_source(job: Job, extracted: StageResult | None) -> LoadReport:
    """Read and return the source; unlike `load_source`, store only the list of unusable rows and the load report."""
    path, is_dp = table_path(job, extracted), job.config.interpolate.is_dp
    try:
        report = load(job.config.source, path, job.seeds.child("load"), isolated_rows=is_dp)
    except TooManyBadRows as error:
        raise error.with_file_hint(_write_bad_rows(job, bad_rows_json(error.bad))) from None
    _write_bad_rows(job, bad_rows_json(report.bad))
    _write_load_report(job, extracted, report.counts())
    return report


def _write_bad_rows(job: Job, rows: object) -> Path:
    path = job.workspace.root / BAD_ROWS
    write_json(path, rows)
    return path


def _write_load_report(job: Job, extracted: StageResult | None, counts: Mapping[str, object]) -> None:
    report = {"kind": job.config.source.kind} if extracted is None else read_json(extracted.folder / LOAD_REPORT)
    write_json(job.workspace.root / LOAD_REPORT, {**report, "load": dict(counts)})


def split_source(job: Job, loaded: StageResult) -> StageResult:
    """Split the persons into train and control."""
    return job.run(SPLIT, {"load": loaded})


def check_train_classes(train: Corpus, control: Corpus) -> None:
    """Raise DataError if a class has records only in control, because the run could write no record of that class."""
    if missing := sorted(set(control.labels) - set(train.labels)):
        raise DataError(
            "the split left some classes without a record in train",
            problems=[f"{label!r}: only control has records of this class" for label in missing],
            hint="Add persons of each of these classes, or set source.labels to a list without these classes.",
        )


def check_language(config: DecodeConfig, texts: Sequence[str]) -> None:
    """Raise DataError if the texts are not English, because the default language model writes only English.

    Only the first 400 texts are checked. Nothing is checked if a server or another model writes the texts.
    """
    if config.model not in MODELS or config.endpoint is not None:
        return
    words = [word for text in texts[:400] for word in re.findall(r"[^\W\d_]+", text)]
    share = sum(map(is_ordinary, words)) / max(len(words), 1)
    if share < MIN_ENGLISH_SHARE:
        raise DataError(
            f"the texts are not English ({share:.0%} of their words are English), but {config.model} writes only "
            "English",
            hint="Set decode.model and decode.bridge to a model and a bridge for the language of the texts.",
        )


def replace_identifiers(job: Job, loaded: StageResult, parts: StageResult) -> StageResult:
    """Replace identifiers in train and control by surrogates, and store the replaced strings."""
    engine_model = plain_value(engine_digest(job.config.deidentify))
    # under differential privacy, the text of a person must not depend on the names of other persons
    shares_names = plain_value(not job.config.interpolate.is_dp)
    settings = {"engine_model": engine_model, "shares_names": shares_names}
    return job.run(DEIDENTIFY, {"load": loaded, "split": parts, **settings})


def read_prepared(job: Job, parts: StageResult, clean: StageResult) -> Prepared:
    """Return the records and replaced strings of the stage deidentify, with the near-duplicate rate of split."""
    train, control = (read_corpus(clean.folder / f"{name}.parquet", name) for name in ("train", "control"))
    is_off = job.config.deidentify.engine == "off"
    return Prepared(
        train=train,
        control=control,
        near_duplicate_rate=float(parts.counts["near_duplicate_rate"] or 0.0),
        identifiers=None if is_off else _replaced(clean.folder / "replaced-train.json", train),
        control_identifiers=None if is_off else _replaced(clean.folder / "replaced-control.json", control),
    )


def replaced_names(clean: Path, train: Corpus) -> tuple[str, ...]:
    """Return the names of persons and places that were replaced in these train records and in control.

    These names are masked in the generated texts. The names of control are masked, too, because the audits compare
    the names of train with those of control. `clean` is the folder of the stage deidentify.

    Privacy: a reader of a released text can infer that a name in it is not one of the replaced names of the source.
    """
    replaced, of_control = (read_json(clean / f"replaced-{role}.json") for role in ("train", "control"))
    pairs = [*(replaced.get(record.id, ()) for record in train.records), *of_control.values()]
    return tuple(text for found in pairs for kind, text in found if kind in {"name", "place"})


def _replaced(path: Path, corpus: Corpus) -> Identifiers:
    replaced = read_json(path)
    return tuple(tuple(text for _, text in replaced.get(r.id, ())) for r in corpus.records)


def embed_train(job: Job, clean: StageResult, train: Corpus, encoder: Encoder) -> tuple[StageResult, Embedded]:
    """Embed the train records; return the result of the stage, and the vectors with the ids of their records."""
    result = job.run(EMBED, {"deidentify": clean, "arithmetic": plain_value(arithmetic())}, {"embedder": encoder})
    embedded = with_ids(train, np.load(result.folder / TRAIN_VECTORS, allow_pickle=False), encoder)
    is_segmented = job.config.segments is not None
    return result, replace(embedded, parts=read_segments(result.folder)) if is_segmented else embedded
