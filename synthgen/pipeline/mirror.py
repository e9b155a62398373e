"""The mirror of a run: what the same generator writes from control, for the audits alone.

A score of a train record on the release says how much the generator learnt of it and how common it is. The same score
on the mirror says how common it is alone, so the difference sees smaller leaks. The mirror gives control away as the
release gives train away: it stays in the workspace.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from synthgen.core.made_by import LIBRARIES
from synthgen.core.stage import HasDigest, Stage, StageContext, Value
from synthgen.core.tables import read_corpus, write_corpus
from synthgen.core.types import Corpus, Float32
from synthgen.pipeline.job import Job
from synthgen.pipeline.workspace import StageResult

MIRROR, MIRROR_VECTORS = "mirror.parquet", "mirror.npy"


@dataclass(frozen=True, slots=True, kw_only=True)
class MirrorRun:
    """What the generator wrote from control.

    Args:
        digest: of all it was made from.
        records: synthetic, under ids of their own.
        vectors: float32 (n, d), of the run's encoder, row i of record i.
    """

    digest: str
    records: Corpus
    vectors: Float32


def _mirror(context: StageContext) -> Mapping[str, object]:
    """Write what the generator makes from control, and its vectors."""
    control, generate = context.input("control"), context.input("generator")
    records, vectors = generate(control, context.folder, context.stream("mirror"))
    write_corpus(context.folder / MIRROR, records)
    np.save(context.folder / MIRROR_VECTORS, vectors, allow_pickle=False)
    return {"in": len(control), "out": len(records)}


# The filter stage's digest stands for the generator: it covers every setting and model that made the release.
MIRROR_STAGE = Stage(
    name="mirror",
    version=1,
    run=_mirror,
    inputs=("control", "generator"),
    streams=("mirror",),
    libraries=("python", *LIBRARIES),
    keep_partial=True,
)


def mirror_inputs(control: Corpus, filtered: str, generate: object = None) -> dict[str, HasDigest]:
    """Return the inputs of the mirror.

    Args:
        control: without identifiers.
        filtered: digest of the run's last filter stage.
        generate: writes records from control; not needed to find a mirror that exists.
    """
    return {"control": control, "generator": Value(generate, filtered)}


def find_mirror(job: Job, control: Corpus, filtered: str) -> MirrorRun | None:
    """Return the mirror of this run if `synthgen mirror` made one; a mirror of other settings or persons is not used."""
    found = job.finished(MIRROR_STAGE, mirror_inputs(control, filtered))
    return None if found is None else read_mirror(found)


def read_mirror(stage: StageResult) -> MirrorRun:
    """Return the mirror that a stage left."""
    return MirrorRun(
        digest=stage.digest,
        records=read_corpus(stage.folder / MIRROR, "synthetic"),
        vectors=np.load(stage.folder / MIRROR_VECTORS, allow_pickle=False),
    )
