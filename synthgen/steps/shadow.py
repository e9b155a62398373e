"""One rerun of the generator for the shadow attack: the same configuration, other dice, some persons left out."""

import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from synthgen.config import Config
from synthgen.seeds import SeedTree
from synthgen.steps.job import STAGES_VERSION, Job
from synthgen.steps.judge import synthetic_corpus
from synthgen.steps.prepare import embed_train
from synthgen.steps.write import Writer
from synthgen.tables import write_corpus
from synthgen.types import Corpus
from synthgen.workspace import Workspace, sync

SEED_BYTES = 6


def rerun(job: Job, train: Corpus, leave_out: frozenset[str], number: int, folder: Path) -> None:
    """Write what the generator makes without some persons to `folder`/synthetic; go on where an earlier try stopped.

    It starts behind deidentify, whose surrogates of a person depend on no other person: embed, interpolate, decode
    and filter are done anew, with whatever they learn from train.

    Args:
        job: of the run that is attacked.
        train: its train records, without identifiers.
        leave_out: groups.
        number: of the rerun; decides its seed.
        folder: of the plan; the rerun's own workspace is made in it, and removed when its table is whole.

    Raises:
        DataError: too few persons of a class are left.
        SynthGenError: as the stages say.

    Privacy: reads train; what is written is synthetic text that no audit has seen.
    Random: the run's streams, under a seed drawn of the child "shadow/<number>".
    """
    kept = replace(train, records=tuple(r for r in train.records if r.group not in leave_out))
    root = folder / f"rerun-{number:03d}"
    again = Job(reseeded(job.config, number), Workspace(root), job.progress)

    def make(place: Path) -> Mapping[str, object]:
        write_corpus(place / "train.parquet", kept)
        return {"in": len(train), "out": len(kept)}

    with again.workspace.locked():
        given = again.workspace.stage("deidentify", {"version": STAGES_VERSION, "train": kept.digest}, make)
        embedding, embedded = embed_train(again, given, kept)
        written = Writer(again, kept, embedded, embedding.digest).write()
        path = folder / "synthetic" / f"{number:03d}.parquet"
        path.parent.mkdir(mode=0o700, exist_ok=True)
        partial = path.with_suffix(".partial")
        write_corpus(partial, synthetic_corpus(again, written))
        sync(partial)
        partial.replace(path)
    shutil.rmtree(root)


def reseeded(config: Config, number: int) -> Config:
    """Return the configuration with the seed of a rerun."""
    key = SeedTree(config.seed).child("shadow", str(number)).key()
    return config.model_copy(update={"seed": int.from_bytes(key[:SEED_BYTES], "big")})
