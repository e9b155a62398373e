"""Run the generator of a finished run again without some persons, with random streams of its own."""

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
    """Write the records in the place where deidentify writes train."""
    records = context.input("records")
    write_corpus(context.folder / "train.parquet", records)
    return {"in": len(records), "out": len(records)}


GIVEN = Stage(name="deidentify", version=1, run=_store, inputs=("records",), libraries=("pyarrow",))


def rerun(job: Job, train: Corpus, vectors: Float32, leave_out: frozenset[str], number: int, folder: Path) -> None:
    """Write what the generator makes without some persons to `folder`/synthetic; go on where an earlier try stopped.

    It starts behind deidentify, whose surrogates of a person depend on no other person, and takes the vectors of the
    run, because the encoder learns nothing: interpolate, decode and filter are done anew, with whatever they learn
    from train. Where records are cut by the headings that train shares, they are embedded anew too.

    Args:
        job: of the run that is attacked.
        train: its train records, without identifiers.
        vectors: float32 (n, d), of the records of train.
        leave_out: groups.
        number: of the rerun; names its streams.
        folder: of the plan; the rerun's own workspace is made in it, and removed when its table is whole.

    Raises:
        DataError: too few persons of a class are left.
        SynthGenError: as the stages say.

    Privacy: reads train; what is written is synthetic text that no audit has seen.
    Random: the streams of the run, below the child "shadow/<number>" of their root.
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
    """Return what the generator writes with other records as its train.

    Args:
        again: the run's configuration, with a workspace and streams of its own.
        records: without identifiers.
        vectors: float32 (n, d), of these records.

    Raises:
        DataError: too few persons of a class.
        SynthGenError: as the stages say.

    Privacy: reads the records; what is written gives them away as a release gives train away.
    """
    refuse_private(again.config)
    with again.workspace.locked():
        given = again.run(GIVEN, {"records": records})
        encoder = encoder_for(again, records)
        upstream, embedded = _embedded(again, given, records, vectors, encoder)
        return returned(write_records(again, fitted_on(again, records, embedded, upstream), encoder))


def refuse_private(config: Config) -> None:
    """Raise UsageError for a run under a budget: writing it again asks its persons again, at a price.

    What a person adds there is bounded by epsilon, and the noise of each draw hides the rest.
    """
    if config.interpolate.is_private:
        raise UsageError(
            f"a run of {config.interpolate.method} is not written again: each draw is paid for",
            hint="Its bound is epsilon; `accounting` checks it.",
        )


def _embedded(job: Job, given: StageResult, kept: Corpus, vectors: Float32, encoder: Encoder) -> tuple[str, Embedded]:
    """Return the vectors of a rerun's records, and the digest of what they come from."""
    if job.config.segments is None:
        return given.digest, embed(kept, vectors, encoder)
    stage, embedded = embed_train(job, given, kept, encoder)
    return stage.digest, embedded


def returned(stages: Generator[StageResult, None, T]) -> T:
    """Run stages to their end and return what they came to."""
    while True:
        try:
            next(stages)
        except StopIteration as end:
            found: T = end.value
            return found
