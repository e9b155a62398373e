"""Repeat the generation of a finished run without some persons, with separate random streams."""

import shutil
from collections.abc import Generator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import numpy as np

from audits.core.files import sync
from synthgen.config import Config
from synthgen.core.errors import UsageError
from synthgen.core.stage import Stage, StageContext
from synthgen.core.tables import write_corpus
from synthgen.core.types import Corpus, Embedded, Float32
from synthgen.embed import Encoder, embed
from synthgen.pipeline.job import Job
from synthgen.pipeline.judge import synthetic_corpus
from synthgen.pipeline.pipeline import write_records
from synthgen.pipeline.prepare import embed_train
from synthgen.pipeline.rounds import Written, fitted_on
from synthgen.pipeline.segments import encoder_for
from synthgen.pipeline.workspace import StageResult, Workspace

T = TypeVar("T")


def _store(context: StageContext) -> Mapping[str, object]:
    """Write the records where the stage deidentify writes train."""
    records = context.input("records")
    write_corpus(context.folder / "train.parquet", records)
    return {"in": len(records), "out": len(records)}


GIVEN = Stage(name="deidentify", version=1, run=_store, inputs=("records",), libraries=("pyarrow",))


def rerun(job: Job, train: Corpus, vectors: Float32, leave_out: frozenset[str], number: int, folder: Path) -> None:
    """Generate synthetic records without some persons and write them to `folder`/synthetic.

    The rerun starts after deidentify, because the surrogates of a person do not depend on other persons. It reuses
    the vectors of the run, because the encoder is not trained. Interpolate, decode and filter run again, including
    everything they fit on train. If records are split at headings that train persons share, they are embedded
    again. An interrupted rerun continues from its last finished stage.

    Args:
        job: Job of the attacked run.
        train: De-identified training records of that run.
        vectors: float32 (n, d), vectors of the training records.
        leave_out: Groups to leave out.
        number: Number of the rerun; names its random streams.
        folder: Folder of the plan. The workspace of the rerun is created in it and removed when its table is written.

    Raises:
        DataError: If too few persons of a class are left.
        SynthGenError: If a stage fails.

    Privacy: Accesses train. The output is synthetic text that has not been audited.
    Randomness: Streams of the run below the child "shadow/<number>" of their root.
    """
    is_kept = np.array([r.group not in leave_out for r in train.records], dtype=np.bool_)
    kept = replace(train, records=tuple(r for r, kept in zip(train.records, is_kept, strict=True) if kept))
    root = folder / f"rerun-{number:03d}"
    again = Job(job.config, Workspace(root), job.progress, root=job.seeds.child("shadow", str(number)))

    written = write_again(again, kept, vectors[is_kept])
    path = folder / "synthetic" / f"{number:03d}.parquet"
    path.parent.mkdir(mode=0o700, exist_ok=True)
    partial = path.with_suffix(".partial")
    write_corpus(partial, synthetic_corpus(again, written))
    sync(partial)
    partial.replace(path)
    shutil.rmtree(root)


def write_again(again: Job, records: Corpus, vectors: Float32) -> Written:
    """Return the records that the generator writes with other records as its training data.

    Args:
        again: Configuration of the run with a separate workspace and separate streams.
        records: De-identified records.
        vectors: float32 (n, d), vectors of these records.

    Raises:
        DataError: If a class has too few persons.
        SynthGenError: If a stage fails.

    Privacy: Accesses the records. The output depends on them as a release depends on train.
    """
    refuse_private(again.config)
    with again.workspace.locked():
        given = again.run(GIVEN, {"records": records})
        encoder = encoder_for(again, records)
        upstream, embedded = _embedded(again, given, records, vectors, encoder)
        return returned(write_records(again, fitted_on(again, records, embedded, upstream), encoder))


def refuse_private(config: Config) -> None:
    """Raise UsageError for a run under a DP budget, because each rerun would spend budget.

    The influence of a person on such a run is limited by epsilon.
    """
    if config.interpolate.is_private:
        raise UsageError(
            f"a run of method {config.interpolate.method!r} cannot be repeated: each DP query spends budget",
            hint="Epsilon limits the influence of each person; the audit `accounting` checks it.",
        )


def _embedded(job: Job, given: StageResult, kept: Corpus, vectors: Float32, encoder: Encoder) -> tuple[str, Embedded]:
    """Return the vectors of the records of a rerun, and the digest of their source."""
    if job.config.segments is None:
        return given.digest, embed(kept, vectors, encoder)
    stage, embedded = embed_train(job, given, kept, encoder)
    return stage.digest, embedded


def returned(stages: Generator[StageResult, None, T]) -> T:
    """Run all stages and return the return value of the generator."""
    while True:
        try:
            next(stages)
        except StopIteration as end:
            found: T = end.value
            return found
