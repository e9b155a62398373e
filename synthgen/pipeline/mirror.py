"""The mirror of a run: what the same generator writes from control, for the audits alone.

A score of a train record on the release says how much the generator learnt of it and how common it is. The same score
on the mirror says how common it is alone, so the difference sees smaller leaks. The mirror gives control away as the
release gives train away: it stays in the workspace.
"""

from dataclasses import dataclass

import numpy as np

from synthgen.core.tables import read_corpus
from synthgen.core.types import Corpus, Float32
from synthgen.pipeline.job import STAGES_VERSION, Job
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


def mirror_inputs(job: Job, control: Corpus, filtered: str) -> dict[str, object]:
    """Return all that a mirror depends on.

    Args:
        job: the run.
        control: without identifiers.
        filtered: digest of the run's last filter stage, so of every setting that the release was made with.
    """
    seeds = job.seeds.child("mirror")
    return {"version": STAGES_VERSION, "filter": filtered, "control": control.digest, "seed": seeds.key().hex()}


def find_mirror(job: Job, control: Corpus, filtered: str) -> MirrorRun | None:
    """Return the mirror of this run if `synthgen mirror` made one; that of other settings or persons is none."""
    found = job.workspace.finished("mirror", mirror_inputs(job, control, filtered))
    return None if found is None else read_mirror(found)


def read_mirror(stage: StageResult) -> MirrorRun:
    """Return the mirror that a stage left."""
    return MirrorRun(
        digest=stage.digest,
        records=read_corpus(stage.folder / MIRROR, "synthetic"),
        vectors=np.load(stage.folder / MIRROR_VECTORS, allow_pickle=False),
    )
