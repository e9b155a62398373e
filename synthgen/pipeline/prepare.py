"""The first steps: load, split, deidentify, embed. After them no step sees an identifier or the source again."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from synthgen.core.errors import DataError
from synthgen.core.tables import read_corpus, read_segments, write_corpus, write_segments
from synthgen.core.types import Corpus, Embedded
from synthgen.deidentify import deidentify, engine_digest
from synthgen.embed import Encoder, embed
from synthgen.embed.segmented import SegmentedEncoder
from synthgen.load import load
from synthgen.pipeline.job import STAGES_VERSION, Job, source_digest
from synthgen.pipeline.workspace import StageResult, write_json
from synthgen.segment import record_vectors
from synthgen.split import commit_split, split

Identifiers = tuple[tuple[str, ...], ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """Train, control and what was replaced in each, row by row.

    Args:
        near_duplicate_rate: share of the control records that were set aside because they nearly repeat a train
            record; the audits must not conclude where it is high.
    """

    train: Corpus
    control: Corpus
    near_duplicate_rate: float
    identifiers: Identifiers
    control_identifiers: Identifiers


def load_source(job: Job) -> StageResult:
    """Read the source into the workspace: records.parquet, names.json, and the count of bad rows by reason."""
    source = job.config.source
    path = job.config.resolve(source.path)
    seeds, apart = job.seeds.child("load"), job.config.interpolate.is_private

    def make(folder: Path) -> Mapping[str, object]:
        report = load(source, path, seeds, isolated_rows=apart)
        write_corpus(folder / "records.parquet", report.corpus)
        write_json(folder / "names.json", {k: list(v) for k, v in report.names.items()})
        return {
            "in": report.n_rows,
            "out": len(report.corpus),
            "bad_rows": report.bad_counts(),
            "other_labels": report.n_other_labels,
            "not_sampled": report.n_not_sampled,
            "classes": report.corpus.counts(),
        }

    inputs = {
        "version": STAGES_VERSION,
        "source": source.model_dump(mode="json"),
        "digest": source_digest(path),
        "seed": seeds.key().hex(),
        "apart": apart,
    }
    return job.workspace.stage("load", inputs, make)


def split_source(job: Job, loaded: StageResult) -> StageResult:
    """Toss each person's coin and commit to the result before anything is fitted."""
    seeds = job.seeds.child("split")

    def make(folder: Path) -> Mapping[str, object]:
        corpus = read_corpus(loaded.folder / "records.parquet", "source")
        parts = split(corpus, job.config.split, seeds)
        commit_split(parts, seeds, folder / "commitment.json")
        write_corpus(folder / "train.parquet", parts.train)
        write_corpus(folder / "control.parquet", parts.control)
        report = parts.report
        return {
            "in": len(corpus),
            "out": len(parts.train) + len(parts.control),
            "groups": report.groups,
            "classes": report.records,
            "near_duplicates_set_aside": report.n_near_duplicates,
            "near_duplicate_rate": report.near_duplicate_rate,
        }

    inputs = {
        "version": STAGES_VERSION,
        "load": loaded.digest,
        "split": job.config.split.model_dump(mode="json"),
        "seed": seeds.key().hex(),
    }
    return job.workspace.stage("split", inputs, make)


def refuse_untaught(train: Corpus, control: Corpus) -> None:
    """Raise DataError where the split left a class in control alone, before anything is learned, or paid for.

    Nothing of it would be written, and no classifier could be tested on it.
    """
    if untaught := sorted(set(control.labels) - set(train.labels)):
        raise DataError(
            "the split left classes in control alone",
            problems=[f"{label!r}: no person of train has it" for label in untaught],
            hint="Give each class more persons, or leave it out of source.labels.",
        )


def replace_identifiers(job: Job, loaded: StageResult, parts: StageResult) -> StageResult:
    """Put surrogates in the place of identifiers, in train and control alike; keep what was replaced."""
    seeds = job.seeds.child("deidentify")

    def make(folder: Path) -> Mapping[str, object]:
        names = {k: tuple(v) for k, v in json.loads((loaded.folder / "names.json").read_bytes()).items()}
        counts: dict[str, object] = {}
        for role in ("train", "control"):
            corpus = read_corpus(parts.folder / f"{role}.parquet", role)
            with job.progress.stage(f"deidentify {role}", total=len(corpus), unit="records") as advance:
                done = deidentify(corpus, job.config.deidentify, names, seeds)
                advance(len(corpus))
            write_corpus(folder / f"{role}.parquet", done.corpus)
            replaced = {key: [list(pair) for pair in pairs] for key, pairs in done.replaced.items()}
            write_json(folder / f"replaced-{role}.json", replaced)
            counts[role] = done.report.counts
        total = sum(len(read_corpus(folder / f"{role}.parquet", "source")) for role in ("train", "control"))
        return {"in": total, "out": total, "engine": job.config.deidentify.engine, "replaced": counts}

    inputs = {
        "version": STAGES_VERSION,
        "split": parts.digest,
        "seed": seeds.key().hex(),
        "deidentify": job.config.deidentify.model_dump(mode="json"),
        "model": engine_digest(job.config.deidentify),
    }
    return job.workspace.stage("deidentify", inputs, make)


def read_prepared(job: Job, parts: StageResult, clean: StageResult) -> Prepared:
    """Return what the later steps start from."""
    train = read_corpus(clean.folder / "train.parquet", "train")
    control = read_corpus(clean.folder / "control.parquet", "control")
    is_off = job.config.deidentify.engine == "off"
    return Prepared(
        train=train,
        control=control,
        near_duplicate_rate=float(parts.counts["near_duplicate_rate"] or 0.0),
        identifiers=None if is_off else _replaced(clean.folder / "replaced-train.json", train),
        control_identifiers=None if is_off else _replaced(clean.folder / "replaced-control.json", control),
    )


def _replaced(path: Path, corpus: Corpus) -> Identifiers:
    replaced = json.loads(path.read_bytes())
    return tuple(tuple(text for _, text in replaced.get(r.id, ())) for r in corpus.records)


def embed_train(job: Job, clean: StageResult, train: Corpus, encoder: Encoder) -> tuple[StageResult, Embedded]:
    """Make the vectors of train; control is embedded once the records are written."""

    def make(folder: Path) -> Mapping[str, object]:
        counts: dict[str, object] = {}
        with job.progress.stage("embed", total=len(set(train.texts)), unit="texts") as advance:
            if isinstance(encoder, SegmentedEncoder):
                parts = encoder.segments([r.id for r in train.records], train.texts, advance)
                write_segments(folder, parts)
                vectors = record_vectors(parts)[1]
                counts = {"segments": len(parts), "headings": len(encoder.splitter.headings)}
            else:
                vectors = encoder.encode(train.texts, advance)
        np.save(folder / "train.npy", vectors, allow_pickle=False)
        return {"in": len(train), "out": len(train), "dim": encoder.dim, "max_tokens": encoder.max_tokens, **counts}

    inputs = {"version": STAGES_VERSION, "deidentify": clean.digest, "encoder": encoder.digest}
    result = job.workspace.stage("embed", inputs, make)
    embedded = embed(train, np.load(result.folder / "train.npy", allow_pickle=False), encoder)
    is_cut = job.config.segments is not None
    return result, replace(embedded, parts=read_segments(result.folder)) if is_cut else embedded
